//! Where a new PFX goes: what must not stand there, and the file beside it that holds a password made here.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::identity::identity;
use super::input;
use super::pfx::PfxArgs;
use super::{CertContext, CertError};
use crate::disk::{self, Existing, Staged, WriteError};

/// Before anything is asked or computed: whether the PFX could be put in its place.
pub(super) fn must_be_free(args: &PfxArgs, context: &CertContext<'_>) -> Result<(), CertError> {
    must_have_a_place(args)?;
    must_not_replace_an_input(args, context)
}

fn must_have_a_place(args: &PfxArgs) -> Result<(), CertError> {
    if args.out.is_dir() {
        return Err(CertError::OutIsFolder { path: args.out.clone() });
    }
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(CertError::NoFolder { path: args.out.clone(), folder: folder.to_owned() });
    }
    if args.out.exists() && !args.out.is_file() {
        return Err(CertError::Write(WriteError::NotAFile { path: args.out.clone() }));
    }
    if !args.force && args.out.exists() {
        return Err(CertError::Write(WriteError::Exists { path: args.out.clone() }));
    }
    Ok(())
}

/// `--force` means a PFX of before, never the key or the password that it is made from, whatever path leads to it.
fn must_not_replace_an_input(args: &PfxArgs, context: &CertContext<'_>) -> Result<(), CertError> {
    let Some(out) = identity(&args.out) else { return Ok(()) };
    let stated = input::stated(context, &args.input, args.key.as_deref());
    let references = [args.password_from.as_ref(), args.trust.key_password_from.as_ref(), stated.key_password.as_ref()];
    let secrets = references.into_iter().flatten().filter_map(|reference| context.secrets.file_of(reference));
    let files = stated.files.into_iter().chain(stated.key).chain(stated.roots).chain(args.trust.root.iter().cloned()).chain(secrets);
    match files.into_iter().find(|input| identity(input).as_ref() == Some(&out)) {
        Some(path) => Err(CertError::OutIsInput { path }),
        None => Ok(()),
    }
}

/// Where a link leads, also where nothing stands there yet: the link stays one.
pub(super) fn followed(out: &Path) -> PathBuf {
    const MAX_LINKS: usize = 40;
    let mut place = out.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = std::fs::read_link(&place) else { break };
        place = place.with_file_name("").join(target);
    }
    place
}

pub(super) const PRIVATE: u32 = 0o600;

/// The file beside the PFX that holds its password.
pub(super) enum PasswordFile {
    /// There is none, or it is the one whose password was given.
    None,
    /// It was written.
    Written(PathBuf),
    /// It held the password of the PFX of before, and went with that.
    Removed(PathBuf),
    /// A file of that name stands there that does not belong to the new PFX.
    Stale(PathBuf),
}

impl PasswordFile {
    /// What is done with the file of a PFX of before: only what was written here is removed.
    fn left(path: PathBuf, given: &SecretString, existing: Existing) -> Self {
        if std::fs::symlink_metadata(&path).is_err() {
            return Self::None;
        }
        let content = std::fs::read(&path).map(zeroize::Zeroizing::new).unwrap_or_default();
        // Whoever renews a certificate gives the password that is known already, by this very file.
        if content.strip_suffix(b"\n").unwrap_or(&content) == given.expose_secret().as_bytes() {
            return Self::None;
        }
        let ours = is_random_password(&content);
        if existing == Existing::Replace && ours && std::fs::remove_file(&path).is_ok() {
            return Self::Removed(path);
        }
        Self::Stale(path)
    }

    pub(super) fn written(&self) -> Option<&Path> {
        if let Self::Written(path) = self { Some(path) } else { None }
    }

    pub(super) fn tell(&self, err: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Written(path) => {
                writeln!(err, "the PFX has a random password, which is in {} (readable by you alone)", path.display())
            }
            Self::Removed(path) => {
                writeln!(err, "{} was removed: it held the password of the PFX of before, which was replaced", path.display())
            }
            Self::Stale(path) => {
                writeln!(err, "{} does not hold this PFX's password, which is the one you gave; remove it", path.display())
            }
        }
    }
}

/// The password of a new PFX.
pub(super) enum NewPassword {
    /// Somebody chose it.
    Given(SecretString),
    /// It was made here, and nobody knows it yet.
    Random(SecretString),
}

impl NewPassword {
    pub(super) fn secret(&self) -> &SecretString {
        match self {
            Self::Given(secret) | Self::Random(secret) => secret,
        }
    }
}

/// Puts the PFX and, where it was made here, its password in place; both or neither.
pub(super) fn place(pfx: Staged, password: &NewPassword, out: &Path, existing: Existing) -> Result<PasswordFile, CertError> {
    let mut beside = out.as_os_str().to_owned();
    beside.push(".password");
    let beside = PathBuf::from(beside);
    let password = match password {
        NewPassword::Given(given) => {
            pfx.place(existing).map_err(CertError::Write)?;
            tracing::info!(out = %out.display(), "PFX written, read back and compared");
            return Ok(PasswordFile::left(beside, given, existing));
        }
        NewPassword::Random(password) => password,
    };
    let line = zeroize::Zeroizing::new(format!("{}\n", password.expose_secret()));
    disk::sweep_beside(&beside);
    let password = Staged::beside(&beside, line.as_bytes(), PRIVATE).map_err(CertError::Write)?;
    disk::place_together(vec![password, pfx], existing).map_err(CertError::Write)?;
    tracing::info!(out = %out.display(), password_file = %beside.display(), "PFX written, read back and compared");
    Ok(PasswordFile::Written(beside))
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LETTERS: usize = 32;

/// Whether a file's content is a password that was made here.
fn is_random_password(content: &[u8]) -> bool {
    content.strip_suffix(b"\n").is_some_and(|line| line.len() == LETTERS && line.iter().all(|byte| ALPHABET.contains(byte)))
}

/// 160 random bits in base32, which survives every form, shell and clipboard.
pub(super) fn random_password() -> Result<SecretString, CertError> {
    let mut bytes = zeroize::Zeroizing::new([0u8; LETTERS]);
    openssl::rand::rand_bytes(bytes.as_mut_slice()).map_err(CertError::Random)?;
    let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)).map(|letter| char::from(*letter)));
    Ok(SecretString::from(letters.collect::<String>()))
}
