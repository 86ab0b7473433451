//! Opening what is encrypted, with the passwords at hand, and saying which it is: a password that is missing, a wrong one, or
//! a cipher that no password opens here.

use secrecy::{ExposeSecret, SecretString};

use super::gather::Gatherer;
use crate::certs::certificate::Origin;
use crate::certs::key::{Key, KeyError, dek_info};
use crate::certs::pfx::pbe::{self, Password, PbeError};
use crate::certs::pfx::structure::PfxReadError;
use crate::certs::verdict::{SECURITY_AND_ACCESS, Verdict};

/// Most work that all passwords tried on all files together may take, in hash iterations: one file at the limit of what one
/// may ask for, without a password, with an empty one and with the one given; or some hundred as programs write them.
const MAX_WORK_IN_ALL: u64 = 3 * pbe::MAX_WORK;
const LOCKED: Verdict<'_> = Verdict::new("cert.key.encrypted", SECURITY_AND_ACCESS);
/// What is left to do about a key that nothing opens.
pub(super) const TAKE_BACKUP: &str = "take the key from its backup, or make a new key and ask for a new certificate: `portcullis cert csr`";

/// What is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Key,
    Pfx,
    /// A PFX of which nothing is encrypted: the password is that of its MAC alone.
    SealedPfx,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "the private key",
            Self::Pfx | Self::SealedPfx => "the PFX",
        }
    }

    /// Why a password is needed.
    fn state(self) -> &'static str {
        match self {
            Self::Key => "the private key is encrypted",
            Self::Pfx => "the PFX is encrypted",
            Self::SealedPfx => "the PFX is sealed with a password (its MAC), although nothing in it is encrypted",
        }
    }

    /// How a cipher that is not known here is got rid of; OpenSSL asks for the passwords.
    fn rewriting(self) -> &'static str {
        match self {
            Self::Key => {
                "write it anew with a common cipher: `openssl pkcs8 -topk8 -provider legacy -provider default -in KEY -out NEW.key` (without the legacy provider OpenSSL 3 does not open what is as old as DES, RC2, Blowfish, CAST5 and SEED)"
            }
            Self::Pfx | Self::SealedPfx => {
                "write it anew with a common scheme: `openssl pkcs12 -legacy -in FILE -nodes | portcullis cert pfx --in - --out NEW.pfx`"
            }
        }
    }
}

/// Something encrypted: where, and what it is.
#[derive(Clone, Copy)]
pub(super) struct Lock<'a> {
    pub(super) at: &'a Origin,
    pub(super) what: What,
    /// Hash iterations that one password takes.
    pub(super) work: u64,
}

impl Gatherer<'_> {
    pub(super) fn take_dek_info(&mut self, pem: &str, at: &Origin) {
        if !self.may_read_key(at) {
            return;
        }
        let known = dek_info::check(pem);
        let open = |password: Password<'_>| match password {
            _ if known.is_err() => Err(known.clone().err().map_or(PbeError::WrongPassword, PbeError::from).into()),
            Password::Text(text) if !text.is_empty() => Key::from_dek_info(pem.as_bytes(), text, at.clone()),
            // OpenSSL takes no empty password for this shape.
            Password::Text(_) | Password::Missing => Err(PbeError::WrongPassword.into()),
        };
        self.take_locked(Lock { at, what: What::Key, work: 1 }, open, Self::keep_key);
    }

    /// Opens something encrypted: without a password, with an empty one, which is another thing, then with the one given.
    pub(super) fn take_locked<T, E: Opening>(
        &mut self,
        lock: Lock<'_>,
        open: impl Fn(Password<'_>) -> Result<T, E>,
        keep: impl FnOnce(&mut Self, T),
    ) {
        self.useful = true;
        let mut open = |password: Password<'_>| {
            // What asks for more than a single file may is refused by itself, before any work.
            self.work = self.work.saturating_add(lock.work.min(pbe::MAX_WORK));
            if self.work > MAX_WORK_IN_ALL { Err(E::from(PbeError::TooMuchInAll)) } else { open(password) }
        };
        let mut outcome = open(Password::Missing);
        if outcome.as_ref().is_err_and(E::is_wrong_password) {
            outcome = open(Password::Text(""));
        }
        let mut asked: Option<SecretString> = None;
        if outcome.as_ref().is_err_and(E::is_wrong_password) {
            asked = self.passwords.password_for(&format!("{} in {}", lock.what.name(), lock.at));
            if let Some(password) = &asked {
                outcome = open(Password::Text(password.expose_secret()));
            }
        }
        match outcome {
            Err(error) if error.is_too_much_in_all() => {
                self.bag.unread_keys += 1;
                let message = format!("{} and what else is encrypted here cannot be opened: {error}", lock.what.name());
                self.once(lock.at, &message, "give the files that belong to this certificate alone, with their password");
            }
            Ok(contents) => keep(self, contents),
            Err(error) if error.is_wrong_password() => self.locked(lock, asked.is_some()),
            Err(error) => {
                self.bag.unread_keys += 1;
                let message = format!("{} cannot be opened: {error}", lock.what.name());
                let fix = if error.is_unknown() { lock.what.rewriting() } else { TAKE_BACKUP };
                self.unreadable(lock.at, &message, fix);
            }
        }
    }

    fn locked(&mut self, lock: Lock<'_>, tried: bool) {
        let state = lock.what.state();
        let (message, fix) = if tried {
            let fix = "give the password with which it was encrypted (`--key-password-from`); look for a space or line break at its end, the keyboard's layout, and letters outside ASCII, which programs encode differently";
            (format!("{state}, and the password given does not open it"), fix)
        } else {
            let fix = "say where its password is: `--key-password-from env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`";
            (format!("{state}, and no password was given"), fix)
        };
        let fix =
            if lock.what == What::Key { fix.to_owned() } else { format!("{fix}; `portcullis cert explain FILE` says how it is encrypted") };
        self.bag.unread_keys += 1;
        self.fault(LOCKED.error(lock.at, message, fix));
    }
}

/// Failures to open something, of which a wrong password is the one that another password may mend.
pub(super) trait Opening: std::error::Error + From<PbeError> {
    fn of_password(&self) -> Option<&PbeError>;

    fn is_wrong_password(&self) -> bool {
        matches!(self.of_password(), Some(PbeError::WrongPassword))
    }

    /// Whether a program that knows more could open it.
    fn is_unknown(&self) -> bool {
        !matches!(self.of_password(), Some(PbeError::Malformed(_)))
    }

    fn is_too_much_in_all(&self) -> bool {
        matches!(self.of_password(), Some(PbeError::TooMuchInAll))
    }
}

impl Opening for KeyError {
    fn of_password(&self) -> Option<&PbeError> {
        if let Self::Locked(error) = self { Some(error) } else { None }
    }
}

impl Opening for PfxReadError {
    fn of_password(&self) -> Option<&PbeError> {
        if let Self::Opening(error) = self { Some(error) } else { None }
    }
}
