//! A recording as it is played: pieces with their times, and as asciicast v2 for other players.
//!
//! script(1), "advanced" format: `O SECONDS BYTES`, `H SECONDS NAME VALUE`, `S SECONDS SIGWINCH ROWS=… COLS=…`; seconds since
//! the line before. asciicast v2: <https://docs.asciinema.org/manual/asciicast/v2/>.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::Recording;

/// The size of a terminal whose size nobody knows.
const USUAL: (u16, u16) = (24, 80);

/// Something that happened on the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// These bytes were shown.
    Bytes(Vec<u8>),
    /// It has so many rows and columns now.
    Size(u16, u16),
}

/// What was shown, each with the time since the beginning. What cannot be read is passed over.
pub fn read_shown(recording: &Recording) -> Vec<(Duration, Shown)> {
    // Its first line is script(1)'s own.
    let first = recording.shown.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut rest = recording.shown.get(first..).unwrap_or_default();
    let mut at = Duration::ZERO;
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&recording.timing).lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(what), Some(delay), Some(detail)) = (words.next(), words.next(), words.next()) else { continue };
        let delay = delay.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        at = at.saturating_add(delay);
        match what {
            "O" => {
                let length = detail.trim().parse().unwrap_or(0).min(rest.len());
                let (piece, after) = rest.split_at(length);
                found.push((at, Shown::Bytes(piece.to_vec())));
                rest = after;
            }
            "S" => found.extend(size(detail).map(|(rows, columns)| (at, Shown::Size(rows, columns)))),
            _ => {}
        }
    }
    found
}

fn size(text: &str) -> Option<(u16, u16)> {
    let number = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name)?.parse().ok());
    Some((number("ROWS=")?, number("COLS=")?))
}

/// The recording as asciicast v2.
pub fn render_cast(recording: &Recording, title: &str) -> String {
    let about = recording.about();
    let (rows, columns) = about.size.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or(USUAL);
    let mut head = json!({"version": 2, "width": columns, "height": rows, "title": title});
    if let Some(fields) = head.as_object_mut() {
        fields.extend(about.start.map(|start| ("timestamp".to_owned(), json!(start.as_second()))));
        fields.extend(about.terminal.map(|terminal| ("env".to_owned(), json!({"TERM": terminal}))));
        if !about.command.is_empty() {
            fields.insert("command".to_owned(), json!(about.command));
        }
    }
    let mut text = format!("{head}\n");
    let mut begun = Vec::new();
    for (at, shown) in read_shown(recording) {
        let event = match shown {
            Shown::Bytes(bytes) => {
                begun.extend(bytes);
                ("o", whole_characters(&mut begun))
            }
            Shown::Size(rows, columns) => ("r", format!("{columns}x{rows}")),
        };
        line(&mut text, at, event);
    }
    if !begun.is_empty() {
        let last = String::from_utf8_lossy(&begun).into_owned();
        line(&mut text, Duration::ZERO, ("o", last));
    }
    text
}

fn line(text: &mut String, at: Duration, (kind, data): (&str, String)) {
    if !data.is_empty() {
        let event: Value = json!([at.as_secs_f64(), kind, data]);
        let _infallible = writeln!(text, "{event}");
    }
}

// A character may come in two pieces: its first bytes wait for the others.
fn whole_characters(bytes: &mut Vec<u8>) -> String {
    let end = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => {
            let tail = bytes.len().saturating_sub(3);
            let begun = bytes.get(tail..).unwrap_or_default().iter().rposition(|byte| *byte >= 0xc0).map(|at| tail + at);
            begun.filter(|at| bytes.get(*at..).is_some_and(is_begun)).unwrap_or(bytes.len())
        }
    };
    let rest = bytes.split_off(end);
    let whole = std::mem::replace(bytes, rest);
    String::from_utf8_lossy(&whole).into_owned()
}

fn is_begun(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recording(timing: &str, shown: &[u8]) -> Recording {
        let shown = [b"Script started on x\n", shown].concat();
        Recording {
            name: "x".to_owned(),
            about: b"start=1795348800\nsize=40 100\nterminal=xterm\n".to_vec(),
            timing: timing.as_bytes().to_vec(),
            shown,
        }
    }

    #[test]
    fn a_recording_becomes_an_asciicast_with_its_times_and_sizes() {
        let recording = recording("H 0.000000 TERM xterm\nO 0.5 3\nS 0.25 SIGWINCH ROWS=30 COLS=90\nO 0.25 1\n", "hä\n".as_bytes());
        let cast = render_cast(&recording, "ada on a0-1");
        let lines: Vec<Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            json!({"version": 2, "width": 100, "height": 40, "title": "ada on a0-1", "timestamp": 1_795_348_800, "env": {"TERM": "xterm"}})
        );
        assert_eq!(lines[1..], [json!([0.5, "o", "hä"]), json!([0.75, "r", "90x30"]), json!([1.0, "o", "\n"])]);
    }

    #[test]
    fn a_character_in_two_pieces_stays_one() {
        let cast = render_cast(&recording("O 0 2\nO 1 1\n", "hä".as_bytes()), "");
        let told: Vec<Value> = cast.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(told, [json!([0.0, "o", "h"]), json!([1.0, "o", "ä"])]);
    }

    proptest! {
        #[test]
        fn whatever_was_shown_is_in_the_cast_in_its_order(pieces in prop::collection::vec("\\PC{0,8}", 0..12), cut in 1_usize..7) {
            let all = pieces.concat();
            let timing = all.as_bytes().chunks(cut).map(|piece| format!("O 0.1 {}", piece.len())).collect::<Vec<_>>().join("\n");
            let cast = render_cast(&recording(&timing, all.as_bytes()), "t");
            let shown: String = cast.lines().skip(1).map(|line| {
                let event: Value = serde_json::from_str(line).unwrap();
                event[2].as_str().unwrap().to_owned()
            }).collect();
            prop_assert_eq!(shown, all);
        }

        #[test]
        fn garbage_is_no_panic(timing in "\\PC{0,60}", shown in prop::collection::vec(any::<u8>(), 0..60)) {
            drop(render_cast(&recording(&timing, &shown), "t"));
        }
    }
}
