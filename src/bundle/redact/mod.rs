//! The one redacting writer. Two nets, one behind the other: secrets that are known, however they are encoded, and what looks
//! like a secret whoever's it is. It would rather hide a harmless word than show a password.

mod known;
mod rules;

use std::collections::BTreeMap;

use known::Known;
use secrecy::{ExposeSecret as _, SecretString};

/// A text without its secrets, and how many of which kind were taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// What is left.
    pub text: String,
    /// By kind.
    pub counts: BTreeMap<&'static str, usize>,
}

/// Takes secrets out of texts.
#[derive(Debug)]
pub struct Redactor {
    known: Vec<Known>,
}

impl Redactor {
    /// Knows these secrets; of texts of several lines, such as keys, each line that could be told from words.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s SecretString>) -> Self {
        let mut known: Vec<Known> = secrets.into_iter().flat_map(|secret| Known::of(secret.expose_secret())).collect();
        // The longer first: one secret may be a part of another.
        known.sort_by_key(|known| std::cmp::Reverse(known.length()));
        known.dedup_by(|one, other| one.is_same_as(other));
        Self { known }
    }

    /// The text without what is known and without what looks like a secret.
    pub fn redact(&self, text: &str) -> Redacted {
        let mut counts = BTreeMap::new();
        let text = text.replace(is_seal, "\u{fffd}");
        let mut text = rules::keys(&text, &mut counts);
        for known in &self.known {
            text = known.take_out(&text, &mut counts);
        }
        for rule in rules::all() {
            text = rule.apply(&text, &mut counts);
        }
        Redacted { text: shown(&text), counts }
    }

    /// Whether a known secret stands in the text, in whatever encoding.
    pub fn finds_known(&self, text: &str) -> bool {
        // What stands in a secret's place may hold a word that is somebody's password.
        let text = KINDS.iter().fold(text.to_owned(), |text, kind| text.replace(&mark(kind), ""));
        self.known.iter().any(|known| known.stands_in(&text))
    }
}

/// Every kind of secret.
const KINDS: [&str; 9] = [
    "secret of the site",
    "private key",
    "login in an address",
    "credentials",
    "cookie",
    "token",
    "mail credentials",
    "hash of a password",
    "password",
];
/// While a text is worked on, one letter of nobody's stands for what was taken out: no rule finds anything in it.
const FIRST_SEAL: u32 = 0xe000;

/// What stands in a secret's place in the end.
fn mark(kind: &str) -> String {
    format!("[redacted: {kind}]")
}

/// What stands in its place until then.
fn seal(kind: &str) -> String {
    let place = KINDS.iter().position(|known| *known == kind).and_then(|place| u32::try_from(place).ok());
    place.and_then(|place| char::from_u32(FIRST_SEAL + place)).map_or_else(|| mark(kind), String::from)
}

fn is_seal(c: char) -> bool {
    (FIRST_SEAL..FIRST_SEAL + 0x100).contains(&u32::from(c))
}

fn shown(text: &str) -> String {
    KINDS.iter().fold(text.to_owned(), |text, kind| text.replace(&seal(kind), &mark(kind)))
}

/// Counts what was taken out.
pub(in crate::bundle) fn count(counts: &mut BTreeMap<&'static str, usize>, kind: &'static str, times: usize) {
    if times > 0 {
        *counts.entry(kind).or_default() += times;
    }
}

#[cfg(test)]
mod tests;
