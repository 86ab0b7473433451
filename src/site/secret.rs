//! Secret references, resolved at use. What comes out is zeroised when dropped and never printed.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use secrecy::{ExposeSecret, SecretString};

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
    #[error("{purpose}: there is no terminal to ask at")]
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
                match std::fs::read_to_string(&path) {
                    Ok(text) => Ok(without_line_break(text)),
                    Err(source) => Err(SecretError::FileUnreadable { purpose, path, source }),
                }
            }
            SecretRef::Cmd(command) => self.run(command, purpose),
            SecretRef::Prompt => match &self.ask {
                None => Err(SecretError::NobodyToAsk { purpose }),
                Some(ask) => ask(&purpose).map_err(|source| SecretError::NoAnswer { purpose, source }),
            },
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a `cmd:` reference is a command of the operator's own")]
    fn run(&self, command: &str, purpose: String) -> Result<SecretString, SecretError> {
        let failed = |outcome: String| SecretError::CommandFailed { purpose, command: command.to_owned(), outcome };
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .current_dir(&self.folder)
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::inherit())
            .output();
        match output {
            Err(error) => Err(failed(format!("could not be started: {error}"))),
            Ok(output) if !output.status.success() => Err(failed(format!("ended with {}", output.status))),
            Ok(output) => match String::from_utf8(output.stdout) {
                Ok(text) if text.is_empty() => Err(failed("printed nothing".to_owned())),
                Ok(text) => Ok(without_line_break(text)),
                Err(_) => Err(failed("printed something that is not text".to_owned())),
            },
        }
    }
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
    fn a_command_that_fails_is_named_and_its_output_is_not() {
        let secrets = Secrets::new(Path::new("/"), None);
        let error = secrets.resolve(&SecretRef::Cmd("echo hunter2; exit 3".into()), "sudo on a0-1").unwrap_err();
        assert_eq!(error.to_string(), "sudo on a0-1: the command `echo hunter2; exit 3` ended with exit status: 3");
    }

    #[test]
    fn without_a_terminal_a_prompt_is_an_error() {
        let error = Secrets::new(Path::new("/"), None).resolve(&SecretRef::Prompt, "the jumphost's password").unwrap_err();
        assert_eq!(error.to_string(), "the jumphost's password: there is no terminal to ask at");
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
