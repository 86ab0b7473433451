//! Writing values as YAML that reads back as the same values, also when other readers than ours do.
//!
//! A scalar is plain only where no YAML version could take it for anything but text.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::site::duration::parse_duration;

/// Longest line for a list or mapping in brackets.
const WIDEST: usize = 110;

/// Writes `key: value` with its line break, indented by `indent` blanks.
pub(super) fn write_entry(out: &mut String, key: &str, value: &Value, indent: usize) {
    let blank = " ".repeat(indent);
    let key = scalar(key);
    let flow = flow(value);
    if is_flat(value) && indent + key.len() + flow.len() + 2 <= WIDEST {
        let _ = writeln!(out, "{blank}{key}: {flow}");
        return;
    }
    match value {
        Value::Object(map) => {
            let _ = writeln!(out, "{blank}{key}:");
            write_map(out, map, indent + 2);
        }
        Value::Array(items) => {
            let _ = writeln!(out, "{blank}{key}:");
            for item in items {
                write_item(out, item, indent + 2);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = writeln!(out, "{blank}{key}: {flow}");
        }
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>, indent: usize) {
    for (key, value) in map {
        write_entry(out, key, value, indent);
    }
}

fn write_item(out: &mut String, item: &Value, indent: usize) {
    let blank = " ".repeat(indent);
    let flow = flow(item);
    let Value::Object(map) = item else {
        let _ = writeln!(out, "{blank}- {flow}");
        return;
    };
    if map.is_empty() || (indent + flow.len() + 2 <= WIDEST && map.values().all(is_flat)) {
        let _ = writeln!(out, "{blank}- {flow}");
        return;
    }
    let mut inner = String::new();
    write_map(&mut inner, map, indent + 2);
    // The first key stands behind the dash.
    let _ = write!(out, "{blank}- {}", inner.trim_start_matches(' '));
}

/// Whether a value fits between brackets on its key's line.
fn is_flat(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| !item.is_array() && !item.is_object()),
        Value::Object(map) => map.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A text as a scalar: plain where that is safe, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "-._/~+@ ".contains(letter);
    let word = text.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric());
    let looks_like_a_word = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    // Addresses, versions and paths begin with a digit or `~` and are text by what follows; numbers and dates are not.
    let looks_like_an_address = text.starts_with(|letter: char| letter.is_ascii_digit()) && text.matches('.').count() >= 2;
    let looks_like_a_path = text.starts_with("~/");
    let looks_like_a_duration = !text.starts_with('0') && parse_duration(text).is_ok();
    let is_reserved = matches!(
        text.to_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf" | "infinity"
    );
    (looks_like_a_word || looks_like_an_address || looks_like_a_path || looks_like_a_duration)
        && text.chars().all(letter)
        && !text.ends_with(' ')
        && !text.contains("  ")
        && !is_reserved
        && (word.len() < text.len() || text.ends_with('/'))
        // An exponent or a date of YAML 1.1.
        && text.parse::<f64>().is_err()
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Not printable in YAML, or invisible to whoever opens the file.
            _ if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\U{:08x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn what_people_write_plain_stays_plain() {
        for text in [
            "corp-production",
            "10.77.0.11",
            "manage.corp.example",
            "~/.ssh/id_ed25519",
            "appliance@corp.example",
            "a b",
            "certs/x.pem",
            "1d12h",
        ] {
            assert_eq!(scalar(text), text);
        }
    }

    #[test]
    fn what_could_be_something_else_is_quoted() {
        for text in [
            "",
            "yes",
            "No",
            "null",
            "~",
            "12",
            "1.5",
            "1e3",
            "2027-05-31",
            "a: b",
            "- a",
            "[x",
            "a #b",
            " a",
            "a ",
            "é",
            "SHA256:x",
            "0x1F",
            "1_000",
            "!x",
            "*x",
            "&x",
            "10:20",
            "nan",
        ] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-zA-Z0-9:#,\\[\\]{}'\"~/._ -]{0,12}",
            "\\PC{0,8}",
            "(yes|no|null|~|1|1\\.5|-|\\? a|a: b|\t|\n|\u{7f}|\u{2028}|\u{feff})"
        ];
        let leaf = prop_oneof![text.prop_map(Value::String), any::<bool>().prop_map(Value::Bool), (0..70_000_u32).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec(("[a-z_]{1,8}", inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in value()) {
            let mut text = String::new();
            write_entry(&mut text, "key", &value, 0);
            prop_assert_eq!(&read(&text)["key"], &value, "{}", text);
        }
    }
}
