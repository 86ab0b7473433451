//! Heads of the operator's ledger, left on a machine: a later one cannot make an earlier one unsaid.
//!
//! The machine keeps them as text; what they mean is the ledger's to say.

use std::sync::LazyLock;

use super::quote::quote;
use super::remote::{Machine, RemoteError};
use super::transaction::without_comments;

static HEADS: LazyLock<String> = LazyLock::new(|| without_comments(&[include_str!("sh/heads.sh")]));
/// So many stay on a machine, some 300 bytes each.
const KEPT: u32 = 200;

impl Machine {
    /// Leaves `note`, the signed head of event `seq` of the ledger with that id, on the machine. In one round trip.
    pub async fn keep_head(&self, ledger: &str, seq: u64, note: &str) -> Result<(), RemoteError> {
        let output = self.run_plain("keep-head", keeping_script(ledger, seq, note)).await?;
        if output.is_success() { Ok(()) } else { Err(self.unexpected("keep-head", &output)) }
    }

    /// The heads of that ledger which the machine keeps, as they were left; none where it never saw one.
    pub async fn kept_heads(&self, ledger: &str) -> Result<Vec<String>, RemoteError> {
        let output = self.run_plain("tell-heads", telling_script(ledger)).await?;
        if output.is_success() {
            Ok(split_notes(&String::from_utf8_lossy(&output.stdout)))
        } else {
            Err(self.unexpected("tell-heads", &output))
        }
    }
}

fn keeping_script(ledger: &str, seq: u64, note: &str) -> String {
    format!("pc_ledger={}\n{}pc_keep_head {seq} {KEPT} {}\n", quote(ledger), *HEADS, quote(note))
}

fn telling_script(ledger: &str) -> String {
    format!("pc_ledger={}\n{}pc_tell_heads\n", quote(ledger), *HEADS)
}

/// Notes one after the other: each has an empty line after its text, and its signatures up to the next text.
fn split_notes(text: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut is_signed = true;
    for line in text.split_inclusive('\n') {
        let is_signature = line.starts_with("\u{2014} ");
        if is_signed && !is_signature {
            notes.push(String::new());
        }
        is_signed = is_signature;
        if let Some(note) = notes.last_mut() {
            note.push_str(line);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[expect(clippy::disallowed_methods, reason = "the script is run as a machine runs it")]
    fn run(shell: &[&str], home: &std::path::Path, script: &str) -> String {
        let child = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", script])
            .env("pc_home", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    fn note(seq: u64, text: &str) -> String {
        format!("portcullis-ledger/x\n{seq}\n{text}\n\n\u{2014} portcullis-ledger/x AAAA\n")
    }

    #[test]
    fn heads_are_kept_beside_each_other_and_come_back_as_they_were() {
        for shell in [&["dash"][..], &["busybox", "sh"], &["bash"]] {
            let home = tempfile::tempdir().unwrap();
            let keep = |seq, text: &str| run(shell, home.path(), &keeping_script("x", seq, &note(seq, text)));
            let tell = || split_notes(&run(shell, home.path(), &telling_script("x")));
            assert_eq!(tell(), Vec::<String>::new(), "{shell:?}");
            for text in ["one", "one", "another"] {
                keep(7, text);
            }
            keep(11, "more");
            let mut told = tell();
            told.sort();
            assert_eq!(told, [note(11, "more"), note(7, "another"), note(7, "one")], "{shell:?}");
            assert_eq!(std::fs::read_dir(home.path().join("heads/x")).unwrap().count(), 3, "nothing else is left behind");
        }
    }

    #[test]
    fn the_oldest_heads_make_room() {
        for shell in [&["dash"][..], &["busybox", "sh"]] {
            let home = tempfile::tempdir().unwrap();
            let script = keeping_script("x", 12, &note(12, "it's new")).replace(&format!(" {KEPT} "), " 3 ");
            let folder = home.path().join("heads/x");
            std::fs::create_dir_all(&folder).unwrap();
            for name in ["9", "10", "10-1", "11"] {
                crate::disk::write_atomically(&folder.join(name), b"x\n", 0o600, crate::disk::Existing::Keep).unwrap();
            }
            run(shell, home.path(), &script);
            assert_eq!(std::fs::read_to_string(folder.join("12")).unwrap(), note(12, "it's new"));
            let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(names, ["10-1", "11", "12"], "{shell:?}");
        }
    }
}
