//! Which checks were ever provoked: each id stands in a test that makes the fault on a real machine, server or file, or here,
//! with the reason why no test does. A check that is added without either fails.

use std::path::{Path, PathBuf};

/// Checks without a real fault, and why.
const WITHOUT: [(&str, &str); 16] = [
    ("dns.label.charset", "a site file with such a name is refused before any check is made"),
    ("smtp.fields", "a site file without them is refused before any check is made"),
    ("node.arch", "all machines of the lab have the host's processors"),
    ("node.disk.backup", "machines of the lab have no drives of their own, so that it is always found there and never mended"),
    ("node.swap", "machines of the lab share the host's memory and swap"),
    ("node.entropy", "kernels since 5.10 are never short of it"),
    ("node.segment", "all of the lab's nodes stand in one segment"),
    ("time.vmware", "takes VMware Tools"),
    ("dns.resolve", "takes a resolver of this machine that knows the lab's names"),
    ("dns.env.isolation", "takes a resolver of this machine that knows two environments"),
    ("health.9110.exposed", "the lab's nodes cannot be reached past the jumphost"),
    ("smtp.ehlo", "no mail server that is in use refuses EHLO"),
    ("egress.github", "no feature of the lab needs it"),
    ("egress.maxmind", "no feature of the lab needs it"),
    ("egress.other", "the profile names no other destination"),
    ("egress.admin.browser", "takes a way into the internet from this machine"),
];

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
    let mut wrong = Vec::new();
    for spec in portcullis::checks::all() {
        let is_listed = WITHOUT.iter().any(|(id, _)| *id == spec.id);
        match (is_provoked(spec.id), is_listed) {
            (true, true) => wrong.push(format!("{}: a test provokes it; take it off the list", spec.id)),
            (false, false) => wrong.push(format!("{}: no test provokes it", spec.id)),
            (true, false) | (false, true) => {}
        }
    }
    for (id, _) in WITHOUT {
        if portcullis::checks::catalogue::find(id).is_none() {
            wrong.push(format!("{id}: there is no such check"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
