//! Answers: a site file in the making. Whatever a site file can say can be answered, by its dotted key.
//!
//! An answer is turned into the kind of value that the schema wants at its key; whether the value is right
//! is for the site file's own reader.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

use super::WizardError;
use super::machine;
use super::question::questions;
use super::surroundings::Seen;
use crate::site::file::schema::schema;
use crate::site::file::shape::{kind, nearest, substance};
use crate::site::file::tree::{self, Node};

/// The key of the domain under which names are proposed; no part of the site file.
pub(super) const DOMAIN: &str = "domain";

/// What has been answered so far.
#[derive(Clone, Default, PartialEq)]
pub struct Answers {
    document: Map<String, Value>,
    domain: Option<String>,
    seen: Seen,
    declined: BTreeSet<String>,
}

/// Values are left out: a secret may have been given by mistake.
impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.document.keys().collect();
        formatter.debug_struct("Answers").field("keys", &keys).field("declined", &self.declined).finish_non_exhaustive()
    }
}

/// One step of a dotted key: `nodes[0].name` or `nodes.0.name`.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

fn steps(key: &str) -> Vec<Step> {
    let parts = key.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_or_else(|_| Step::Key(part.to_owned()), Step::Index)).collect()
}

impl Answers {
    /// Reads an answers file: YAML or JSON, in the site file's shape, or flat with dotted keys, or both mixed.
    pub fn from_text(text: &str, path: &Path) -> Result<Self, WizardError> {
        let root = tree::parse(text).map_err(|error| {
            let mut problems = crate::site::file::problems::Problems::new(path, text);
            problems.add(error.span, error.message, error.help);
            WizardError::AnswersUnreadable { source: Box::new(problems.finish()) }
        })?;
        let mut answers = Self::default();
        match as_json(&root) {
            Value::Object(map) => {
                for (key, value) in map {
                    answers.put(&key, value)?;
                }
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(WizardError::NotAnswers { path: path.to_owned() });
            }
        }
        Ok(answers)
    }

    /// Answers by text, as `--set key=value` does. Lists are separated by commas; nothing declines an optional answer.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), WizardError> {
        self.put(key, Value::String(text.to_owned()))
    }

    /// Whether a key is answered, or was declined.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some() || self.declined.contains(key) || (key == DOMAIN && self.domain.is_some())
    }

    /// Whether a key has an answer, be it a part of one alone.
    pub(super) fn has_value(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Takes note of what was seen, for proposals.
    pub(super) fn see(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// What was seen, for proposals.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The answer at a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let mut steps = steps(key).into_iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        steps.try_fold(self.document.get(&first)?, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// The answer at a key, where it is a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        if key == DOMAIN { self.domain.as_deref() } else { self.get(key)?.as_str() }
    }

    /// The answers in the shape of a site file.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    fn put(&mut self, key: &str, value: Value) -> Result<(), WizardError> {
        let is_empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        if key == DOMAIN {
            self.domain = value.as_str().map(|text| text.trim().trim_matches('.').to_owned()).filter(|text| !text.is_empty());
            return Ok(());
        }
        // `vpn` in the place of jumphosts says that there are none.
        if key == "route.hops" && value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("vpn")) {
            return self.put("route.vpn", Value::Bool(true));
        }
        let steps = steps(key);
        let schema = schema_at(key, &steps)?;
        if is_empty {
            // The later answer counts: it takes an earlier one away. Nobody can decline what must be answered.
            self.remove(&steps);
            if questions().find(|question| question.key == key).is_none_or(|question| question.optional) {
                self.declined.insert(key.to_owned());
            }
            return Ok(());
        }
        let mut value = fitted(value, schema);
        if key == "connectors" {
            machine::name_tenant(&mut value, self.get("names.tenants"));
        }
        let mut root = Value::Object(std::mem::take(&mut self.document));
        place(&mut root, &steps, value);
        if let Value::Object(document) = root {
            self.document = document;
        }
        Ok(())
    }

    /// Takes an answer away; what it stood in goes with it where nothing else is there.
    fn remove(&mut self, steps: &[Step]) {
        if let [Step::Key(first), rest @ ..] = steps
            && self.document.get_mut(first).is_some_and(|value| remove(value, rest))
        {
            self.document.remove(first);
        }
    }

    /// What cannot be left out, where it is not answered yet: lets one answer be judged before the others are there.
    pub(super) fn with_placeholders(&self) -> Map<String, Value> {
        let mut whole = self.clone();
        let mut fill = |key: &str, value: &str| {
            if whole.get(key).is_none() {
                // The keys are those of the schema; a test goes through them all.
                drop(whole.put(key, Value::String(value.to_owned())));
            }
        };
        fill("site", "placeholder");
        fill("environment", "qa");
        fill("nodes", "placeholder-node=192.0.2.254");
        if self.get("route").is_none() {
            fill("route.vpn", "true");
        }
        if self.get("smtp").is_some() {
            for (key, value) in
                [("host", "smtp.placeholder.example"), ("username", "x"), ("password", "prompt"), ("from", "x@placeholder.example")]
            {
                fill(&format!("smtp.{key}"), value);
            }
        }
        if self.get("proxy").is_some() {
            fill("proxy.kind", "none");
        }
        if self.text("proxy.kind") == Some("explicit") {
            fill("proxy.url", "http://placeholder.example");
        }
        if self.get("tls").is_some() {
            fill("tls.certificate.files", "placeholder.pem");
        }
        whole.document
    }
}

/// The schema at a key, or an error that names the nearest key.
pub(super) fn schema_of(key: &str) -> Result<&'static Value, WizardError> {
    schema_at(key, &steps(key))
}

fn schema_at(key: &str, steps: &[Step]) -> Result<&'static Value, WizardError> {
    let mut at = schema();
    for step in steps {
        let here = substance(at);
        let properties = here.get("properties").and_then(Value::as_object);
        let next = match step {
            Step::Key(name) => properties.and_then(|properties| properties.get(name)),
            Step::Index(_) => here.get("items"),
        };
        let Some(next) = next else {
            let Step::Key(name) = step else { return Err(WizardError::UnknownKey { key: key.to_owned(), near: None }) };
            let near = properties.and_then(|properties| nearest(name, properties.keys().map(String::as_str)));
            return Err(WizardError::UnknownKey { key: key.to_owned(), near: near.map(|near| key.replacen(name, near, 1)) });
        };
        at = next;
    }
    Ok(substance(at))
}

/// A value in the kind that the schema wants, as far as it can be had without guessing.
fn fitted(value: Value, schema: &'static Value) -> Value {
    let schema = substance(schema);
    match (kind(schema), value) {
        (Some("array"), Value::String(text)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(fitted_items(items.map(|item| Value::String(item.to_owned())).collect(), schema))
        }
        (Some("array"), Value::Array(items)) => Value::Array(fitted_items(items, schema)),
        (Some("integer"), Value::String(text)) => text.trim().parse::<i64>().map_or(Value::String(text), Value::from),
        (Some("boolean"), Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" => Value::Bool(true),
            "false" | "no" => Value::Bool(false),
            _ => Value::String(text),
        },
        (Some("string"), Value::Number(number)) => Value::String(number.to_string()),
        (_, Value::String(text)) => Value::String(text.trim().to_owned()),
        (Some("object"), Value::Object(map)) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fit = |(key, value): (String, Value)| {
                let property = properties.and_then(|properties| properties.get(&key));
                let value = property.map_or_else(|| value.clone(), |property| fitted(value.clone(), property));
                (key, value)
            };
            Value::Object(map.into_iter().map(fit).collect())
        }
        (_, value) => value,
    }
}

fn fitted_items(items: Vec<Value>, schema: &'static Value) -> Vec<Value> {
    let Some(element) = schema.get("items") else { return items };
    let is_machine = substance(element).pointer("/properties/address").is_some();
    let is_node = substance(element).pointer("/properties/role").is_some();
    let is_connector = substance(element).pointer("/properties/ldap_url").is_some();
    let is_person = substance(element).get("properties").and_then(Value::as_object).is_some_and(|keys| keys.keys().eq(["name", "key"]));
    let fit = |(index, item): (usize, Value)| match item.as_str() {
        Some(text) if is_connector => machine::connector(text, index),
        Some(text) if is_person => machine::signatory(text),
        Some(text) if is_machine => machine::from_text(text, index, is_node),
        _ => fitted(item, element),
    };
    items.into_iter().enumerate().map(fit).collect()
}

/// Removes what stands at the steps; whether nothing is left.
fn remove(at: &mut Value, steps: &[Step]) -> bool {
    match (steps, at) {
        ([], _) => true,
        ([Step::Key(key), rest @ ..], Value::Object(map)) => {
            if map.get_mut(key).is_some_and(|value| remove(value, rest)) {
                map.remove(key);
            }
            map.is_empty()
        }
        ([Step::Index(index), rest @ ..], Value::Array(items)) => {
            if items.get_mut(*index).is_some_and(|value| remove(value, rest)) {
                items.remove(*index);
            }
            items.is_empty()
        }
        _ => false,
    }
}

/// Puts a value at its steps and makes what is missing on the way.
fn place(at: &mut Value, steps: &[Step], value: Value) {
    match steps {
        [] => match (at, value) {
            // Later answers add to mappings and replace all else.
            (Value::Object(old), Value::Object(new)) => {
                for (key, value) in new {
                    place(old.entry(key).or_insert(Value::Null), &[], value);
                }
            }
            (at, value) => *at = value,
        },
        [Step::Key(key), rest @ ..] => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            if let Value::Object(map) = at {
                place(map.entry(key.clone()).or_insert(Value::Null), rest, value);
            }
        }
        [Step::Index(index), rest @ ..] => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            if let Value::Array(items) = at {
                // No gaps: an element beyond the end is the next one.
                let index = (*index).min(items.len());
                if index == items.len() {
                    items.push(Value::Null);
                }
                if let Some(item) = items.get_mut(index) {
                    place(item, rest, value);
                }
            }
        }
    }
}

fn as_json(node: &Node) -> Value {
    match &node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Bool(value) => Value::Bool(*value),
        tree::Value::Integer(value) => Value::from(*value),
        tree::Value::Float(value) => Value::from(*value),
        tree::Value::Text(value) => Value::String(value.clone()),
        tree::Value::List(items) => Value::Array(items.iter().map(as_json).collect()),
        tree::Value::Map(entries) => Value::Object(entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.node))).collect()),
    }
}
