//! Running `portcullis cert …` in this process, and other programs beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Parser;
use portcullis::cli::cert::{CertCommand, CertContext, run};
use portcullis::site::secret::Secrets;

/// The instant at which the examples are judged.
pub(crate) const NOW: &str = "2026-12-01T00:00:00Z";

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: CertCommand,
}

/// What a command gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("standard output is not JSON alone: {error}\n{self:?}"))
    }

    /// `severity id` of each finding, sorted.
    pub(crate) fn findings(&self) -> Vec<String> {
        let json = self.json();
        let findings = json["findings"].as_array().unwrap_or_else(|| panic!("no findings in {json}"));
        let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
        crate::seen::in_findings(findings.iter().filter_map(|one| one["id"].as_str()));
        let mut ids: Vec<String> = findings.iter().map(|one| format!("{} {}", text(one, "severity"), text(one, "id"))).collect();
        ids.sort();
        ids
    }
}

/// Runs `cert ARGS` with JSON output.
pub(crate) fn cert(folder: &Path, args: &[&str]) -> Outcome {
    cert_as(folder, args, true)
}

/// Runs `cert ARGS`. Words that name something in `folder` become whole paths, as if the command ran there.
pub(crate) fn cert_as(folder: &Path, args: &[&str], json: bool) -> Outcome {
    run_with(folder, args, json, None)
}

/// As [`cert_as`], for the site of `folder`.
pub(crate) fn cert_of_site(folder: &Path, args: &[&str], json: bool) -> Outcome {
    let site = portcullis::site::load(&folder.join("site.yaml"), folder).unwrap_or_else(|error| panic!("{error}"));
    run_with(folder, args, json, Some(&site))
}

/// What is said of a command line that cannot be parsed.
pub(crate) fn refused(line: &str) -> String {
    let words = std::iter::once("cert").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|_| ()).expect_err("this must not be taken").to_string()
}

fn run_with(folder: &Path, args: &[&str], json: bool, site: Option<&portcullis::site::model::Site>) -> Outcome {
    let args = args.iter().map(|word| in_folder(folder, word));
    let line = Line::try_parse_from(std::iter::once("cert".to_owned()).chain(args)).unwrap_or_else(|error| panic!("{error}"));
    let secrets = Secrets::new(folder, None);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut context = CertContext {
        json,
        color: false,
        width: usize::MAX,
        now: NOW.parse().unwrap(),
        site,
        home: folder,
        secrets: &secrets,
        interactive: false,
        patience: None,
        log: None,
        out: &mut out,
        err: &mut err,
    };
    let code = run(&line.command, &mut context);
    Outcome { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn in_folder(folder: &Path, word: &str) -> String {
    let whole = |path: &str| folder.join(path).display().to_string();
    match word.split_once('=') {
        Some((name, path)) if folder.join(path).exists() => format!("{name}={}", whole(path)),
        _ if folder.join(word).exists() => whole(word),
        _ => word.to_owned(),
    }
}

/// Where the examples are.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-examples")
}

/// Runs another program, which must be there: a missing one fails the test and names its package.
#[expect(clippy::disallowed_methods, reason = "other implementations are programs of their own")]
pub(crate) fn program(package: &str, name: &str, args: &[&str]) -> Output {
    let output = Command::new(name).args(args).env("LC_ALL", "C.UTF-8").stdin(std::process::Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{name} cannot be run ({error}): install the package {package}"))
}

/// As [`program`], and it must succeed; gives what it printed.
pub(crate) fn succeeds(package: &str, name: &str, args: &[&str]) -> String {
    let output = program(package, name, args);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {args:?}: {}\n{text}", output.status);
    text
}

/// Writes a file that a test needs.
pub(super) fn put(path: impl AsRef<std::path::Path>, content: impl AsRef<[u8]>) {
    portcullis::disk::write_atomically(path.as_ref(), content.as_ref(), 0o600, portcullis::disk::Existing::Replace).unwrap();
}
