//! The documents: their commands are commands of the program, their links lead somewhere, what is generated is fresh.

mod events;
mod walked;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use portcullis::disk::{Existing, write_atomically};
use serde_json::Value;

pub(crate) use events::events_of;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

fn documents(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root().join("docs"), ending, &mut found);
    found.sort();
    found
}

fn program() -> Command {
    let mut command = Command::cargo_bin("portcullis").unwrap();
    command.env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The commands in a page's `sh` blocks and in a pipeline's lines, without what the shell does with them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            in_block = matches!(language, "sh" | "bash");
        }
        let line = line.strip_prefix("- run: ").or_else(|| line.strip_prefix("run: ")).or_else(|| line.strip_prefix("- ")).unwrap_or(line);
        if let Some(rest) = line.strip_prefix("portcullis ") {
            let words = words(rest);
            if in_block || text.starts_with("# Checks") {
                found.push(words);
            }
        }
    }
    found
}

/// As a shell splits them: blanks, double quotes; the end at a redirection, `||` or a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with(['>', '|', '#', ';']) {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[test]
fn every_command_of_the_documents_is_one_of_the_program() {
    let mut pages = documents("md");
    pages.extend(documents("yml"));
    pages.push(root().join("README.md"));
    let mut count = 0;
    for page in pages {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            // The grammar is checked up to the last word; then its help ends it before anything is done.
            let words: Vec<String> = command.split(|word| word == "--").next().unwrap().to_vec();
            let output = program().args(&words).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{}: portcullis {}: {said}", page.display(), words.join(" "));
            count += 1;
        }
    }
    assert!(count > 40, "too few commands were found to mean anything: {count}");
}

#[test]
fn the_check_of_commands_finds_a_wrong_one() {
    let found = commands("```sh\nportcullis aply --yes  # makes it so\nportcullis plan --limt a0-1 > x\n```\nportcullis no block\n");
    assert_eq!(found, [vec!["aply", "--yes"], vec!["plan", "--limt", "a0-1"]]);
    for words in found {
        assert_eq!(program().args(words).arg("--help").output().unwrap().status.code(), Some(2));
    }
}

/// The links of a page that lead nowhere: to a file that is not there, or to a heading that the page does not have.
fn dead_links(page: &Path, text: &str) -> Vec<String> {
    let mut dead = Vec::new();
    for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        if file.contains("://") {
            continue;
        }
        let path = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
        let has_heading = || heading.is_empty() || std::fs::read_to_string(&path).unwrap().lines().any(|line| anchor(line) == heading);
        if !path.exists() || !has_heading() {
            dead.push(format!("{}: {target}", page.display()));
        }
    }
    dead
}

/// What a heading is called in a link.
fn anchor(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else { return String::new() };
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter)).collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut pages = documents("md");
    pages.extend(["README.md", "CONTRIBUTING.md", "tests/lab/README.md"].map(|name| root().join(name)));
    let dead: Vec<String> = pages.iter().flat_map(|page| dead_links(page, &std::fs::read_to_string(page).unwrap())).collect();
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn a_dead_link_is_found() {
    let page = root().join("docs/windows.md");
    let text = "[a](secrets.md) [b](gone.md) [c](https://gone.example) [d](secrets.md#gone) [e](site-file.md#what-it-says)";
    let dead = dead_links(&page, text);
    assert!(
        matches!(dead.as_slice(), [file, heading] if file.ends_with(": gone.md") && heading.ends_with(": secrets.md#gone")),
        "{dead:?}"
    );
}

#[test]
fn the_picture_shows_commands_that_there_are() {
    let picture = std::fs::read_to_string(root().join("docs/pictures/terminal.svg")).unwrap();
    let typed: Vec<String> = picture
        .split("class=\"bold\">")
        .filter_map(|piece| piece.split_once("</text>"))
        .map(|(text, _)| text.replace("&quot;", "\"").trim().to_owned())
        .filter(|text| text.starts_with("portcullis "))
        .collect();
    assert!(typed.len() >= 4, "{typed:?}");
    let script = std::fs::read_to_string(root().join("docs/pictures/draw.py")).unwrap();
    for line in typed {
        assert!(script.contains(&line), "the picture is stale: `make picture` draws it anew: {line}");
        let words = words(line.strip_prefix("portcullis ").unwrap());
        assert!(program().args(&words).arg("--help").output().unwrap().status.success(), "{line}");
    }
}

#[test]
fn the_pipelines_are_pipelines() {
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(root().join("docs/ci").join(name)).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let github = read("github-actions.yml");
    assert!(github.get("on").or_else(|| github.get("true")).is_some());
    for (name, job) in github["jobs"].as_object().unwrap() {
        assert!(job["runs-on"].is_array(), "{name}");
        for step in job["steps"].as_array().unwrap() {
            assert!(step.get("run").is_some() != step.get("uses").is_some(), "{name}: {step}");
        }
    }
    let gitlab = read("gitlab-ci.yml");
    for stage in gitlab["stages"].as_array().unwrap() {
        let job = &gitlab[stage.as_str().unwrap()];
        assert_eq!(&job["stage"], stage);
        assert!(!job["script"].as_array().unwrap().is_empty());
    }
}

/// What is made from the program, and the words that print it.
const MADE: [(&str, &str); 7] = [
    ("reference/playbooks.md", "playbook reference"),
    ("reference/checks.md", "check --list --markdown"),
    ("reference/events.schema.json", "events"),
    ("reference/events.md", "help events"),
    ("reference/findings.md", "help findings"),
    ("reference/site-file.md", "site reference"),
    ("exit-codes.md", "help exit-codes"),
];

#[test]
fn what_is_made_from_the_program_is_fresh_and_made_by_make() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for (page, words) in MADE {
        let printed = String::from_utf8(program().args(words.split(' ')).output().unwrap().stdout).unwrap();
        let kept = std::fs::read_to_string(root().join("docs").join(page)).unwrap_or_default();
        assert!(kept == printed, "docs/{page} is stale: `make reference` makes it anew");
        assert!(
            makefile.contains(&format!("target/debug/portcullis {words} > docs/{page}\n")),
            "`make reference` does not make docs/{page}"
        );
    }
}

#[test]
fn every_page_is_in_the_book() {
    let contents = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for page in documents("md") {
        let name = page.strip_prefix(root().join("docs")).unwrap().display().to_string();
        assert!(name == "SUMMARY.md" || contents.contains(&format!("({name})")), "{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn help_prints_topics_commands_and_what_there_is() {
    let said = |words: &[&str]| String::from_utf8(program().arg("help").args(words).output().unwrap().stdout).unwrap();
    for (words, expected) in [
        (&["windows"][..], "# Windows"),
        (&["exit_codes"], "| 130 |"),
        (&["access", "close"], "Usage: portcullis access close"),
        (&[], "troubleshooting"),
    ] {
        assert!(said(words).contains(expected), "{words:?}: {}", said(words));
    }
    let wrong = program().args(["help", "secret"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `secrets`"));
}

#[test]
fn shells_are_answered_with_the_sites_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let site = "site: a\nenvironment: qa\nroute: {vpn: true}\nnodes: [{name: north-1, address: 10.0.0.1}, {name: south-1, address: 10.0.0.2}]\n\
                names: {dashboard: manage.a.example, configuration: config.a.example, webtask: webtask.a.example, tenants: [id.a.example]}\n";
    write_atomically(&folder.path().join("other.yaml"), site.as_bytes(), 0o644, Existing::Keep).unwrap();
    let asked = |words: &[&str]| {
        let mut command = program();
        command.current_dir(folder.path()).env("COMPLETE", "fish").args(["--", "portcullis"]).args(words);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let nodes = asked(&["plan", "--site", "other.yaml", "--limit", "no"]);
    assert!(nodes.contains("north-1") && !nodes.contains("south-1"), "{nodes}");
    assert!(asked(&["plan", "--site", "other.yaml", "--limit", ""]).contains("10.0.0.2"), "with its address");
    assert!(asked(&["apply", "rot"]).contains("rotate-tls"));
    assert!(asked(&["check", "--only", "smtp.a"]).contains("smtp.auth.plain"));
    assert!(asked(&["help", "win"]).contains("windows"));
    assert_eq!(asked(&["plan", "--site", "none.yaml", "--limit", ""]).trim(), "", "a site that is not there has no nodes");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = program().args(["completions", shell]).output().unwrap();
        assert!(script.status.success() && String::from_utf8_lossy(&script.stdout).contains("COMPLETE"), "{shell}");
    }
}
