//! The JSON Schema of a playbook, generated from the types. Editors complete by it, and the shape is checked by it.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::playbook::model::PlaybookFile;
use crate::site::file::problems::Document;

/// A playbook, to the readers of files.
pub(super) const PLAYBOOK: Document = Document { noun: "playbook", example: "`portcullis playbook show smtp` shows one", schema: shape };

/// The kinds of steps, as they are written.
pub(crate) const KINDS: [&str; 7] = ["template", "file", "pfx", "trust", "service", "command", "wait"];

/// The schema that the shape is checked with. Nothing in it refers to elsewhere.
pub(crate) fn shape() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<PlaybookFile>().to_value()
    })
}

/// JSON Schema of a playbook file, for editors: the shape, and that a step has exactly one kind.
pub fn schema() -> Value {
    let mut schema = shape().clone();
    if let Some(step) = schema.pointer_mut("/properties/steps/items").and_then(Value::as_object_mut) {
        let kinds: Vec<Value> = KINDS.iter().map(|kind| json!({"required": [kind]})).collect();
        step.insert("oneOf".to_owned(), kinds.into());
    }
    schema
}
