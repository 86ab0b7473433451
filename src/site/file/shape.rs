//! Compares the tree with the schema: unknown, missing and repeated keys, kinds of values, secrets.
//!
//! What is wrong is taken out of the tree once it has been told of, so that the rest can be judged as
//! well and a person sees all problems in one go.

use std::collections::HashMap;

use serde_json::Value as Schema;

use super::input::SECRET_FORMAT;
use super::mask;
use super::problems::Problems;
use super::schema::resolve;
use super::tree::{Entry, Node, Value};
use crate::site::model::SecretRef;

/// Checks a whole file and leaves in `root` what is sound.
pub(crate) fn check_root(root: &mut Node, schema: &'static Schema, problems: &mut Problems<'_>) {
    // The input struct copes with each missing key of the outermost level.
    let _sound = check(root, schema, "", problems);
}

/// Checks one value; `false` where it is of no use.
fn check(node: &mut Node, schema: &'static Schema, path: &str, problems: &mut Problems<'_>) -> bool {
    let schema = substance(schema);
    if schema.get("format").and_then(Schema::as_str) == Some(SECRET_FORMAT) {
        return check_secret(node, path, problems);
    }
    if let Some(words) = words(schema) {
        return check_word(node, &words, path, problems);
    }
    match (kind(schema), &mut node.value) {
        (None, _) | (Some("boolean"), Value::Bool(_)) | (Some("string"), Value::Text(_)) | (Some("number"), Value::Float(_)) => true,
        (Some("integer" | "number"), Value::Integer(number)) => {
            let number = *number;
            check_range(number, node, schema, path, problems)
        }
        (Some("array"), Value::List(_)) => check_list(node, schema, path, problems),
        (Some("object"), Value::Map(_)) => check_map(node, schema, path, problems),
        (Some(kind), _) => {
            wrong_kind(node, kind, path, problems);
            false
        }
    }
}

/// The schema without its `$ref` and without its choice of being absent.
pub(crate) fn substance(schema: &'static Schema) -> &'static Schema {
    let schema = resolve(schema);
    let choices = schema.get("anyOf").and_then(Schema::as_array);
    let present = choices.and_then(|choices| choices.iter().find(|choice| kind(choice) != Some("null")));
    present.map_or(schema, substance)
}

pub(crate) fn kind(schema: &'static Schema) -> Option<&'static str> {
    match schema.get("type")? {
        Schema::String(kind) => Some(kind),
        Schema::Array(kinds) => kinds.iter().filter_map(Schema::as_str).find(|kind| *kind != "null"),
        Schema::Null | Schema::Bool(_) | Schema::Number(_) | Schema::Object(_) => None,
    }
}

/// The words of an enumeration.
pub(crate) fn words(schema: &'static Schema) -> Option<Vec<&'static str>> {
    if let Some(words) = schema.get("enum").and_then(Schema::as_array) {
        return Some(words.iter().filter_map(Schema::as_str).collect());
    }
    let choices = schema.get("oneOf")?.as_array()?;
    let of_choice = |choice: &'static Schema| match choice.get("const") {
        Some(word) => vec![word],
        None => choice.get("enum").and_then(Schema::as_array).map(|words| words.iter().collect()).unwrap_or_default(),
    };
    Some(choices.iter().flat_map(of_choice).filter_map(Schema::as_str).collect())
}

fn check_secret(node: &Node, path: &str, problems: &mut Problems<'_>) -> bool {
    let text = if let Value::Text(text) = &node.value { text } else { "" };
    let Err(error) = text.parse::<SecretRef>() else { return true };
    hide(node, problems);
    problems.add(node.span.clone(), format!("`{path}`: {error}"), error.help());
    false
}

fn hide(node: &Node, problems: &mut Problems<'_>) {
    problems.hide(node.span.clone());
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| hide(item, problems)),
        Value::Map(entries) => entries.iter().for_each(|entry| hide(&entry.node, problems)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn check_word(node: &Node, words: &[&'static str], path: &str, problems: &mut Problems<'_>) -> bool {
    if let Value::Text(text) = &node.value {
        if words.contains(&text.as_str()) {
            return true;
        }
        let near = nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        let message = format!("`{path}` is one of {}, not {}", listed(words), problems.show(&node.span, text));
        problems.add(node.span.clone(), message, near);
    } else {
        let message = format!("`{path}` is one of {}, found {}", listed(words), found(node, problems));
        problems.add(node.span.clone(), message, None);
    }
    false
}

fn check_range(number: i64, node: &Node, schema: &'static Schema, path: &str, problems: &mut Problems<'_>) -> bool {
    let bound = |name| schema.get(name).and_then(Schema::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "bounds of ports and counts are far below 2^53")]
    let value = number as f64;
    let below = bound("minimum").filter(|bound| value < *bound).map(|bound| format!("at least {bound}"));
    let above = bound("maximum").filter(|bound| value > *bound).map(|bound| format!("at most {bound}"));
    let Some(limit) = below.or(above) else { return true };
    problems.add(node.span.clone(), format!("`{path}` must be {limit}, found {number}"), None);
    false
}

fn check_list(node: &mut Node, schema: &'static Schema, path: &str, problems: &mut Problems<'_>) -> bool {
    let span = node.span.clone();
    let Value::List(items) = &mut node.value else { return false };
    if items.is_empty() && schema.get("minItems").and_then(Schema::as_u64) > Some(0) {
        problems.add(span, format!("`{path}` must not be empty"), None);
        return false;
    }
    let Some(element) = schema.get("items") else { return true };
    let mut index = 0;
    items.retain_mut(|item| {
        let sound = check(item, element, &format!("{path}[{index}]"), problems);
        index += 1;
        sound
    });
    true
}

fn check_map(node: &mut Node, schema: &'static Schema, path: &str, problems: &mut Problems<'_>) -> bool {
    static NONE: std::sync::OnceLock<serde_json::Map<String, Schema>> = std::sync::OnceLock::new();
    let span = node.span.clone();
    let Value::Map(entries) = &mut node.value else { return false };
    let Some(properties) = schema.get("properties").and_then(Schema::as_object).or_else(|| {
        // A map without properties of its own takes any key, unless it says otherwise.
        (schema.get("additionalProperties") == Some(&Schema::Bool(false))).then(|| NONE.get_or_init(serde_json::Map::new))
    }) else {
        return true;
    };
    drop_repeated(entries, path, problems);
    let required: Vec<&str> = schema.get("required").and_then(Schema::as_array).into_iter().flatten().filter_map(Schema::as_str).collect();
    let mut sound = true;
    for key in &required {
        if !entries.iter().any(|entry| entry.key == *key) {
            problems.add(start_of(&span, entries), format!("{}`{key}` is missing", within(path)), description(properties, key));
            sound = false;
        }
    }
    entries.retain_mut(|entry| {
        let keep = check_entry(entry, properties, &required, path, problems);
        sound &= keep || !required.contains(&entry.key.as_str());
        keep
    });
    sound
}

fn check_entry(
    entry: &mut Entry,
    properties: &'static serde_json::Map<String, Schema>,
    required: &[&str],
    path: &str,
    problems: &mut Problems<'_>,
) -> bool {
    let Some(schema) = properties.get(&entry.key) else {
        unknown(entry, properties, path, problems);
        return false;
    };
    let inner = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
    if entry.node.value == Value::Null {
        // A key whose lines are all commented out is as good as absent.
        if required.contains(&entry.key.as_str()) {
            problems.add(entry.key_span.clone(), format!("`{inner}` is empty"), description(properties, &entry.key));
        }
        return false;
    }
    check(&mut entry.node, schema, &inner, problems)
}

fn unknown(entry: &Entry, properties: &'static serde_json::Map<String, Schema>, path: &str, problems: &mut Problems<'_>) {
    let near = nearest(&entry.key, properties.keys().map(String::as_str));
    let is_secret = |key: &str| {
        let schema = properties.get(key).map(substance);
        schema.and_then(|schema| schema.get("format")).and_then(Schema::as_str) == Some(SECRET_FORMAT)
    };
    if near.is_some_and(is_secret) || mask::is_secret_key(&entry.key) {
        hide(&entry.node, problems);
    }
    let help = match (near, home_of(&entry.key, (problems.document().schema)())) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(home)) => format!("`{}` belongs under `{home}`", entry.key),
        (None, None) => format!("known keys here: {}", properties.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    let key = problems.show(&entry.key_span, &entry.key);
    problems.add(entry.key_span.clone(), format!("{}unknown key {key}", within(path)), help);
}

/// The one mapping that has this key, where there is one only.
fn home_of(key: &str, root: &'static Schema) -> Option<String> {
    let mut homes = Vec::new();
    look_for(key, root, "", &mut homes);
    match homes.as_slice() {
        [home] if !home.is_empty() => Some(home.clone()),
        _ => None,
    }
}

fn look_for(key: &str, at: &'static Schema, path: &str, homes: &mut Vec<String>) {
    let here = substance(at);
    if let Some(items) = here.get("items") {
        return look_for(key, items, path, homes);
    }
    let properties = here.get("properties").and_then(Schema::as_object);
    for (name, property) in properties.into_iter().flatten().filter(|(name, _)| *name != "profile_overrides") {
        if name == key {
            homes.push(path.to_owned());
        }
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        look_for(key, property, &inner, homes);
    }
}

fn drop_repeated(entries: &mut Vec<Entry>, path: &str, problems: &mut Problems<'_>) {
    let mut first: HashMap<String, usize> = HashMap::new();
    entries.retain(|entry| match first.get(&entry.key) {
        None => {
            first.insert(entry.key.clone(), entry.key_span.start);
            true
        }
        Some(start) => {
            let line = problems.line_of(*start);
            let key = problems.show(&entry.key_span, &entry.key);
            let message = format!("{}the key {key} stands here twice, first in line {line}", within(path));
            problems.add(entry.key_span.clone(), message, "take one of them out".to_owned());
            false
        }
    });
}

fn wrong_kind(node: &Node, kind: &str, path: &str, problems: &mut Problems<'_>) {
    let expected = match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        _ => "a mapping of keys to values",
    };
    let help = match (kind, &node.value) {
        ("string", Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => Some("put it in quotes".to_owned()),
        ("array", Value::Text(_)) => Some("write `[a, b]`, or one `- a` a line".to_owned()),
        ("array", Value::Map(_)) => Some("begin each element with `- `".to_owned()),
        ("integer", Value::Text(text)) if text.parse::<i64>().is_ok() => Some("take the quotes away".to_owned()),
        ("object", Value::Text(_)) => Some("write its keys in lines of their own, indented, each as `key: value`".to_owned()),
        _ => None,
    };
    let place = if path.is_empty() { format!("the {} file", problems.document().noun) } else { format!("`{path}`") };
    let message = format!("{place}: expected {expected}, found {}", found(node, problems));
    problems.add(node.span.clone(), message, help);
}

fn found(node: &Node, problems: &Problems<'_>) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => problems.show(&node.span, &value.to_string()),
        Value::Integer(value) => format!("the number {}", problems.show(&node.span, &value.to_string())),
        Value::Float(value) => format!("the number {}", problems.show(&node.span, &value.to_string())),
        Value::Text(value) => format!("the text {}", problems.show(&node.span, value)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}

fn within(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("`{path}`: ") }
}

/// Where a mapping begins: its first key says more than the bracket or the blank before it.
fn start_of(span: &std::ops::Range<usize>, entries: &[Entry]) -> std::ops::Range<usize> {
    entries.first().map_or_else(|| span.clone(), |entry| entry.key_span.clone())
}

fn description(properties: &serde_json::Map<String, Schema>, key: &str) -> Option<String> {
    Some(properties.get(key)?.get("description")?.as_str()?.to_owned())
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The nearest of some words, where one is near enough to be meant.
pub(crate) fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let reach = (lower.chars().count() / 3).max(1);
    words.map(|known| (strsim::osa_distance(&lower, known), known)).filter(|(distance, _)| *distance <= reach).min().map(|(_, known)| known)
}
