//! Where secrets stand in a site file by mistake, so that no excerpt and no message repeats them.
//!
//! Works on the bare text, since a file that is not even YAML is shown too. It would rather hide too
//! much than too little.

use std::ops::Range;

use crate::site::model::SecretRef;

/// What stands in a secret's place.
const MASK: &str = "********";

/// Parts of key names behind which a secret is to be expected.
const WORDS: [&str; 11] =
    ["password", "passwd", "pwd", "passphrase", "secret", "token", "one_time_code", "otp", "credential", "api_key", "apikey"];

/// Whether a key of this name holds a secret, misspelt names included.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let misspelt = |word: &&str| word.len() >= 6 && strsim::osa_distance(&key, word) <= 2;
    key == "pass" || WORDS.iter().any(|word| key.contains(word)) || WORDS.iter().any(misspelt) || misspelt_compound(&key)
}

/// `sudo_pasword`, `key_passwrod`: the last word decides.
fn misspelt_compound(key: &str) -> bool {
    key.rsplit('_').next().is_some_and(|last| ["password", "passphrase"].iter().any(|word| strsim::osa_distance(last, word) <= 2))
}

/// How far a secret goes on in the lines below its key's.
enum Below {
    /// While they are indented by more than this.
    Deeper(usize),
    /// The same, and the first of them even where it is not, unless it has a key of its own.
    Next(usize),
    /// Up to and with the line that has this letter: a closing quote, a closing brace.
    Until(char),
}

/// The stretches of `text` that look like secrets, in bytes, in order of their starts.
pub(crate) fn find_secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = private_keys(text);
    let mut start = 0;
    let mut below: Option<Below> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start_matches(' ').len();
        let hidden = match &below {
            None => false,
            Some(Below::Deeper(outer)) => content.is_empty() || indent > *outer,
            Some(Below::Next(outer)) => content.is_empty() || indent > *outer || !has_key(content),
            Some(Below::Until(_)) => true,
        };
        if hidden {
            found.push(start + indent..start + content.len());
        }
        below = match below {
            Some(Below::Until(end)) if !content.contains(end) => Some(Below::Until(end)),
            Some(Below::Next(outer)) if content.is_empty() => Some(Below::Next(outer)),
            Some(Below::Deeper(outer) | Below::Next(outer)) if hidden => Some(Below::Deeper(outer)),
            _ => {
                let (values, goes_on) = secrets_of_line(content);
                found.extend(values.into_iter().map(|range| start + range.start..start + range.end));
                goes_on
            }
        };
        found.extend(user_information(content).map(|range| start + range.start..start + range.end));
        start += line.len();
    }
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| (range.start, range.end));
    found
}

/// Whether a line begins an entry of a mapping or a list.
fn has_key(line: &str) -> bool {
    let entry = line.trim_start();
    let word = entry.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    entry.starts_with("- ") || word.len() < entry.len() && (word == ":" || word.starts_with(": "))
}

/// The values of secret keys in one line, and how far the last of them goes on.
fn secrets_of_line(line: &str) -> (Vec<Range<usize>>, Option<Below>) {
    let mut found = Vec::new();
    let mut below = None;
    let mut from = 0;
    while let Some(colon) = line.get(from..).and_then(|rest| rest.find(':')).map(|at| from + at) {
        from = colon + 1;
        let before = line.get(..colon).unwrap_or_default().trim_end_matches([' ', '"', '\'']);
        let key = before.rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '-')).next().unwrap_or_default();
        if key.is_empty() || !is_secret_key(key) {
            continue;
        }
        let after = line.get(from..).unwrap_or_default();
        let start = from + (after.len() - after.trim_start().len());
        let rest = line.get(start..).unwrap_or_default();
        let in_flow = before.contains(['{', '[']);
        let value = value_at(rest, in_flow);
        let bare = value.split(" #").next().unwrap_or(value).trim_end().trim_matches(['"', '\'']);
        // `secret: true` of a playbook's step says that there is one, and not what it is.
        let is_reference = bare.parse::<SecretRef>().is_ok() || matches!(bare, "true" | "false");
        below = match value.chars().next() {
            _ if is_reference => None,
            Some(quote @ ('"' | '\'')) if value.len() == 1 || !value.ends_with(quote) => Some(Below::Until(quote)),
            _ if in_flow => (!rest.contains('}')).then_some(Below::Until('}')),
            // Nothing of it stands in this line: rather too much than too little of those below.
            None | Some('|' | '>' | '&' | '!') => Some(Below::Next(line.len() - line.trim_start_matches(' ').len())),
            _ => Some(Below::Deeper(before.len().saturating_sub(key.len()))),
        };
        if !is_reference && !value.is_empty() {
            found.push(start..start + value.len());
            from = start + value.len();
        }
    }
    (found, below)
}

/// The value that begins here. Where its end is in doubt, all of the line.
fn value_at(rest: &str, in_flow: bool) -> &str {
    let mut letters = rest.char_indices();
    if let Some((_, quote @ ('"' | '\''))) = letters.next() {
        let mut escaped = false;
        for (at, letter) in letters {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quote == '"' => escaped = true,
                _ if letter == quote => {
                    let (value, after) = rest.split_at_checked(at + 1).unwrap_or((rest, ""));
                    let ends = after.trim_start().is_empty() || after.starts_with([',', '}', ']']) || after.starts_with(" #");
                    return if ends { value } else { rest };
                }
                _ => {}
            }
        }
        return rest;
    }
    // A `#` or a `,` may be a part of the secret for whoever wrote it.
    if in_flow { next_key(rest).unwrap_or_else(|| rest.trim_end_matches(['}', ']', ',', ' '])) } else { rest }
}

/// What stands before `, key:` in a mapping in braces.
fn next_key(rest: &str) -> Option<&str> {
    let is_key = |after: &str| {
        let word = after.trim_start().trim_start_matches(['"', '\'']);
        let name = word.trim_start_matches(|letter: char| letter.is_ascii_lowercase() || letter == '_');
        name.len() < word.len() && name.trim_start_matches(['"', '\'']).starts_with(": ")
    };
    rest.match_indices(", ").find(|(at, mark)| rest.get(at + mark.len()..).is_some_and(is_key)).and_then(|(at, _)| rest.get(..at))
}

/// The passwords of `scheme://user:password@host` in one line.
fn user_information(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    line.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = line.get(start..)?;
        let end = rest.find([' ', '"', '\'', '/', ',', '}']).unwrap_or(rest.len());
        // The last `@`: a password may hold one.
        let user = rest.get(..end)?.rfind('@')?;
        let colon = rest.get(..user)?.find(':')?;
        Some(start + colon + 1..start + user)
    })
}

fn private_keys(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("PRIVATE KEY-----")).map(|at| from + at) {
        let start = at + "PRIVATE KEY-----".len();
        let end = text.get(start..).and_then(|rest| rest.find("-----END")).map_or(text.len(), |end| start + end);
        found.push(start..end);
        // Past the closing line, whose own `PRIVATE KEY-----` opens nothing.
        from = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |line| end + line);
    }
    found
}

/// A line with its secrets masked, and the stretch `meant` moved along with the text.
pub(crate) fn mask_line(line: &str, secrets: &[Range<usize>], meant: Range<usize>) -> (String, Range<usize>) {
    let mut masked = String::new();
    let mut copied = 0;
    let (mut start, mut end) = (None, None);
    for secret in secrets {
        let range = secret.start.max(copied)..secret.end.min(line.len());
        if range.is_empty() {
            continue;
        }
        let offset = |at: usize| (at <= range.start).then(|| masked.len() + at.saturating_sub(copied));
        start = start.or_else(|| offset(meant.start));
        end = end.or_else(|| offset(meant.end));
        masked.push_str(line.get(copied..range.start).unwrap_or_default());
        if meant.start < range.end {
            start = start.or(Some(masked.len()));
        }
        masked.push_str(MASK);
        if meant.end <= range.end {
            end = end.or(Some(masked.len()));
        }
        copied = range.end;
    }
    let rest = |at: usize| masked.len() + at.saturating_sub(copied);
    let (start, end) = (start.unwrap_or_else(|| rest(meant.start)), end.unwrap_or_else(|| rest(meant.end)));
    masked.push_str(line.get(copied..).unwrap_or_default());
    (masked, start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(text: &str) -> String {
        mask_line(text, &find_secrets(text), 0..0).0
    }

    #[test]
    fn a_secret_is_masked_and_a_reference_is_not() {
        assert_eq!(masked("  password: hunter2"), "  password: ********");
        assert_eq!(masked("  password: env:SMTP"), "  password: env:SMTP");
        assert_eq!(masked("{user: a, sudo_password: hunter2, port: 22}"), "{user: a, sudo_password: ********, port: 22}");
        assert_eq!(masked("pasword: \"a b # c\" # x"), "pasword: ******** # x");
        assert_eq!(masked("url: http://joe:hun@ter2@proxy:3128"), "url: http://joe:********@proxy:3128");
        assert_eq!(masked("bypass: [localhost]"), "bypass: [localhost]");
    }

    #[test]
    fn where_the_end_is_in_doubt_all_of_the_line_is_masked() {
        assert_eq!(masked("password: hunter #2"), "password: ********");
        assert_eq!(masked("{password: hun,ter: 2, port: 22}"), "{password: ********, port: 22}");
        assert_eq!(masked("password: \"a\"b"), "password: ********");
        assert_eq!(masked("password: env:MAIL # ours"), "password: env:MAIL # ours");
    }

    #[test]
    fn the_lines_of_a_block_are_masked_too() {
        assert_eq!(masked("smtp:\n  password: |\n    hunter2\n  host: a"), "smtp:\n  password: ********\n    ********\n  host: a");
        assert_eq!(masked("{password: \"\nhunter2\n, a: b}\nc: d"), "{password: ********\n********\n********\n********");
        assert_eq!(masked("- password: a\n  host: b"), "- password: ********\n  host: b");
        let key = "a: -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb: c";
        assert!(!masked(key).contains("MIIE"));
    }

    #[test]
    fn the_marker_moves_with_the_text() {
        let line = "{password: hunter2hunter2, prot: 22}";
        let at = line.find("prot").unwrap();
        let (text, span) = mask_line(line, &find_secrets(line), at..at + 4);
        assert_eq!(&text[span], "prot");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(password|pass|://|@|:|\"|'|\\{|\\}|,| |\n|é|-----|PRIVATE KEY-----|-----END|\\PC){0,30}", a in 0..40_usize) {
            let secrets = find_secrets(&text);
            for secret in &secrets {
                prop_assert!(text.get(secret.clone()).is_some());
            }
            drop(mask_line(&text, &secrets, a..a));
        }
    }
}
