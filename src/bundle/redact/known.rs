//! A secret that is known, found again however a program wrote it down: as it is, escaped for JSON, a URL, a shell or a page,
//! in hexadecimal digits, or in base64 wherever its first byte fell.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::{Regex, RegexBuilder};
use zeroize::Zeroizing;

use super::{count, seal};

const KIND: &str = "secret of the site";
/// A secret that is shorter is looked for as a whole word alone: as a part of words it would be everywhere.
const SHORT: usize = 4;
/// Fewer characters of base64 are met by chance.
const FEWEST_BASE64: usize = 6;
/// A line of a text of several lines is told from words at this length.
const LINE: usize = 16;
/// A pattern of a long secret takes room; this is some hundred times what one needs.
const PATTERN_LIMIT: usize = 64 << 20;

/// One known secret.
pub(super) struct Known {
    text: Zeroizing<String>,
    pattern: Regex,
}

impl fmt::Debug for Known {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known")
    }
}

impl Known {
    /// The secret itself, and the telling lines of one that has several.
    pub(super) fn of(secret: &str) -> Vec<Self> {
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LINE && !line.starts_with("-----"));
        let parts = if secret.lines().nth(1).is_some() { lines.collect() } else { vec![secret.trim_matches(['\r', '\n'])] };
        parts.into_iter().filter_map(Self::one).collect()
    }

    fn one(secret: &str) -> Option<Self> {
        if secret.trim().is_empty() {
            return None;
        }
        let mut ways = vec![escaped(secret)];
        let bytes = secret.as_bytes();
        ways.extend((0..3).filter_map(|shift| in_base64(bytes, shift)));
        if secret.len() >= SHORT {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}(?:[:\\s])?")).collect::<Vec<_>>().concat();
            ways.push(format!("(?i:{digits})"));
        }
        let pattern = RegexBuilder::new(&ways.join("|")).size_limit(PATTERN_LIMIT).dfa_size_limit(PATTERN_LIMIT).build();
        match pattern {
            Ok(pattern) => Some(Self { text: Zeroizing::new(secret.to_owned()), pattern }),
            Err(error) => {
                // It stays out of the message: a pattern holds the secret.
                drop(error);
                tracing::error!("a secret is too long to be looked for");
                None
            }
        }
    }

    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.text == other.text
    }

    pub(super) fn stands_in(&self, text: &str) -> bool {
        self.pattern.is_match(text)
    }

    pub(super) fn take_out(&self, text: &str, counts: &mut BTreeMap<&'static str, usize>) -> String {
        count(counts, KIND, self.pattern.find_iter(text).count());
        self.pattern.replace_all(text, seal(KIND)).into_owned()
    }
}

/// Each character as it is or as some program escapes it, in any mixture.
fn escaped(secret: &str) -> String {
    let each: String = secret.chars().map(character).collect();
    if secret.chars().count() < SHORT { format!(r"\b(?:{each})\b") } else { each }
}

fn character(c: char) -> String {
    let mut bytes = [0; 4];
    let percent = c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%(?:25)*{byte:02x}")).collect::<Vec<_>>().concat();
    let mut units = [0; 2];
    let unicode = c.encode_utf16(&mut units).iter().map(|unit| format!(r"\\+u{unit:04x}")).collect::<Vec<_>>().concat();
    let code = u32::from(c);
    let mut ways = vec![format!("(?i:{percent}|{unicode}|&#0*{code};|&#x0*{code:x};)"), regex::escape(&c.to_string())];
    match c {
        ' ' => ways.push(r"\+".to_owned()),
        '\t' => ways.push(r"\\+t".to_owned()),
        '\\' => ways.push(r"\\+".to_owned()),
        '&' => ways.push("&amp;".to_owned()),
        '<' => ways.push("&lt;".to_owned()),
        '>' => ways.push("&gt;".to_owned()),
        '"' => ways.push("&quot;".to_owned()),
        '\'' => ways.push(r"(?:'\\''|&apos;)".to_owned()),
        _ => {}
    }
    // A backslash before anything but a letter or a digit escapes it, in JSON, in shells and in configurations.
    let before = if c.is_ascii_punctuation() && c != '\\' { r"\\*" } else { "" };
    format!("(?:{before}(?:{}))", ways.join("|"))
}

/// What is sure to stand in base64 where `shift` bytes come before; lines may be broken anywhere. The rest of the word, which
/// holds some of its bits, goes along.
fn in_base64(secret: &[u8], shift: usize) -> Option<String> {
    let padded = Zeroizing::new([&vec![0; shift][..], secret].concat());
    let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let (first, last) = ((shift * 8).div_ceil(6), padded.len() * 8 / 6);
    let sure = encoded.get(first..last).filter(|sure| sure.len() >= FEWEST_BASE64)?;
    let each: Vec<String> = sure
        .chars()
        .map(|c| match c {
            '+' => r"(?:[+-]|%2[bB]|\\u002[bB])".to_owned(),
            '/' => r"(?:\\*/|_|%2[fF])".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let broken = r"(?:\s|\\+[rn]|%0[aAdD])*";
    Some(format!("[A-Za-z0-9+/_-]*{}[A-Za-z0-9+/_-]*=*", each.join(broken)))
}
