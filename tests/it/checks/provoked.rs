//! Which checks were ever provoked: each id stands in a test that makes the fault on a real machine, server or file, or in a list
//! with the reason why no test does. A check that is added without either fails at once; whether the tests really saw it found and
//! mended is looked at when all have run (`tests/provoked.sh`).

use std::path::{Path, PathBuf};

/// Checks without a real fault, and why; the same list is read when all tests are done.
const WITHOUT: &str = include_str!("../../unprovoked.txt");

/// The ids of the list.
fn without() -> Vec<&'static str> {
    let lines = WITHOUT.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}")).0).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("provoked.rs") {
            found.push(path);
        }
    }
}

/// The texts of all tests that make real faults; the rules of site files have theirs beside them.
fn texts() -> Vec<String> {
    let mut files = Vec::new();
    sources(Path::new("tests/it"), &mut files);
    assert!(files.len() > 50, "the walk found too little to mean anything");
    let mut texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let rules = std::fs::read_to_string("src/site/findings/mod.rs").unwrap();
    texts.push(rules.split_once("#[cfg(test)]").unwrap().1.to_owned());
    texts
}

#[test]
fn every_check_was_provoked_or_says_why_not() {
    let texts = texts();
    let is_provoked = |id: &str| texts.iter().any(|text| text.contains(&format!("\"{id}\"")) || text.contains(&format!("\"{id}=")));
    let (mut wrong, without) = (Vec::new(), without());
    for spec in portcullis::checks::all() {
        let is_listed = without.contains(&spec.id);
        if !is_listed && !is_provoked(spec.id) {
            wrong.push(format!("{}: no test provokes it", spec.id));
        }
    }
    for id in without {
        if portcullis::checks::catalogue::find(id).is_none() {
            wrong.push(format!("{id}: there is no such check"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
