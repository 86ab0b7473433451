//! The reference page of playbooks, in Markdown, made from the types, so that it says what the reader accepts.

use std::fmt::Write as _;

use serde_json::Value;

use super::condition::CONDITIONS;
use super::load::{KINDS, shape};
use super::template::VARIABLES;
use crate::fields::Fields;

/// An example of each kind of step; a test loads all of them.
const EXAMPLES: [(&str, &str); 7] = [
    (
        "template",
        "- id: motd\n  title: whose machine this is\n  template: {src: motd/motd, dest: /etc/motd.d/portcullis, mode: \"0644\"}\n",
    ),
    (
        "file",
        "- id: banner\n  file: {path: /etc/issue.net, content: \"Authorized use only.\\n\"}\n- id: spool\n  file: {path: /var/spool/shop, state: folder, mode: \"0750\", owner: \"www-data:www-data\"}\n- id: key-mode\n  file: {path: /etc/shop/key.pem, mode: \"0600\"}\n- id: no-default\n  file: {path: /etc/nginx/sites-enabled/default, state: absent}\n",
    ),
    ("pfx", "- id: pfx\n  when: {tls: present}\n  pfx: {dest: /etc/shop/site.pfx, mode: \"0640\", owner: \"root:shop\"}\n"),
    ("trust", "- id: company-ca\n  trust: {name: company, files: [company-root.pem]}\n"),
    (
        "service",
        "- id: nginx\n  service: {name: nginx, validate: nginx -t, on_change: reload, listens: [443]}\n- id: no-telnet\n  service: {name: telnet.socket, state: stopped}\n",
    ),
    (
        "command",
        "- id: dhparam\n  command: {run: openssl dhparam -out /etc/shop/dh.pem 2048, creates: /etc/shop/dh.pem}\n- id: zone\n  command: {run: timedatectl set-timezone UTC, unless: \"[ \\\"$(timedatectl show -p Timezone --value)\\\" = UTC ]\"}\n",
    ),
    ("wait", "- id: answers\n  wait: {until: curl -fsS http://127.0.0.1:9110/testall, seconds: 60}\n"),
];

const GATE_EXAMPLE: &str = "rolling: 5
gate:
  http: {path: /testall, status: 200}
  tls_name: {name: login.shop.example}
  command: systemctl is-active --quiet shop
";

const HEAD: &str = "# Playbooks

A playbook is a named list of steps, each one desired thing on a machine. It is data and no language: there are no loops,
and no conditions but `when: {key: value}`. What needs more is a template or a command of its own.

`portcullis playbook list` names the playbooks there are, `playbook show NAME` prints one, `playbook check` looks for faults
without touching a machine, `playbook schema` prints the JSON Schema for editors. A site's own playbooks stand in
`playbooks/NAME.yaml` beside its site file, its templates in `templates/`; one of the same name as a built-in one wins.

Files of all steps are put in place first, together, after each was checked; then services, commands and waits follow in the
order of the steps. When one fails, the files are put back, and the services take them up again.

This page is made from the program's types by `make reference`.
";

/// The whole page.
pub fn reference() -> String {
    let root = shape();
    let tables = Fields::of(root);
    let mut page = HEAD.to_owned();
    page.push_str("\n## The file\n\n");
    tables.table(&mut page, root, &[]);
    page.push_str("\nA whole one:\n\n```yaml\n");
    page.push_str(&whole_example());
    page.push_str("```\n");
    if let Some(gate) = root.pointer("/properties/gate") {
        tables.section(&mut page, "gate", gate);
        let _infallible = write!(page, "\n```yaml\n{GATE_EXAMPLE}```\n");
    }
    if let Some(handout) = root.pointer("/properties/handouts/items") {
        tables.section(&mut page, "handouts", handout);
    }
    steps(&mut page, root, tables);
    conditions(&mut page);
    variables(&mut page);
    page
}

/// A playbook that holds an example of each kind.
pub(super) fn whole_example() -> String {
    let mut text = "name: example\ntitle: One step of each kind\nsteps:\n".to_owned();
    for line in EXAMPLES.iter().flat_map(|(_, example)| example.lines()) {
        let _infallible = writeln!(text, "  {line}");
    }
    text
}

fn steps<'a>(page: &mut String, root: &'a Value, tables: Fields<'a>) {
    let Some(step) = root.pointer("/properties/steps/items") else { return };
    page.push_str("\n## Steps\n\n");
    tables.describe(page, step);
    tables.table(page, step, &KINDS);
    let properties = step.get("properties").and_then(Value::as_object);
    let others = properties.into_iter().flatten().filter(|(name, _)| *name != "when" && !KINDS.contains(&name.as_str()));
    for (name, schema) in others.filter(|(_, schema)| tables.present(schema).get("properties").is_some()) {
        tables.section(page, name, schema);
    }
    for kind in KINDS {
        let Some(schema) = step.pointer(&format!("/properties/{kind}")) else { continue };
        tables.section(page, kind, schema);
        if let Some((_, example)) = EXAMPLES.iter().find(|(name, _)| *name == kind) {
            let _infallible = write!(page, "\n```yaml\n{example}```\n");
        }
    }
}

fn conditions(page: &mut String) {
    page.push_str(
        "\n## when\n\nEach key has to equal its value for the step to count.\n\n| key | values | what it tells |\n| --- | --- | --- |\n",
    );
    for condition in &CONDITIONS {
        let values: Vec<String> = condition.values.iter().map(|value| format!("`{value}`")).collect();
        let values = if values.is_empty() { "any word".to_owned() } else { values.join(", ") };
        let _infallible = writeln!(page, "| `{}` | {values} | {} |", condition.key, condition.meaning);
    }
}

fn variables(page: &mut String) {
    page.push_str(
        "\n## What templates see\n\nTemplates are written in [Tera](https://keats.github.io/tera/): `{{ site.name }}`, `{% if facts.ipv6 %}…{% endif %}`,
`{% for node in nodes %}…{% endfor %}`. A variable that is not there is an error with its place, never an empty text; what a site
leaves out is `none` or an empty list. Nothing is escaped.\n\n| variable | what it is | there |\n| --- | --- | --- |\n",
    );
    for variable in &VARIABLES {
        let _infallible = writeln!(page, "| `{}` | {} | {} |", variable.name, variable.meaning, variable.condition());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Existing, write_atomically};
    use crate::playbook::Library;

    #[test]
    fn the_examples_are_sound() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["playbooks", "templates/motd"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for (name, text) in [("playbooks/example.yaml", whole_example()), ("templates/motd/motd", "{{ site.name }}\n".to_owned())] {
            write_atomically(&folder.path().join(name), text.as_bytes(), 0o644, Existing::Keep).unwrap();
        }
        let playbook = Library::new(folder.path()).load(&["example".to_owned()]).unwrap_or_else(|error| panic!("{:?}", error.problems()));
        for kind in KINDS {
            assert!(playbook.steps.iter().any(|step| step.kind.word() == kind), "{kind}");
        }
    }
}
