//! Secret references, resolved at use. What comes out is zeroised when dropped and never printed.

use std::collections::HashMap;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::model::SecretRef;

/// Asks a person for a secret without echo; the argument says what for.
pub type AskSecret = Box<dyn Fn(&str) -> std::io::Result<SecretString> + Send + Sync>;

/// Why a reference could not be resolved. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or is not text.
    #[error("{purpose}: the environment variable {name} is not set")]
    EnvMissing {
        /// What the secret is for.
        purpose: String,
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("{purpose}: cannot read {path}")]
    FileUnreadable {
        /// What the secret is for.
        purpose: String,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The command did not give a secret.
    #[error("{purpose}: the command `{command}` {outcome}")]
    CommandFailed {
        /// What the secret is for.
        purpose: String,
        /// The command as it stands in the site file.
        command: String,
        /// How it ended.
        outcome: String,
    },
    /// There is nobody to ask.
    #[error("{purpose}: there is no terminal to ask at, or --non-interactive forbids it")]
    NobodyToAsk {
        /// What the secret is for.
        purpose: String,
    },
    /// The person did not answer.
    #[error("{purpose}: no answer")]
    NoAnswer {
        /// What the secret is for.
        purpose: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Resolves references of one site, each once a command.
pub struct Secrets {
    folder: PathBuf,
    ask: Option<AskSecret>,
    known: Mutex<HashMap<(SecretRef, String), SecretString>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secrets").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Secrets whose relative paths start at `folder`; `ask` is `None` where no terminal may be used.
    pub fn new(folder: &Path, ask: Option<AskSecret>) -> Self {
        Self { folder: folder.to_owned(), ask, known: Mutex::new(HashMap::new()) }
    }

    /// The file that a reference names; `None` for the other kinds.
    pub fn file_of(&self, reference: &SecretRef) -> Option<PathBuf> {
        match reference {
            SecretRef::File(path) => Some(self.folder.join(path)),
            SecretRef::Env(_) | SecretRef::Cmd(_) | SecretRef::Prompt => None,
        }
    }

    /// The secret behind `reference`; `purpose` says what it is for, in prompts and errors.
    pub fn resolve(&self, reference: &SecretRef, purpose: &str) -> Result<SecretString, SecretError> {
        // Only a prompt's answer depends on what it is asked for.
        let asked_for = if *reference == SecretRef::Prompt { purpose } else { "" };
        let key = (reference.clone(), asked_for.to_owned());
        // Held while asking, so that two nodes never ask the same question twice.
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(secret) = known.get(&key) {
            return Ok(secret.clone());
        }
        let secret = self.fetch(reference, purpose)?;
        known.insert(key, secret.clone());
        Ok(secret)
    }

    /// Every secret that was had so far, for whoever must not let one out.
    pub fn known(&self) -> Vec<SecretString> {
        let known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.values().cloned().collect()
    }

    /// The same, fetched again each time and not kept: a one-time code is of no use twice.
    pub fn resolve_anew(&self, reference: &SecretRef, purpose: &str) -> Result<SecretString, SecretError> {
        // Held while asking here too: two questions at once would be one muddle.
        let _turn = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.fetch(reference, purpose)
    }

    fn fetch(&self, reference: &SecretRef, purpose: &str) -> Result<SecretString, SecretError> {
        let purpose = purpose.to_owned();
        match reference {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) => Ok(SecretString::from(value)),
                Err(_) => Err(SecretError::EnvMissing { purpose, name: name.clone() }),
            },
            SecretRef::File(path) => {
                let path = self.folder.join(path);
                match read_text(&path) {
                    Ok(text) => Ok(without_line_break(text)),
                    Err(source) => Err(SecretError::FileUnreadable { purpose, path, source }),
                }
            }
            SecretRef::Cmd(command) => self.run(command, &purpose),
            SecretRef::Prompt => match &self.ask {
                None => Err(SecretError::NobodyToAsk { purpose }),
                Some(ask) => ask(&purpose).map_err(|source| SecretError::NoAnswer { purpose, source }),
            },
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a `cmd:` reference is a command of the operator's own")]
    fn run(&self, command: &str, purpose: &str) -> Result<SecretString, SecretError> {
        let failed = |outcome: &str| SecretError::CommandFailed {
            purpose: purpose.to_owned(),
            command: command.to_owned(),
            outcome: outcome.to_owned(),
        };
        let started = std::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut process = started.map_err(|error| failed(&format!("could not be started: {error}")))?;
        let printed = process.stdout.take().map_or_else(|| Ok(Zeroizing::default()), read_limited);
        if printed.is_err() {
            // It may print without end.
            drop(process.kill());
        }
        let status = process.wait().map_err(|error| failed(&format!("could not be waited for: {error}")))?;
        match printed {
            Err(error) => Err(failed(&format!("printed what is no secret: {error}"))),
            Ok(_) if !status.success() => Err(failed(&format!("ended with {status}"))),
            Ok(bytes) if bytes.is_empty() => Err(failed("printed nothing")),
            Ok(bytes) => match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Ok(without_line_break(text)),
                Err(_) => Err(failed("printed something that is not text")),
            },
        }
    }
}

/// Longest secret that is read: a key has some kilobytes, and `/dev/zero` no end.
const LONGEST: u64 = 64 << 10;

fn read_limited(from: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(LONGEST + 1).read_to_end(&mut bytes)?;
    let is_longer = bytes.len() as u64 > LONGEST;
    if is_longer { Err(std::io::Error::new(ErrorKind::InvalidData, format!("it is longer than {} KB", LONGEST >> 10))) } else { Ok(bytes) }
}

/// A file's text. Editors on Windows begin it with a mark (U+FEFF) that nobody typed.
fn read_text(path: &Path) -> std::io::Result<String> {
    let bytes = read_limited(std::fs::File::open(path)?)?;
    let text = std::str::from_utf8(&bytes).map_err(|_not_utf8| std::io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

fn without_line_break(text: String) -> SecretString {
    let text = SecretString::from(text);
    let stripped = text.expose_secret().strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned());
    stripped.map_or(text, SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_without_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        crate::disk::write_atomically(&folder.path().join("pw"), b"a b\r\n", 0o600, crate::disk::Existing::Keep).unwrap();
        let secrets = Secrets::new(folder.path(), None);
        let secret = secrets.resolve(&SecretRef::File("pw".into()), "test").unwrap();
        assert_eq!(secret.expose_secret(), "a b");
    }

    #[test]
    fn what_has_no_end_is_no_secret_and_a_mark_at_a_file_s_beginning_no_part_of_one() {
        let folder = tempfile::tempdir().unwrap();
        crate::disk::write_atomically(&folder.path().join("pw"), "\u{feff}geheim\r\n".as_bytes(), 0o600, crate::disk::Existing::Keep)
            .unwrap();
        let secrets = Secrets::new(folder.path(), None);
        assert_eq!(secrets.resolve(&SecretRef::File("pw".into()), "test").unwrap().expose_secret(), "geheim");
        for endless in [SecretRef::File("/dev/zero".into()), SecretRef::Cmd("yes".into())] {
            let error = secrets.resolve(&endless, "test").unwrap_err();
            let whole = format!("{error} {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
            assert!(whole.contains("longer than 64 KB"), "{whole}");
        }
    }

    #[test]
    fn a_command_that_fails_is_named_and_its_output_is_not() {
        let secrets = Secrets::new(Path::new("/"), None);
        let error = secrets.resolve(&SecretRef::Cmd("echo hunter2; exit 3".into()), "sudo on a0-1").unwrap_err();
        assert_eq!(error.to_string(), "sudo on a0-1: the command `echo hunter2; exit 3` ended with exit status: 3");
    }

    #[test]
    fn without_a_terminal_a_prompt_is_an_error() {
        let error = Secrets::new(Path::new("/"), None).resolve(&SecretRef::Prompt, "the jumphost's password").unwrap_err();
        assert_eq!(error.to_string(), "the jumphost's password: there is no terminal to ask at, or --non-interactive forbids it");
    }

    #[test]
    fn a_one_time_code_is_fetched_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(folder.path(), None);
        let count = SecretRef::Cmd("echo x >>count; wc -l <count".into());
        let codes = [(); 2].map(|()| secrets.resolve_anew(&count, "code").unwrap().expose_secret().trim().to_owned());
        assert_eq!(codes, ["1", "2"]);
    }

    #[test]
    fn a_question_is_asked_once() {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = asked.clone();
        let ask: AskSecret = Box::new(move |_| {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(SecretString::from("x"))
        });
        let secrets = Secrets::new(Path::new("/"), Some(ask));
        secrets.resolve(&SecretRef::Prompt, "a").unwrap();
        secrets.resolve(&SecretRef::Prompt, "a").unwrap();
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}
