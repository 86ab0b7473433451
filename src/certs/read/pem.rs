//! PEM blocks in any text: mail around them, CRLF, a byte order mark, quoted replies, UTF-16 from Windows.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// One block between `-----BEGIN` and `-----END`.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// Line of its `-----BEGIN`, from 1.
    pub(super) line: usize,
    pub(super) body: Body,
}

/// What a block holds.
#[derive(Debug)]
pub(super) enum Body {
    /// Decoded.
    Der(Zeroizing<Vec<u8>>),
    /// Encrypted in the old way, as clean PEM for OpenSSL.
    DekInfo(Zeroizing<String>),
    /// The block has no end.
    CutOff,
    /// Its content is not base64.
    NotBase64,
}

/// The text of a file, where it is text: UTF-8 or UTF-16 by its byte order mark, or UTF-16 by the zeros between the first
/// dashes; else taken as it comes.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        [b'-', 0, b'-', 0, ..] => Cow::Owned(utf16(bytes, u16::from_le_bytes)),
        [0, b'-', 0, b'-', ..] => Cow::Owned(utf16(bytes, u16::from_be_bytes)),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Whether there is any PEM block in it.
pub(super) fn has_blocks(text: &str) -> bool {
    text.contains(BEGIN)
}

/// All blocks, in order. One pass: a block without its own end is cut off where the next dashes stand.
pub(super) fn blocks(text: &str) -> Blocks<'_> {
    Blocks { rest: text, line: 1 }
}

#[derive(Debug)]
pub(super) struct Blocks<'a> {
    rest: &'a str,
    line: usize,
}

impl Blocks<'_> {
    /// Moves past `length` bytes, counting lines.
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        loop {
            let start = self.rest.find(BEGIN)?;
            self.skip(start);
            let line = self.line;
            self.skip(BEGIN.len());
            let label_end = self.rest.find(DASHES)?;
            let label = self.rest.get(..label_end)?;
            if label.contains('\n') || label.len() > 64 {
                continue;
            }
            self.skip(label_end + DASHES.len());
            let Some(body_end) = self.rest.find(DASHES) else {
                self.rest = "";
                return Some(Block { label, line, body: Body::CutOff });
            };
            let body = self.rest.get(..body_end)?;
            self.skip(body_end);
            let closing =
                self.rest.strip_prefix("-----END ").and_then(|rest| rest.strip_prefix(label)).map(|rest| rest.starts_with(DASHES));
            if closing != Some(true) {
                return Some(Block { label, line, body: Body::CutOff });
            }
            self.skip("-----END ".len() + label.len() + DASHES.len());
            return Some(Block { label, line, body: decode(label, body) });
        }
    }
}

fn decode(label: &str, body: &str) -> Body {
    if body.contains("DEK-Info:") {
        let mut clean = Zeroizing::new(format!("{BEGIN}{label}{DASHES}\n"));
        for line in body.lines().map(str::trim).skip_while(|line| line.is_empty()) {
            clean.push_str(line);
            clean.push('\n');
        }
        clean.extend(["-----END ", label, DASHES, "\n"]);
        return Body::DekInfo(clean);
    }
    // Other headers (RFC 1421) are at the start, one a line, and no base64 holds a colon.
    let from = body.rfind(':').and_then(|colon| Some(colon + body.get(colon..)?.find('\n')?)).unwrap_or(0);
    from_base64(body.get(from..).unwrap_or_default()).map_or(Body::NotBase64, Body::Der)
}

/// Decodes base64 with line breaks, spaces, the `>` or `|` of quoted mail, and what nobody sees (spaces that do not
/// break or have no width, soft hyphens) in it.
pub(super) fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const UNSEEN: [char; 4] = ['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}'];
    let packed: Zeroizing<Vec<u8>> = if text.is_ascii() {
        Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace() && !b">|".contains(byte)).collect())
    } else {
        let kept = text.chars().filter(|letter| !letter.is_whitespace() && !['>', '|'].contains(letter) && !UNSEEN.contains(letter));
        Zeroizing::new(kept.collect::<String>().into_bytes())
    };
    LENIENT.decode(packed.as_slice()).ok().filter(|der| !der.is_empty()).map(Zeroizing::new)
}

/// A PEM block of `der`, in lines of 64.
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 64 + 2 * label.len() + 40);
    text.extend([BEGIN, label, DASHES, "\n"]);
    let mut rest = encoded.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.extend(["-----END ", label, DASHES, "\n"]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels_and_lines(text: &str) -> Vec<(String, usize, bool)> {
        blocks(text).map(|block| (block.label.to_owned(), block.line, matches!(block.body, Body::Der(_)))).collect()
    }

    #[test]
    fn blocks_are_found_in_mail_with_crlf_and_quotes() {
        let text = "Dear all,\r\n\r\n> -----BEGIN A-----\r\n> AQID\r\n> BAUG\r\n> -----END A-----\r\nbye\r\n-----BEGIN B-----\r\nAQID\r\n-----END B-----";
        assert_eq!(labels_and_lines(text), [("A".into(), 3, true), ("B".into(), 8, true)]);
    }

    #[test]
    fn a_block_without_end_is_named_and_the_next_one_still_read() {
        let text = "-----BEGIN A-----\nAQID\n-----BEGIN B-----\nAQID\n-----END B-----\n-----BEGIN C-----\nAQ";
        assert_eq!(labels_and_lines(text), [("A".into(), 1, false), ("B".into(), 3, true), ("C".into(), 6, false)]);
    }

    #[test]
    fn windows_text_is_read() {
        let text = "-----BEGIN A-----\nAQID\n-----END A-----\n";
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(labels_and_lines(&text_of(&little)), [("A".into(), 1, true)]);
        assert_eq!(labels_and_lines(&text_of(little.get(2..).unwrap())), [("A".into(), 1, true)]);
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(labels_and_lines(&text_of(&big)), [("A".into(), 1, true)]);
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        assert_eq!(labels_and_lines(&text_of(&marked)), [("A".into(), 1, true)]);
    }

    #[test]
    fn what_mail_programs_and_web_pages_add_unseen_does_no_harm() {
        let text = "| -----BEGIN A-----\n>> | AQID\u{200b}\n| \u{a0}BAUG\u{feff}\n| -----END A-----\n";
        assert_eq!(labels_and_lines(text), [("A".into(), 1, true)]);
    }

    #[test]
    fn many_openings_without_end_take_linear_time() {
        let text = "-----BEGIN A-----\n".repeat(200_000);
        assert_eq!(blocks(&text).count(), 200_000);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(der in proptest::collection::vec(any::<u8>(), 1..300)) {
            let text = pem_block("X", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let Body::Der(read) = blocks(&text).next().unwrap().body else { panic!("not decoded") };
            prop_assert_eq!(read.as_slice(), der.as_slice());
        }
    }
}
