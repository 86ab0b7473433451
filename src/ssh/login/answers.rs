//! What is answered to a server that asks (keyboard-interactive, RFC 4256): the password where it asks for one,
//! the one-time code to everything else.

use std::future::Future;

use russh::client::Prompt;
use secrecy::{ExposeSecret, SecretString};

use super::Credentials;
use crate::site::model::SecretRef;
use crate::ssh::error::{Error, printable};

/// Whether a secret, once resolved, serves again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    ForTheRun,
    /// It is good for one use.
    Not,
}

/// Where answers come from.
pub(super) struct Answers {
    password: SecretRef,
    code: SecretRef,
    whose: String,
}

impl Answers {
    pub(super) fn new(credentials: &Credentials<'_>, machine: &str) -> Self {
        let login = credentials.login;
        Self {
            password: login.password.clone().unwrap_or(SecretRef::Prompt),
            code: login.one_time_code.clone().unwrap_or(SecretRef::Prompt),
            whose: format!("{}@{machine}", credentials.user),
        }
    }

    /// An answer to each prompt, in order.
    pub(super) async fn to<F, R>(&self, prompts: &[Prompt], resolve: F) -> Result<Vec<String>, Error>
    where
        F: Fn(SecretRef, String, Keep) -> R,
        R: Future<Output = Result<SecretString, Error>>,
    {
        let mut given = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let resolved = if is_for_password(&prompt.prompt) {
                resolve(self.password.clone(), format!("the password of {}", self.whose), Keep::ForTheRun).await?
            } else {
                resolve(self.code.clone(), format!("the answer of {} to `{}`", self.whose, printable(&prompt.prompt)), Keep::Not).await?
            };
            given.push(resolved.expose_secret().to_owned());
        }
        Ok(given)
    }
}

/// Whether a prompt asks for the account's password, and not for a one-time one.
pub(super) fn is_for_password(prompt: &str) -> bool {
    let lower = prompt.to_lowercase();
    let once = ["one-time", "one time", "onetime", "otp", "code", "token", "verification", "oath", "yubikey", "challenge"];
    lower.contains("password") && !once.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_for_passwords_and_for_codes_are_told_apart() {
        for prompt in ["Password: ", "(root@jump) Password:", "user's password: "] {
            assert!(is_for_password(prompt), "{prompt}");
        }
        for prompt in [
            "Verification code: ",
            "One-time password (OATH) for `ops': ",
            "Enter OTP password",
            "PIN+Token:",
            "Passcode or option (1-3): ",
        ] {
            assert!(!is_for_password(prompt), "{prompt}");
        }
    }
}
