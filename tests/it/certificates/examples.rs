//! Every folder of `certs-examples/` is a test: its command, what it must find, its exit code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::command::{cert, cert_as, examples};

/// Ids of the contract (`cert.…`) that an example must show.
const IDS: [&str; 26] = [
    "cert.chain.incomplete",
    "cert.chain.order",
    "cert.chain.extra",
    "cert.chain.root-included",
    "cert.chain.signature",
    "cert.chain.not-a-ca",
    "cert.chain.refused",
    "cert.self-signed",
    "cert.untrusted-root",
    "cert.key.mismatch",
    "cert.key.missing",
    "cert.key.weak",
    "cert.key.encrypted",
    "cert.key.type",
    "cert.signature.weak",
    "cert.expired",
    "cert.not-yet-valid",
    "cert.expires-soon",
    "cert.name.missing",
    "cert.name.wildcard-depth",
    "cert.usage.no-server-auth",
    "cert.usage.ca",
    "cert.lifetime.too-long",
    "cert.duplicate",
    "cert.shared",
    "cert.unreadable",
];

#[derive(Debug)]
struct Expected {
    command: Vec<String>,
    exit: u8,
    findings: Vec<String>,
}

fn expected(folder: &Path) -> Expected {
    let path = folder.join("expected");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} is no example: {error}", path.display()));
    let field = |name: &str| text.lines().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect::<Vec<_>>().join("\n");
    let mut findings: Vec<String> = field("finding").lines().map(ToOwned::to_owned).collect();
    findings.sort();
    Expected {
        command: field("command").split_whitespace().map(ToOwned::to_owned).collect(),
        exit: field("exit").parse().unwrap(),
        findings,
    }
}

fn folders_of(part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(examples().join(part)).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.collect();
    folders.sort();
    assert!(folders.iter().all(|path| path.is_dir()), "a stray file stands among the examples of {part}: {folders:?}");
    folders
}

#[test]
fn every_example_gives_its_findings_and_its_exit_code() {
    let mut failures = Vec::new();
    for folder in folders_of("good").into_iter().chain(folders_of("mistakes")) {
        let wanted = expected(&folder);
        let words: Vec<&str> = wanted.command.iter().map(String::as_str).collect();
        let outcome = cert(&folder, &words);
        if folder.parent().is_some_and(|part| part.ends_with("good")) {
            let found = outcome.findings();
            let is_clean = |id: &&&str| !found.iter().any(|finding| finding.ends_with(&format!(" {id}")));
            crate::seen::passing(IDS.iter().filter(is_clean).copied());
        }
        if (outcome.code, outcome.findings()) != (wanted.exit, wanted.findings.clone()) {
            failures.push(format!("{}: wanted {} {:?}, got {outcome:?}", folder.display(), wanted.exit, wanted.findings));
        }
        assert!(!folder.join("OUT.pfx").exists() && !Path::new("OUT.pfx").exists(), "{} left a PFX behind", folder.display());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_mistake_of_the_contract_has_its_example() {
    let shown: BTreeSet<String> = folders_of("mistakes").iter().flat_map(|folder| expected(folder).findings).collect();
    let missing: Vec<&&str> = IDS.iter().filter(|id| !shown.iter().any(|finding| finding.ends_with(&format!(" {id}")))).collect();
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

#[test]
fn only_known_folders_stand_beside_the_examples() {
    let mut names: Vec<String> = fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["README.md", "authorities", "good", "make.sh", "mistakes"]);
}

#[test]
fn every_finding_says_what_to_do_and_where_the_rule_comes_from() {
    for folder in folders_of("mistakes") {
        let wanted = expected(&folder);
        let words: Vec<&str> = wanted.command.iter().map(String::as_str).collect();
        for finding in cert(&folder, &words).json()["findings"].as_array().unwrap() {
            for key in ["subject", "message", "fix", "source"] {
                let text = finding[key].as_str().unwrap();
                assert!(text.len() > 3 && !text.contains("Error("), "{key} of {finding}");
            }
        }
    }
}

#[test]
fn a_person_reads_the_same_as_a_script() {
    let folder = examples().join("mistakes/name-missing");
    let wanted = expected(&folder);
    let words: Vec<&str> = wanted.command.iter().map(String::as_str).collect();
    let outcome = cert_as(&folder, &words, false);
    assert_eq!(outcome.code, 3);
    for part in ["error   cert.name.missing login.example.com", "fix: ask the CA", "1 error"] {
        assert!(outcome.out.contains(part), "{part} is not in\n{}", outcome.out);
    }
}

#[test]
fn inspection_shows_the_chain_in_order_with_file_and_line() {
    let folder = examples().join("mistakes/chain-order");
    let root = "../../authorities/root.pem";
    let json = cert(&folder, &["inspect", "chain.pem", "server.key", "--root", root]).json();
    let roles: Vec<&str> = json["certificates"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["leaf", "intermediate"]);
    assert_eq!(json["certificates"][1]["line"], 1);
    assert_eq!(json["keys"][0]["fits"], "CN=manage.example.com");
    let outcome = cert_as(&folder, &["inspect", "chain.pem", "server.key", "--root", root], false);
    assert_eq!(outcome.code, 0);
    let text = outcome.out;
    for part in
        ["manage.example.com  ", "└─ signed by Example Issuing CA 1", "└─ signed by Example Root (private root", "days left", "chain.pem:1"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
