//! How certificates and findings look, for people and as JSON.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use console::measure_text_width;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{CertContext, CertError};
use crate::certs::{Bag, Certificate, Chain, End, SubjectName, deceives, printable};
use crate::finding::{Finding, Severity};

/// Colours where the terminal takes them, and its width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    colour: bool,
    width: usize,
}

/// What a line needs to be worth breaking for.
const NARROWEST: usize = 16;

impl Paint {
    pub(super) fn of(context: &CertContext<'_>) -> Self {
        Self { colour: context.color, width: context.width }
    }

    /// `text` broken for a place that begins `indent` columns from the left, with the lines that follow beneath it. What
    /// stands between backticks is for copying and is never broken.
    pub(super) fn hanging(self, indent: usize, text: &str) -> String {
        let room = self.width.saturating_sub(indent);
        if room < NARROWEST || measure_text_width(text) <= room {
            return text.to_owned();
        }
        let mut lines = vec![String::new()];
        for word in words(text) {
            let mut rest = word;
            loop {
                let line = lines.last_mut().map_or(0, |line| measure_text_width(line));
                let wide = measure_text_width(rest);
                let gap = usize::from(line > 0 && !rest.is_empty());
                if line + gap + wide <= room {
                    break;
                }
                // Only what is wider than a line itself is broken, at a colon (fingerprints) or wherever the line ends.
                let (now, later) = if wide > room && line == 0 { broken(rest, room) } else { ("", rest) };
                if let Some(last) = lines.last_mut() {
                    last.push_str(now);
                }
                if line == 0 && later.len() == rest.len() {
                    break;
                }
                lines.push(String::new());
                rest = later;
            }
            if let Some(last) = lines.last_mut() {
                last.push_str(if last.is_empty() { "" } else { " " });
                last.push_str(rest);
            }
        }
        lines.join(&format!("\n{}", " ".repeat(indent)))
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A word for a shell's command line, to be copied; what a terminal should not get becomes `\u{…}`.
pub(super) fn shell_word(text: &str) -> String {
    crate::node::quote(&printable(text))
}

/// Words with what stands between backticks as one.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (place, letter) in text.char_indices() {
        quoted ^= letter == '`';
        if letter == ' ' && !quoted {
            words.push(text.get(start..place).unwrap_or_default());
            start = place + 1;
        }
    }
    words.push(text.get(start..).unwrap_or_default());
    words
}

/// As much of a word as has room, and the rest; commands and coloured words stay whole.
fn broken(word: &str, room: usize) -> (&str, &str) {
    if word.contains(['`', '\u{1b}']) {
        return ("", word);
    }
    let end = word.char_indices().nth(room).map_or(word.len(), |(place, _)| place);
    let fits = word.get(..end).unwrap_or_default();
    let at = fits.rfind(':').map_or(end, |colon| colon + 1);
    word.split_at_checked(at).unwrap_or(("", word))
}

/// Prints one JSON object and a line break, piece by piece: of thousands of certificates the whole would take more memory
/// than they do. What could turn or hide the text around it on a terminal is escaped, as JSON allows for any character of
/// a string.
pub(super) fn print_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), CertError> {
    let mut escaping = Escaping { out: BufWriter::new(out) };
    let written = serde_json::to_writer_pretty(&mut escaping, value).map_err(io::Error::from);
    written.and_then(|()| escaping.out.write_all(b"\n")).and_then(|()| escaping.out.flush()).map_err(|source| CertError::Output { source })
}

/// Takes JSON in pieces of whole characters, as `serde_json` writes it, and escapes what no terminal should get.
struct Escaping<W> {
    out: W,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(piece) {
            Ok(text) if text.contains(hidden) => self.out.write_all(escaped(text).as_bytes())?,
            Ok(_) | Err(_) => self.out.write_all(piece)?,
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What `serde_json` leaves as it is and no terminal should get; its own line breaks stand between the values.
fn hidden(letter: char) -> bool {
    letter != '\n' && deceives(letter)
}

fn escaped(json: &str) -> String {
    let one = |letter| if hidden(letter) { format!("\\u{:04x}", u32::from(letter)) } else { String::from(letter) };
    json.chars().map(one).collect()
}

/// One certificate as JSON.
pub(super) fn certificate_json(certificate: &Certificate, role: &str, now: Timestamp) -> Value {
    let hex = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat());
    json!({
        "role": role,
        "subject": certificate.subject.to_string(),
        "issuer": certificate.issuer.to_string(),
        "names": certificate.extensions.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "serial": certificate.serial,
        "not_before": certificate.not_before.to_string(),
        "not_after": certificate.not_after.to_string(),
        "days_left": certificate.days_left(now),
        "key": certificate.key.to_string(),
        "signature": certificate.signature.name,
        "ca": certificate.is_ca(),
        "key_id": hex(&certificate.extensions.key_id),
        "issuer_key_id": hex(&certificate.extensions.issuer_key_id),
        "issuer_urls": certificate.extensions.issuer_urls,
        "sha256": hex(&Some(certificate.fingerprint.to_vec())),
        "file": certificate.origin.file,
        "line": certificate.origin.line,
        "friendly_name": certificate.origin.friendly_name,
    })
}

/// The chain's certificates with their roles, in order; the root only where it was among the files.
pub(super) fn in_order(chain: &Chain) -> Vec<(&'static str, &Arc<Certificate>)> {
    let mut list = vec![(role_of_first(chain), &chain.leaf)];
    list.extend(chain.intermediates.iter().map(|one| ("intermediate", one)));
    match &chain.end {
        End::Trusted { root, given: true, .. } | End::UntrustedRoot { root } if *root != chain.leaf => list.push(("root", root)),
        End::Trusted { .. } | End::UntrustedRoot { .. } | End::Missing(_) | End::NotSigned { .. } | End::NotACa { .. } | End::Circle => {}
    }
    list
}

/// What the first certificate of a chain is: where the files hold CA certificates alone, one of these begins it. One with
/// names of servers is meant for a server, whatever else it says.
fn role_of_first(chain: &Chain) -> &'static str {
    let leaf = &chain.leaf;
    let for_a_server = leaf.extensions.names.iter().any(|name| !matches!(name, SubjectName::Other(_)));
    match chain.root() {
        _ if for_a_server || leaf.extensions.ca != Some(true) => "leaf",
        Some(root) if root == leaf => "root",
        _ => "intermediate",
    }
}

/// Private keys as JSON: kind and place, never what is in them.
pub(super) fn keys_json(bag: &Bag, leaves: &[&Arc<Certificate>]) -> Vec<Value> {
    let one = |key: &Arc<crate::certs::Key>| {
        let fits = leaves.iter().find(|leaf| key.fits(leaf)).map(|leaf| leaf.subject.to_string());
        json!({"kind": key.kind.to_string(), "file": key.origin.file, "line": key.origin.line, "fits": fits})
    };
    bag.keys.iter().map(one).collect()
}

/// Findings for people, worst first, and a line that sums them up.
pub(super) fn print_findings(findings: &[Finding], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        tracing::info!(severity = ?finding.severity, subject = finding.subject, message = finding.message, "{}", finding.id);
    }
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &sorted {
        let (word, painted) = match finding.severity {
            Severity::Error => ("error  ", paint.red("error  ")),
            Severity::Warning => ("warning", paint.yellow("warning")),
            Severity::Info => ("info   ", paint.dim("info   ")),
        };
        let indent = " ".repeat(word.len() + 1);
        // File names are among these words, and may hold anything.
        let [subject, message, fix] = [&finding.subject, &finding.message, &finding.fix].map(|text| printable(text));
        writeln!(out, "{painted} {} {}", paint.bold(&finding.id), paint.hanging(indent.len(), &subject))?;
        writeln!(out, "{indent}{}", paint.hanging(indent.len(), &message))?;
        writeln!(out, "{indent}{} {}", paint.dim("fix:"), paint.hanging(indent.len() + 5, &fix))?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning"), (count(Severity::Info), "note")];
    let parts =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
    let sum = parts.collect::<Vec<_>>().join(", ");
    if sum.is_empty() { Ok(()) } else { writeln!(out, "{sum}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Paint = Paint { colour: false, width: 30 };

    #[test]
    fn what_turns_or_hides_text_reaches_no_terminal() {
        let finding = Finding {
            id: "cert.unreadable".to_owned(),
            severity: Severity::Error,
            subject: "a\u{202e}b\u{1b}[2J.pem".to_owned(),
            message: "m".to_owned(),
            fix: "f".to_owned(),
            source: String::new(),
        };
        let mut out = Vec::new();
        print_findings(std::slice::from_ref(&finding), Paint { colour: false, width: usize::MAX }, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains(r"a\u{202e}b\u{1b}[2J.pem"));
        let mut out = Vec::new();
        print_json(&json!({"file": finding.subject, "other": "ü"}), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r"a\u202eb\u001b[2J.pem") && text.contains('ü'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["file"], finding.subject);
    }

    #[test]
    fn a_word_of_a_command_can_be_copied() {
        for (text, word) in [("/srv/a-b.pfx", "/srv/a-b.pfx"), ("my file.pfx", "'my file.pfx'"), ("it's", "'it'\\''s'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(shell_word(text), word);
        }
        assert!(!shell_word("a\u{1b}[31m").contains('\u{1b}'));
    }

    #[test]
    fn lines_that_follow_stand_beneath_the_first() {
        assert_eq!(NARROW.hanging(10, "ask the CA for its current chain"), "ask the CA for its\n          current chain");
        assert_eq!(NARROW.hanging(10, "short"), "short");
        assert_eq!(Paint { width: usize::MAX, ..NARROW }.hanging(10, &"x ".repeat(500)), "x ".repeat(500));
    }

    #[test]
    fn fingerprints_break_at_their_colons_and_commands_not_at_all() {
        assert_eq!(NARROW.hanging(10, "AA:BB:CC:DD:EE:FF:00:11:22"), "AA:BB:CC:DD:EE:FF:\n          00:11:22");
        let text = NARROW.hanging(10, "run `portcullis cert csr --out-dir x` again");
        assert!(text.contains("`portcullis cert csr --out-dir x`"), "{text}");
    }
}
