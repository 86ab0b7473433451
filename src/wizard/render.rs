//! Answers into a commented site file: the template's words stay, its examples give way to what was answered.

use serde_json::{Map, Value};

use super::yaml;
use crate::site::file::schema::schema;
use crate::site::file::shape::substance;

/// The template. `%key` opens an example of that key; the example ends at the next blank line, comment or `%`.
pub(super) const TEMPLATE: &str = include_str!("site.yaml");

/// The site file: what was answered in its section, all else as an example that is commented out.
pub(super) fn render(document: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut example = Example::None;
    for line in TEMPLATE.lines() {
        if let Some(key) = line.strip_prefix('%') {
            example = match document.get(key) {
                Some(value) => {
                    yaml::write_entry(&mut out, key, &ordered(value, property(schema(), key)), 0);
                    Example::Answered
                }
                None => Example::Shown,
            };
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            example = Example::None;
        }
        match example {
            Example::Answered => continue,
            Example::Shown => out.push_str("# "),
            Example::None => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// What the line belongs to.
enum Example {
    None,
    Shown,
    Answered,
}

/// The answers as bare YAML, for judging one of them before the others are there.
pub(super) fn bare(document: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (key, value) in document {
        yaml::write_entry(&mut out, key, value, 0);
    }
    out
}

fn property(schema: &'static Value, key: &str) -> Option<&'static Value> {
    substance(schema).get("properties")?.get(key)
}

/// A value with its keys in the schema's order, whatever the order of the answers.
fn ordered(value: &Value, schema: Option<&'static Value>) -> Value {
    let Some(schema) = schema.map(substance) else { return value.clone() };
    match value {
        Value::Object(map) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let order = known.into_iter().flat_map(Map::keys).filter(|key| map.contains_key(*key));
            let rest = map.keys().filter(|key| !known.is_some_and(|known| known.contains_key(*key)));
            let entry = |key: &String| Some((key.clone(), ordered(map.get(key)?, property(schema, key))));
            Value::Object(order.chain(rest).filter_map(entry).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| ordered(item, schema.get("items"))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The template with every example standing.
    fn all_examples() -> String {
        let kept: Vec<&str> = TEMPLATE.split_inclusive('\n').filter(|line| !line.starts_with('%')).collect();
        kept.concat()
    }

    #[test]
    fn the_examples_make_a_sound_site_together() {
        let site = crate::site::parse(&all_examples(), Path::new("site.yaml")).unwrap_or_else(|error| panic!("{}", error.render()));
        let errors: Vec<_> =
            crate::site::findings(&site).into_iter().filter(|finding| finding.severity == crate::finding::Severity::Error).collect();
        assert_eq!(errors, []);
    }

    #[test]
    fn every_key_of_the_site_file_has_its_section() {
        let keys = schema()["properties"].as_object().unwrap();
        for key in keys.keys() {
            assert!(TEMPLATE.contains(&format!("\n%{key}\n")), "{key}");
        }
        assert_eq!(TEMPLATE.matches("\n%").count(), keys.len());
    }

    #[test]
    fn with_every_answer_the_same_site_comes_back() {
        let document: Map<String, Value> = serde_saphyr::from_str(&all_examples()).unwrap();
        let text = render(&document);
        let again: Map<String, Value> = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(again, document, "{text}");
    }
}
