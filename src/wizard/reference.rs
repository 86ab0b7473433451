//! The reference page of the site file, in Markdown: its fields from the types, its examples from the commented template.

use std::fmt::Write as _;

use super::render::TEMPLATE;
use crate::fields::Fields;
use crate::site::file::schema::schema;

const HEAD: &str = "# Every key of the site file

`portcullis init` asks for what a site needs and writes the file, `portcullis site check` names every mistake with its line, and
`portcullis site schema` prints the JSON Schema, with which editors complete and explain each key. Keys that are not listed here are
refused. A *reference to a secret* says where one is to be had: `env:NAME`, `file:PATH`, `cmd:COMMAND`, or `prompt`.

This page is made from the program's types by `make reference`.

";

/// The whole page.
pub fn reference() -> String {
    let fields = Fields::of(schema());
    let mut page = HEAD.to_owned();
    fields.table(&mut page, schema(), &[]);
    for part in TEMPLATE.split("\n%").skip(1) {
        let Some((key, example)) = part.split_once('\n') else { continue };
        let Some(property) = schema().pointer(&format!("/properties/{key}")) else { continue };
        // A blank line, or the next section's words, end the example.
        let example: Vec<&str> = example.lines().take_while(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let _infallible = writeln!(page, "\n## {key}\n");
        fields.describe(&mut page, property);
        let element = fields.element(property);
        if element.get("properties").is_some() {
            fields.table(&mut page, element, &[]);
            page.push('\n');
        }
        let _infallible = writeln!(page, "```yaml\n{}\n```", example.join("\n"));
        fields.inner(&mut page, key, element);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn each_key_has_a_section_and_each_field_a_meaning() {
        let page = reference();
        for key in schema().get("properties").and_then(Value::as_object).unwrap().keys() {
            assert!(page.contains(&format!("\n## {key}\n")), "{key}");
        }
        let unexplained: Vec<&str> = page.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
        assert_eq!(unexplained, [""; 0]);
    }
}
