//! Reference pages in Markdown: whatever can be found, by its id; and the events, line by line. Made from what the program uses.

use std::fmt::Write as _;

use serde_json::Value;

use super::checks::severity_word;
use super::event_schema;
use crate::access::DOORS;
use crate::checks::catalogue::all;
use crate::fields::{Fields, one_line};
use crate::finding::{Finding, Severity};
use crate::ledger::MISTAKES;

const FINDINGS: &str = "# Findings

Whatever Portcullis finds has a stable id, a severity, a subject, a sentence that says what is wrong, and one that says what to do.
Severity `error` makes a command end with exit code 3; a `warning` works today, and somebody should act; an `info` is worth knowing.
With `--output json`:

```json
";

/// The page of all findings.
pub fn findings_page() -> String {
    let example = Finding {
        id: "cert.chain.incomplete".to_owned(),
        severity: Severity::Error,
        subject: "id.shop.example (bundle.pem:1)".to_owned(),
        message: "the chain has a hole: the certificate of its issuer is missing".to_owned(),
        fix: "ask the CA for the intermediate certificate and give it too".to_owned(),
        source: "Security and Access: SSL Certificates".to_owned(),
    };
    let mut page = FINDINGS.to_owned();
    page.push_str(&serde_json::to_string_pretty(&example).unwrap_or_default());
    page.push_str("\n```\n\nThis page is made from the program's tables by `make reference`.\n");
    page.push_str("\n## Of checks and certificates\n\nWhere each is looked at, whom to ask and what mends it: `portcullis check --list`, and the page on checks.\n\n");
    page.push_str("| id | severity | met when |\n| --- | --- | --- |\n");
    let mut specs = all();
    specs.sort_by_key(|spec| spec.id);
    for spec in specs {
        let _infallible = writeln!(page, "| `{}` | {} | {} |", spec.id, severity_word(spec.severity), one_line(spec.title));
    }
    page.push_str(
        "\n## Of the ledger\n\nBy `portcullis audit verify`.\n\n| id | severity | what it says | what to do |\n| --- | --- | --- | --- |\n",
    );
    for kind in &MISTAKES {
        let _infallible =
            writeln!(page, "| `{}` | {} | {} | {} |", kind.id, severity_word(kind.severity), kind.meaning, one_line(kind.fix));
    }
    page.push_str("\n## Of doors on machines\n\nBy `portcullis access list --live`, with what to do on the machine concerned.\n\n");
    page.push_str("| id | severity | what it says |\n| --- | --- | --- |\n");
    for (id, severity, meaning) in DOORS {
        let _infallible = writeln!(page, "| `{id}` | {} | {meaning} |", severity_word(severity));
    }
    page
}

const EVENTS: &str = "# Events

With `--output json`, `check`, `apply`, `verify`, `access open` and `access close` write one event a line to standard
output, each as it happens; the last is a `summary`, on failure and on Ctrl-C too. `portcullis events` prints the JSON Schema
([events.schema.json](events.schema.json)). A key may be added in a later version; none is taken away.

This page is made from the program's types by `make reference`.
";

/// The page of all events.
pub fn events_page() -> String {
    let schema = event_schema();
    let fields = Fields::of(&schema);
    let mut page = EVENTS.to_owned();
    for event in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let name = event.pointer("/properties/event/const").and_then(Value::as_str).unwrap_or_default();
        let _infallible = writeln!(page, "\n## {name}\n");
        fields.describe(&mut page, event);
        fields.table(&mut page, event, &[]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_there_with_its_fields() {
        let page = events_page();
        for expected in ["## started", "## summary", "| `exit_code` | whole number | required |", "`commit`: "] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }

    #[test]
    fn the_contracts_ids_are_findings() {
        let page = findings_page();
        for id in ["cert.chain.incomplete", "cert.shared", "audit.fork", "access.principal.unknown", "node.ram"] {
            assert!(page.contains(&format!("| `{id}` |")), "{id}");
        }
    }
}
