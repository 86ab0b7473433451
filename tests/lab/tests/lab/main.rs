//! The lab proves itself before anything is proved on it: what it promises, and that nothing is left of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod leftovers;
mod peers;
mod standing;

use std::{path::PathBuf, process::Output, sync::OnceLock};

use portcullis_lab::{Lab, Options};

/// The options of a lab of this process' own, run by the program that was built with these tests.
fn options(purpose: &str) -> Options {
    Options { program: Some(PathBuf::from(env!("CARGO_BIN_EXE_lab"))), ..Options::of_this_process(purpose) }
}

/// One lab that all tests share which leave it as they found it.
fn shared() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| Lab::up(&options("shared")).unwrap())
}

/// What a command that must succeed printed.
fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs a shell line inside a machine; what it printed.
fn sh(lab: &Lab, machine: &str, line: &str) -> String {
    stdout_of(&lab.exec(machine, &["bash", "-c", line]).unwrap())
}
