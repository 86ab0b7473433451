//! CSV and CEF as programs read them that know nothing of us.

use portcullis::ledger::{ExportFormat, LedgerEvent};
use regex::Regex;
use serde_json::Value;

use super::desk::Desk;
use super::{event, noon, origin};

/// Reads CSV by Python's own module, strictly, and prints it as JSON.
const READ_CSV: &str = "import csv, json, sys\nprint(json.dumps(list(csv.DictReader(open(sys.argv[1], newline=''), strict=True))))";

const ODD: [&str; 6] = ["a,b", "say \"x\"", "two\nlines\r\n", "=1+1", "pipe|back\\slash=equals", "\u{fc}ber \u{1f600} '"];

fn odd_events() -> Vec<LedgerEvent> {
    let odd = |(number, text): (u64, &&str)| {
        let mut event = origin().audit_read(noon(number), number, text);
        event.subject = Some((*text).to_owned());
        event.actor.user = (*text).to_owned();
        event
    };
    (1..).zip(&ODD).map(odd).chain([event(9)]).collect()
}

fn exported(desk: &Desk, format: ExportFormat) -> String {
    let ledger = desk.ledger();
    for event in odd_events() {
        ledger.append(&event).unwrap();
    }
    let mut text = Vec::new();
    ledger.export(format, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn pythons_csv_module_reads_each_field_as_it_was() {
    let desk = Desk::new(0, "");
    let text = exported(&desk, ExportFormat::Csv);
    desk.write("export.csv", &text);
    let rows: Vec<Value> = serde_json::from_str(&desk.program(&["python3", "-c", READ_CSV, "export.csv"])).unwrap();
    assert_eq!(rows.len(), odd_events().len());
    for (row, event) in rows.iter().zip(odd_events()) {
        let field = |name: &str| row[name].as_str().unwrap().to_owned();
        let user = event.actor.user.as_str();
        // A text that a spreadsheet would take for a formula has an apostrophe before it.
        assert_eq!(field("user"), if user.starts_with('=') { format!("'{user}") } else { user.to_owned() });
        assert_eq!((field("kind"), field("at")), (event.kind.name().to_owned(), event.at.to_string()));
        let details: Value = serde_json::from_str(&field("details")).unwrap();
        assert_eq!(details, Value::Object(event.details));
    }
}

/// The extension of a CEF line, taken apart as its specification says: a key is a word before an unescaped `=`.
fn cef_fields(extension: &str) -> Vec<(String, String)> {
    let key = Regex::new(r"(?:^| )([A-Za-z0-9_]+)=").unwrap();
    let starts: Vec<_> = key.captures_iter(extension).map(|found| (found.get(0).unwrap(), found[1].to_owned())).collect();
    let ends = starts.iter().skip(1).map(|(next, _)| next.start()).chain([extension.len()]);
    let raw = starts.iter().zip(ends).map(|((found, name), end)| (name.clone(), &extension[found.end()..end]));
    let plain = |text: &str| {
        let mut out = String::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match (letter, letter == '\\') {
                (_, true) => out.push(match letters.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                }),
                ('=', _) => panic!("an equals sign is not escaped: {text}"),
                _ => out.push(letter),
            }
        }
        out
    };
    raw.map(|(name, text)| (name, plain(text))).collect()
}

#[test]
fn cef_lines_have_the_form_of_their_specification() {
    let desk = Desk::new(0, "");
    let text = exported(&desk, ExportFormat::Cef);
    // Seven fields in the header, in which pipe and backslash are escaped; a severity from 0 to 10.
    let part = r"((?:[^|\\\n]|\\[\\|])*)";
    let line = Regex::new(&format!(r"^CEF:0\|{part}\|{part}\|{part}\|{part}\|{part}\|([0-9]|10)\|(.*)$")).unwrap();
    let known =
        ["rt", "externalId", "suser", "spid", "dvchost", "src", "shost", "cs1Label", "cs1", "cs2Label", "cs2", "cs3Label", "cs3", "msg"];
    assert_eq!(text.lines().count(), odd_events().len());
    for (text, event) in text.lines().zip(odd_events()) {
        let parts = line.captures(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((&parts[1], &parts[2], &parts[4]), ("Portcullis", "Portcullis", event.kind.name()));
        let fields = cef_fields(&parts[7]);
        assert!(fields.iter().all(|(name, _)| known.contains(&name.as_str())), "{fields:?}");
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap();
        assert_eq!(field("suser"), event.actor.user);
        assert_eq!(field("cs2"), event.subject.unwrap_or_default());
        assert_eq!(field("rt"), event.at.as_millisecond().to_string());
        let details: Value = serde_json::from_str(&field("msg")).unwrap();
        assert_eq!(details, Value::Object(event.details));
    }
}
