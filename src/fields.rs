//! Tables of the fields of a type, in Markdown, made from its JSON Schema: reference pages say what the reader accepts.

use std::fmt::Write as _;

use serde_json::Value;

/// The fields that a schema describes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    root: &'a Value,
}

impl<'a> Fields<'a> {
    /// Of a whole schema, in which references are looked up.
    pub(crate) fn of(root: &'a Value) -> Self {
        Self { root }
    }

    /// A heading, what it is, its fields, and the same of each mapping in it.
    pub(crate) fn section(self, page: &mut String, path: &str, schema: &'a Value) {
        let _infallible = writeln!(page, "\n{} {path}\n", if path.contains('.') { "####" } else { "###" });
        self.describe(page, schema);
        self.table(page, schema, &[]);
        self.inner(page, path, schema);
    }

    /// The sections of the mappings in a mapping.
    pub(crate) fn inner(self, page: &mut String, path: &str, schema: &'a Value) {
        for (name, inner) in self.present(schema).get("properties").and_then(Value::as_object).into_iter().flatten() {
            if self.element(inner).get("properties").is_some() {
                self.section(page, &format!("{path}.{name}"), self.element(inner));
            }
        }
    }

    /// What a list holds; anything else as it is.
    pub(crate) fn element(self, schema: &'a Value) -> &'a Value {
        let schema = self.present(schema);
        schema.get("items").map_or(schema, |items| self.present(items))
    }

    /// What it is, as a paragraph.
    pub(crate) fn describe(self, page: &mut String, schema: &'a Value) {
        if let Some(text) = self.description(schema) {
            let _infallible = writeln!(page, "{}\n", one_line(text));
        }
    }

    /// What it is, as it stands at the field, else at the type.
    pub(crate) fn description(self, schema: &'a Value) -> Option<&'a str> {
        schema.get("description").or_else(|| self.present(schema).get("description")).and_then(Value::as_str)
    }

    /// A table of the fields of a mapping; `last` are listed in the end.
    pub(crate) fn table(self, page: &mut String, schema: &'a Value, last: &[&str]) {
        let schema = self.present(schema);
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        page.push_str("| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
        let (kinds, others): (Vec<_>, Vec<_>) = properties.iter().partition(|(name, _)| last.contains(&name.as_str()));
        for (name, field) in others.into_iter().chain(kinds) {
            let default = if required.contains(&name.as_str()) { "required".to_owned() } else { default(field) };
            let mut meaning = one_line(self.description(field).unwrap_or_default());
            for (word, text) in self.words(field).into_iter().filter(|(_, text)| !text.is_empty()) {
                let _infallible = write!(meaning, "<br>`{word}`: {text}");
            }
            let _infallible = writeln!(page, "| `{name}` | {} | {default} | {meaning} |", self.kind(field));
        }
    }

    /// The schema behind references and behind a choice of being absent.
    pub(crate) fn present(self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let schema = target.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema);
        let choices = schema.get("anyOf").and_then(Value::as_array);
        let present = choices.and_then(|choices| choices.iter().find(|choice| choice.get("type").and_then(Value::as_str) != Some("null")));
        present.map_or(schema, |present| self.present(present))
    }

    /// The words of an enumeration, each with its meaning as far as it has one.
    pub(crate) fn words(self, field: &'a Value) -> Vec<(String, String)> {
        let schema = self.present(field);
        let all =
            |list: &'a Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(|word| (word.to_owned(), String::new()));
        let word = |choice: &'a Value| {
            let text = choice.get("description").and_then(Value::as_str).unwrap_or_default();
            let one =
                choice.get("const").and_then(Value::as_str).map(|word| (word.to_owned(), one_line(text).trim_end_matches('.').to_owned()));
            one.into_iter().chain(choice.get("enum").into_iter().flat_map(all))
        };
        let choices = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().flat_map(word);
        choices.chain(schema.get("enum").into_iter().flat_map(all)).collect()
    }

    /// Its type in a word or two.
    pub(crate) fn kind(self, field: &'a Value) -> String {
        if let Some(word) = field.get("const").and_then(Value::as_str) {
            return format!("`{word}`");
        }
        let words = self.words(field);
        if !words.is_empty() {
            let explained = words.iter().all(|(_, text)| !text.is_empty());
            let list = || words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            return if explained { "word".to_owned() } else { list() };
        }
        let field = self.present(field);
        if field.get("format").and_then(Value::as_str) == Some("secret-reference") {
            return "reference to a secret".to_owned();
        }
        let name = match field.get("type") {
            Some(Value::String(name)) => name.as_str(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default(),
            _ => "",
        };
        match name {
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "number" => "number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => format!("list of {}", field.get("items").map(|items| self.kind(items)).unwrap_or_default()),
            _ => "mapping".to_owned(),
        }
    }
}

fn default(field: &Value) -> String {
    match field.get("default") {
        Some(Value::String(text)) if text.is_empty() => String::new(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Null) | None => String::new(),
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(Value::Object(fields)) if fields.is_empty() => String::new(),
        Some(value) => format!("`{value}`"),
    }
}

/// A text that may stand in a table's cell.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
