//! The JSON Schema of a site file, generated from the input structs. Editors complete by it, and the shape is checked by it.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::input::SiteFile;

/// The schema, draft 2020-12.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<SiteFile>().to_value())
}

/// The schema behind a `$ref`, or `schema` itself.
pub(crate) fn resolve(schema: &'static Value) -> &'static Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| self::schema().pointer(pointer)).unwrap_or(schema)
}
