//! The schema says what the reader accepts, and explains every field.

use serde_json::Value;

use super::{FULL, LAB, LEAST};

fn as_json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn sound_site_files_fit_the_schema() {
    let validator = jsonschema::draft202012::new(&portcullis::site::schema()).unwrap();
    for text in [FULL, LEAST, LAB] {
        let site = as_json(text);
        let errors: Vec<String> = validator.iter_errors(&site).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn wrong_site_files_do_not_fit_the_schema() {
    let validator = jsonschema::draft202012::new(&portcullis::site::schema()).unwrap();
    let wrong = [
        LEAST.replace("nodes:", "nodez:"),
        LEAST.replace("development", "prod"),
        LEAST.replace("route: {vpn: true}\n", ""),
        format!("{LEAST}smtp: {{host: a.example, username: a, password: hunter2, from: a@b.example}}\n"),
        format!("{LEAST}profile_overrides: {{hardware: {{ram: 4}}}}\n"),
    ];
    for text in wrong {
        assert!(!validator.is_valid(&as_json(&text)), "{text}");
    }
}

#[test]
fn every_field_is_explained_and_every_mapping_is_closed() {
    let schema = portcullis::site::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut fields = 0;
    look("", &schema, &mut fields);
    assert!(fields > 80, "only {fields} fields were seen");
}

fn look(path: &str, schema: &Value, fields: &mut usize) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{path} takes any key");
        for (key, property) in properties {
            *fields += 1;
            let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(text.len() > 3, "{path}/{key} is not explained");
        }
    }
    match schema {
        Value::Object(parts) => parts.iter().for_each(|(key, part)| look(&format!("{path}/{key}"), part, fields)),
        Value::Array(parts) => parts.iter().enumerate().for_each(|(index, part)| look(&format!("{path}/{index}"), part, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
