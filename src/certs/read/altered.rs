//! Lines that were meant to begin or end a PEM block and were altered on their way: a dash too few, dashes of a word
//! processor, small letters, spaces that are none. No program takes them, so that the block goes missing without a word.

/// Such a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Altered<'a> {
    /// Its number, from 1.
    pub(super) line: usize,
    /// As it stands there, without what quotes it.
    pub(super) text: &'a str,
    /// As it should stand.
    pub(super) meant: String,
}

/// Blocks whose loss matters.
const LABELS: [&str; 9] = [
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "PKCS7",
    "CMS",
];
/// The longest of the labels, with its verb, and as much again for spaces of several bytes.
const LONGEST: usize = 60;

/// All of them, in order.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Altered<'_>> {
    text.lines().zip(1..).filter_map(|(line, number)| altered(line, number))
}

fn altered(line: &str, number: usize) -> Option<Altered<'_>> {
    let text = line.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '>' | '|'));
    let words = text.trim_matches(|letter: char| is_dash(letter) || letter.is_whitespace());
    if words.len() > LONGEST || !words.starts_with(['B', 'b', 'E', 'e']) {
        return None;
    }
    let plain = words.replace(|letter: char| letter == '_' || letter.is_whitespace(), " ").to_ascii_uppercase();
    let (verb, label) = plain.split_once(' ')?;
    // Without any dash it is more likely part of a sentence.
    let known = matches!(verb, "BEGIN" | "END") && LABELS.contains(&label) && words.len() < text.len();
    let meant = format!("-----{verb} {label}-----");
    (known && !line.contains(&meant)).then_some(Altered { line: number, text, meant })
}

/// A hyphen, or what word processors make of two or three.
fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_no_program_takes_is_seen_and_others_are_not() {
        for line in [
            "----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE----",
            "> ----BEGIN CERTIFICATE-----",
            "-----Begin Certificate-----",
            "-----BEGIN\u{a0}CERTIFICATE-----",
            "\u{2014}BEGIN CERTIFICATE\u{2014}",
            "----- BEGIN CERTIFICATE -----",
        ] {
            let seen: Vec<Altered<'_>> = lines(line).collect();
            assert!(matches!(seen.as_slice(), [one] if one.meant == "-----BEGIN CERTIFICATE-----"), "{line}: {seen:?}");
        }
        for line in [
            "-----BEGIN CERTIFICATE-----",
            "> | -----BEGIN RSA PRIVATE KEY-----",
            "------BEGIN CERTIFICATE------",
            "-----END PKCS7-----",
            "begin certificate",
            "We begin - certificate by certificate",
            "-----BEGIN CERTIFICATE REQUEST----",
            "BEGINCERTIFICATE",
        ] {
            assert_eq!(lines(line).count(), 0, "{line}");
        }
        assert_eq!(lines("a\r\n----END CMS-----\r\n").map(|one| (one.line, one.text)).collect::<Vec<_>>(), [(2, "----END CMS-----")]);
    }
}
