//! The reference page is what the types say, and the schema takes what is shipped.

use serde_json::Value;

const PAGE: &str = "docs/reference/playbooks.md";

fn shipped() -> Vec<(String, Value)> {
    let files = std::fs::read_dir("playbooks").unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = files
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "yaml", "{} is no playbook", path.display());
            (path.display().to_string(), serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect();
    assert!(found.len() >= 5);
    found
}

#[test]
fn every_shipped_playbook_fits_the_schema() {
    let validator = jsonschema::draft202012::new(&portcullis::playbook::schema()).unwrap();
    for (file, playbook) in shipped() {
        let errors: Vec<String> = validator.iter_errors(&playbook).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
}

#[test]
fn wrong_playbooks_do_not_fit_the_schema() {
    let validator = jsonschema::draft202012::new(&portcullis::playbook::schema()).unwrap();
    for text in [
        "name: a\n",
        "name: a\ntitle: t\nstep: []\n",
        "name: a\ntitle: t\nsteps: [{id: a}]\n",
        "name: a\ntitle: t\nsteps: [{id: a, command: {run: ls}, wait: {until: ls}}]\n",
        "name: a\ntitle: t\nsteps: [{id: a, when: {role: nod}, command: {run: ls}}]\n",
        "name: a\ntitle: t\nmachines: jumphosts\n",
    ] {
        let playbook: Value = serde_saphyr::from_str(text).unwrap();
        assert!(!validator.is_valid(&playbook), "{text}");
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == portcullis::playbook::reference(), "{PAGE} is stale; `make reference` makes it anew");
}

#[test]
fn the_reference_page_explains_every_field() {
    for line in portcullis::playbook::reference().lines().filter(|line| line.starts_with("| `")) {
        assert!(!line.ends_with("|  |"), "without a meaning: {line}");
    }
}
