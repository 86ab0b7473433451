//! The house's layers: a `use` or a path of the crate may point down, never up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

// Lower may not name higher; modules of one number may name each other only where they are the same.
fn layers() -> BTreeMap<&'static str, u8> {
    BTreeMap::from([
        ("finding", 0),
        ("event", 1),
        ("disk", 0),
        ("fields", 0),
        ("sshsig", 0),
        ("site", 2),
        ("certs", 3),
        ("ssh", 4),
        ("node", 5),
        ("ledger", 5),
        ("bundle", 6),
        ("checks", 6),
        ("access", 6),
        ("playbook", 7),
        ("report", 8),
        ("wizard", 8),
        ("cli", 9),
    ])
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn named_modules(text: &str) -> Vec<String> {
    let pieces = text.split("crate::").skip(1);
    pieces.map(|piece| piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn no_arrow_runs_up_the_layers() {
    let layers = layers();
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 20, "the walk found too little to mean anything");
    let mut wrong = Vec::new();
    for file in files {
        let module = module_of(&file);
        if matches!(module.as_str(), "main" | "lib") {
            continue;
        }
        let own = *layers.get(module.as_str()).unwrap_or_else(|| panic!("src/{module} has no place in the layers"));
        let text = std::fs::read_to_string(&file).unwrap();
        for named in named_modules(&text) {
            if layers.get(named.as_str()).is_some_and(|other| named != module && *other >= own) {
                wrong.push(format!("{} names {named}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rule_can_find_an_arrow_that_runs_up() {
    assert_eq!(named_modules("use crate::cli::Context;\nlet x = crate::node::quote(y);"), ["cli", "node"]);
}

#[test]
fn only_the_modules_that_may_know_the_terminal_do() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let terminal = ["indicatif", "dialoguer", "console::", "std::io::stdout", "std::io::stderr", "IsTerminal"];
    for file in files {
        let module = module_of(&file);
        if matches!(module.as_str(), "main" | "cli" | "report" | "wizard") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for word in terminal {
            assert!(!text.contains(word), "{} knows the terminal: {word}", file.display());
        }
    }
}
