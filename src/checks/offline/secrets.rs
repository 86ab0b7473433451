//! Whether every secret that the site file refers to can be had. The secrets themselves go nowhere.

use crate::checks::catalogue::offline::here::SECRETS;
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::{SecretRef, Site};
use crate::site::secret::{SecretError, Secrets};

/// Resolves every reference of the site but those that are asked for, and one-time codes, which serve once.
pub fn secrets(site: &Site, secrets: &Secrets) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.file.display().to_string());
    let references = site.secret_references();
    if references.is_empty() {
        tally.not_applicable(&SECRETS, "the site file refers to no secret");
    }
    for (key, reference) in references {
        if *reference == SecretRef::Prompt {
            tally.passed(&SECRETS, format!("{key}: asked for when it is needed"));
            continue;
        }
        match secrets.resolve(reference, &key) {
            Ok(_) => tally.passed(&SECRETS, format!("{key}: {}", kind(reference))),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                tally.found(&SECRETS, format!("{error}{cause}"), fix(&key, &error));
            }
        }
    }
    tally.complete(&[&SECRETS], "not looked at")
}

fn kind(reference: &SecretRef) -> &'static str {
    match reference {
        SecretRef::Env(_) => "from the environment",
        SecretRef::File(_) => "from a file",
        SecretRef::Cmd(_) => "from a command",
        SecretRef::Prompt => "asked for",
    }
}

fn fix(key: &str, error: &SecretError) -> String {
    match error {
        SecretError::EnvMissing { name, .. } => {
            format!("set {name} in the environment, or refer otherwise at `{key}` (file:, cmd:, prompt)")
        }
        SecretError::FileUnreadable { path, .. } => format!("put the secret into {} (mode 0600), or correct `{key}`", path.display()),
        SecretError::CommandFailed { command, .. } => format!("run `{command}` by hand: it has to print the secret and nothing else"),
        SecretError::NobodyToAsk { .. } | SecretError::NoAnswer { .. } => format!("give `{key}` by env:NAME, file:PATH or cmd:COMMAND"),
    }
}
