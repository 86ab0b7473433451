//! The conversation's own record: what was answered, in order, by key. It holds no secret, resumes a conversation that
//! was broken off, and answers `init --answers`: the same record gives the same site file, byte for byte.

use std::fmt::Write as _;
use std::path::Path;

use super::yaml::scalar;
use crate::site::file::tree::{self, Value};

/// What the file says of itself.
const HEADING: &str = "# What was answered when this site was set up, in order. It holds no secrets. The same answers make the same site file:\n\
                       # portcullis init --answers FILE DIR\n";

/// One answer: a key of the site file, or the domain, and what was said; nothing said declines it.
pub(super) type Entry = (String, String);

/// The record's text.
pub(super) fn write(entries: &[Entry]) -> String {
    let mut text = HEADING.to_owned();
    for (key, answer) in entries {
        // Writing to a string cannot fail. Always a text: `0` and `yes` are read back as they were typed.
        let _ = writeln!(text, "{}: {}", scalar(key), if answer.is_empty() { "\"\"".to_owned() } else { scalar(answer) });
    }
    text
}

/// Reads a record; nothing where it is not there or no record: then there is nothing to take up.
pub(super) fn read(path: &Path) -> Vec<Entry> {
    let Some(root) = std::fs::read_to_string(path).ok().and_then(|text| tree::parse(&text).ok()) else { return Vec::new() };
    let Value::Map(entries) = root.value else { return Vec::new() };
    let text = |entry: tree::Entry| match entry.node.value {
        Value::Text(text) => Some((entry.key, text)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    entries.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Existing, write_atomically};
    use proptest::prelude::*;

    #[test]
    fn what_is_no_record_takes_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        assert_eq!(read(&path), []);
        for text in ["- a\n", "a: [\n", "\u{0}"] {
            write_atomically(&path, text.as_bytes(), 0o600, Existing::Replace).unwrap();
            assert_eq!(read(&path), [], "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_record_reads_back_in_order(answers in prop::collection::vec("[ -~éß]{0,24}", 0..6)) {
            let entries: Vec<Entry> = answers.into_iter().enumerate().map(|(place, text)| (format!("nodes[{place}].host_keys"), text)).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("record");
            write_atomically(&path, write(&entries).as_bytes(), 0o600, Existing::Keep).unwrap();
            prop_assert_eq!(read(&path), entries);
        }
    }
}
