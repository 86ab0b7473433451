//! YAML text as a tree in which each key and each value knows its place.
//!
//! The tree is what the shape is checked on, so that all problems are found and not the first alone.
//! A site file is small: the budget refuses an alias bomb before it has cost anything.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};

use super::problems::{Document, SITE};

/// A value and where it stands, in bytes of the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
}

/// What YAML can say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

/// Why a text is not YAML; one place, since nothing after it can be trusted.
#[derive(Debug)]
pub(crate) struct NotYaml {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) span: Range<usize>,
}

/// Reads a site file's one YAML document.
pub(crate) fn parse(text: &str) -> Result<Node, NotYaml> {
    parse_as(&SITE, text)
}

/// Reads one YAML document of some kind.
pub(crate) fn parse_as(document: &Document, text: &str) -> Result<Node, NotYaml> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_events: 200_000,
            max_nodes: 100_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 20_000,
            max_documents: 2,
            max_merge_keys: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(root) => Ok(place(root, text)),
        Err(error) => Err(describe(&error, text, document)),
    }
}

/// The tree as the YAML reader gives it, with its own kind of places.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Integer(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        // No figure of a site comes near; as a fraction it is refused where a whole number is due.
        Ok(Raw::Scalar(i64::try_from(value).map_or(Value::Float(f64::MAX), Value::Integer)))
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(f64::MAX)))
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(f64::MAX)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn place(raw: Spanned<Raw>, text: &str) -> Node {
    // Where a value comes by an alias, the place where it is written is the one to be mended.
    let span = bytes(raw.defined, text);
    let value = match raw.value {
        Raw::Scalar(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(|item| place(item, text)).collect()),
        Raw::Map(entries) => Value::Map(entries.into_iter().map(|(key, value)| entry(key, value, text)).collect()),
    };
    Node { value, span }
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, text: &str) -> Entry {
    Entry { key_span: bytes(key.defined, text), key: key.value, node: place(value, text) }
}

/// A place in bytes. The reader leaves the byte offsets out now and then, and lines from 1, columns in characters.
fn bytes(location: Location, text: &str) -> Range<usize> {
    let span = location.span();
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok());
    let offset = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let start = offset.filter(|offset| text.is_char_boundary(*offset)).unwrap_or_else(|| offset_of(location, text));
    let end = start.saturating_add(length.unwrap_or(0)).min(text.len());
    let end = (start..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(start);
    // A block scalar's span ends in the line below it.
    let meant = text.get(start..end).unwrap_or_default().trim_end();
    start..start + meant.len()
}

fn offset_of(location: Location, text: &str) -> usize {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    start + within.char_indices().nth(column).map_or(within.len(), |(at, _)| at)
}

/// The reader's errors in an operator's words. Never with a value in them: it might be a secret.
#[expect(clippy::wildcard_enum_match_arm, reason = "the reader's errors are open-ended, and most cannot come of a tree")]
fn describe(error: &serde_saphyr::Error, text: &str, document: &Document) -> NotYaml {
    use serde_saphyr::Error;
    let noun = document.noun;
    let span = error.location().map_or(0..0, |location| bytes(location, text));
    let (message, help) = match error {
        Error::MultipleDocuments { .. } => {
            ("there is more than one YAML document".to_owned(), "take out the line `---`; a file holds one alone")
        }
        Error::Eof { .. } => (format!("the file holds no {noun}"), document.example),
        Error::UnknownAnchor { .. } => ("an alias (`*name`) without its anchor (`&name`)".to_owned(), "quote a value that begins with `*`"),
        Error::NonFiniteFloat { .. } => ("a number without an end is no value here".to_owned(), "put it in quotes if it is text"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => (
            format!("the file is larger or deeper than a {noun} can be"),
            "write the values out; anchors and aliases are for a few repeated values",
        ),
        Error::AliasError { error, .. } => return describe(error, text, document),
        Error::ExternalMessage { msg, .. } => return scanned(msg, span, text),
        Error::RecursiveReferencesRequireWeakTypes { .. } => ("an alias within its own anchor".to_owned(), "write the value out"),
        Error::UnsupportedTag { .. } => ("a tag (`!name`) that is not known here".to_owned(), "quote a value that begins with `!`"),
        _ => {
            (format!("this has no place in a {noun} file"), "see that keys are plain words and values are text, numbers, lists or mappings")
        }
    };
    NotYaml { message, help: Some(help.to_owned()), span }
}

/// What the scanner says, and the usual cause of it.
fn scanned(message: &str, span: Range<usize>, text: &str) -> NotYaml {
    let message = plain(message);
    if let Some(tab) = tab_near(span.start, text) {
        let help = "indent with spaces; an editor can be told to (`expandtab`)".to_owned();
        return NotYaml { message: "a tab where YAML wants spaces".to_owned(), help: Some(help), span: tab };
    }
    let (message, help) = if message.contains("mapping values are not allowed") {
        (format!("not YAML: {message}"), "a value with `: ` in it, or one that begins with a special letter, must stand in quotes")
    } else {
        (format!("not YAML: {message}"), "look at this line and at the one before it: indentation, quotes, brackets, a missing `:`")
    };
    NotYaml { message, help: Some(help.to_owned()), span }
}

/// A tab in the indentation of the line of `offset`, or of the one after it, where the scanner notices some of them.
fn tab_near(offset: usize, text: &str) -> Option<Range<usize>> {
    let before = text.get(..offset)?;
    let mut start = before.rfind('\n').map_or(0, |at| at + 1);
    for line in text.get(start..)?.split_inclusive('\n').take(2) {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.get(..indent).and_then(|indent| indent.find('\t')) {
            return Some(start + tab..start + tab + 1);
        }
        start += line.len();
    }
    None
}

/// The first line of a reader's message without its own idea of the place.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let without = first.split(" at line ").next().unwrap_or(first).split(" at byte ").next().unwrap_or(first);
    without.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(text: &str) -> Vec<Entry> {
        let Value::Map(entries) = parse(text).unwrap().value else { panic!("{text} is no map") };
        entries
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let text = "ä: \"b c\"\nlist: [1, 2]\nagain: &x yes\nalias: *x\n";
        let entries = entries(text);
        assert_eq!(&text[entries[0].key_span.clone()], "ä");
        assert_eq!(&text[entries[0].node.span.clone()], "\"b c\"");
        let Value::List(items) = &entries[1].node.value else { panic!() };
        assert_eq!(&text[items[1].span.clone()], "2");
        assert_eq!(entries[3].node.value, Value::Text("yes".into()));
        assert_eq!(&text[entries[3].node.span.clone()], "yes");
    }

    #[test]
    fn a_key_twice_is_kept_twice() {
        assert_eq!(entries("a: 1\na: 2\n").len(), 2);
    }

    #[test]
    fn scanner_errors_have_a_place() {
        let tab = parse("site: a\nroute:\n\tvpn: true\n").unwrap_err();
        assert!(tab.message.contains("tab"), "{tab:?}");
        assert!((8..=17).contains(&tab.span.start), "{tab:?}");
        let open = parse("site: a\nnodes: [1, 2\nroute: x\n").unwrap_err();
        assert!(open.span.start > 0, "{open:?}");
    }

    #[test]
    fn an_alias_bomb_is_refused_at_once() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let below = level - 1;
            let aliases = vec![format!("*a{below}"); 10].join(",");
            bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
        }
        let start = std::time::Instant::now();
        let error = parse(&bomb).unwrap_err();
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(error.message.contains("larger or deeper"), "{error:?}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(site|nodes|: |- |\n|  |\t|\\{|\\}|\\[|\\]|,|&a|\\*a|<<|\"|'|\\||>|#|!|é|\\PC){0,40}") {
            match parse(&text) {
                Ok(node) => prop_assert!(text.get(node.span).is_some()),
                Err(error) => prop_assert!(text.get(error.span).is_some()),
            }
        }
    }
}
