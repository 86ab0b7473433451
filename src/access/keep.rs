//! What the operator's side keeps of windows: the user CA, and for each window a key that proves its door shut.
//! Beside the ledger; nothing here is the person's.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::authority::{Authority, AuthorityError, Order, make_proof_key};
use super::machine::Door;
use super::recording::{PARTS, Recording};
use super::tries::Tries;
use super::window::{Window, WindowId};
use crate::disk::{Existing, WriteError, make_private_folder, write_atomically};

/// Why something kept could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("what windows need cannot be kept")]
    Unwritable {
        /// Why.
        #[from]
        source: WriteError,
    },
    /// The CA cannot be used.
    #[error("{path}")]
    Authority {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Box<AuthorityError>,
    },
    /// There is no CA yet.
    #[error("this site has no user CA yet: no window was ever opened from here")]
    NoAuthority,
}

impl KeepError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Authority { source, .. } => source.help(),
            Self::Unreadable { .. } | Self::Unwritable { .. } => {
                Some("see who may read and write there, and that there is space".to_owned())
            }
            Self::NoAuthority => None,
        }
    }
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub struct Keep {
    authority: PathBuf,
    folder: PathBuf,
}

impl Keep {
    /// Below `folder`; the CA's private key in `authority`, where the site names a file for it.
    pub fn new(folder: PathBuf, authority: Option<PathBuf>) -> Self {
        Self { authority: authority.unwrap_or_else(|| folder.join("user_ca")), folder }
    }

    /// Whether there is a CA.
    pub fn has_authority(&self) -> bool {
        self.authority.exists()
    }

    /// Whether the CA's private half is not here: an ssh-agent holds it, and its public half was named.
    pub fn is_in_agent(&self) -> bool {
        self.authority.extension().is_some_and(|extension| extension == "pub")
    }

    /// The CA whose private half the agent at `socket` holds.
    pub fn authority_in_agent(&self, socket: Option<&Path>) -> Result<Authority, KeepError> {
        let line = read(&self.authority)?;
        let authority = Authority::of_agent(&line, socket).map_err(|source| self.authority_error(source))?;
        make_folder(&self.folder)?;
        self.keep_control(&authority)?;
        Ok(authority)
    }

    /// Opens the CA; makes one where there is none.
    pub fn authority(&self, passphrase: &SecretString) -> Result<Authority, KeepError> {
        let authority = if self.has_authority() {
            self.opened(passphrase)?
        } else {
            let (authority, text) = Authority::make(passphrase).map_err(|source| self.authority_error(source))?;
            make_folder(self.authority.parent().unwrap_or(Path::new(".")))?;
            match write_atomically(&self.authority, text.as_bytes(), 0o600, Existing::Keep) {
                // Another process was first: its CA is the site's.
                Err(WriteError::Exists { .. }) => self.opened(passphrase)?,
                written => written.map(|()| authority)?,
            }
        };
        // What was made from the key is made again wherever it is not the key's: whoever made it may have been killed there.
        let line = authority.line();
        if !read(&self.beside(".pub")).is_ok_and(|kept| kept.trim() == line) {
            write_atomically(&self.beside(".pub"), format!("{line}\n").as_bytes(), 0o644, Existing::Replace)?;
        }
        self.keep_control(&authority)?;
        Ok(authority)
    }

    fn opened(&self, passphrase: &SecretString) -> Result<Authority, KeepError> {
        let text = Zeroizing::new(read(&self.authority)?);
        Authority::open(&text, passphrase).map_err(|source| self.authority_error(source))
    }

    fn keep_control(&self, authority: &Authority) -> Result<(), KeepError> {
        let path = self.control_path();
        let is_ours = |text: String| {
            russh::keys::Certificate::from_openssh(text.trim()).is_ok_and(|known| known.signature_key() == authority.public().key_data())
        };
        if read(&path).is_ok_and(is_ours) {
            return Ok(());
        }
        Ok(write_atomically(&path, self.control(authority)?.as_bytes(), 0o644, Existing::Replace)?)
    }

    // A certificate of nobody's key that ended long ago: what a list of revoked ones must never hold.
    fn control(&self, authority: &Authority) -> Result<String, KeepError> {
        let of_authority = |source| self.authority_error(source);
        let (key, _) = make_proof_key().map_err(of_authority)?;
        let window = WindowId::new(Timestamp::UNIX_EPOCH, 0);
        let (after, before) =
            (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or_default());
        let order = Order { key: &key, window: &window, door: &Door::Node, after, before, serial: 0, sources: &[] };
        authority.issue(&order).map(|line| line + "\n").map_err(of_authority)
    }

    /// The CA's public line; needs no passphrase.
    pub fn authority_line(&self) -> Result<String, KeepError> {
        if !self.has_authority() {
            return Err(KeepError::NoAuthority);
        }
        let line = read(&if self.is_in_agent() { self.authority.clone() } else { self.beside(".pub") })?;
        // The file of an agent's key may hold a comment.
        let key = russh::keys::PublicKey::from_openssh(line.trim()).map(|key| super::authority::public_line(&key));
        key.map_err(|source| self.authority_error(AuthorityError::Unreadable { source }))
    }

    /// A key that no list of revoked certificates may hold.
    pub fn control_line(&self) -> Result<String, KeepError> {
        read(&self.control_path()).map(|line| line.trim().to_owned())
    }

    /// Makes and keeps a key of our own with certificates of `window`, which nobody else ever sees.
    pub fn keep_proof(&self, authority: &Authority, window: &Window, serial: u64) -> Result<(), KeepError> {
        let of_authority = |source| self.authority_error(source);
        let (key, text) = make_proof_key().map_err(of_authority)?;
        make_folder(&self.proofs(&window.id))?;
        for (door, serial) in [(Door::Node, serial), (Door::Hop(Vec::new()), serial + 1)] {
            let (after, before) = (window.span.start(), window.span.end());
            let order = Order { key: &key, window: &window.id, door: &door, after, before, serial, sources: &[] };
            let certificate = authority.issue(&order).map_err(of_authority)?;
            let path = self.proof(&window.id, &door);
            write_atomically(&path, text.as_bytes(), 0o600, Existing::Replace)?;
            write_atomically(&with_suffix(&path, "-cert.pub"), format!("{certificate}\n").as_bytes(), 0o600, Existing::Replace)?;
        }
        Ok(())
    }

    /// The private key by which a door of that kind is proven shut; its certificate lies beside it.
    pub fn proof(&self, window: &WindowId, door: &Door) -> PathBuf {
        self.proofs(window).join(if matches!(door, Door::Node) { "node" } else { "jump" })
    }

    /// A certificate of the window, which has to be refused once it is revoked; `None` where none is kept.
    pub fn proof_certificate(&self, window: &WindowId) -> Option<String> {
        let path = with_suffix(&self.proof(window, &Door::Node), "-cert.pub");
        std::fs::read_to_string(path).ok().map(|line| line.trim().to_owned())
    }

    /// Forgets the window's key: its door is proven shut.
    pub fn forget_proof(&self, window: &WindowId) {
        // What is left of it opens nothing any more.
        drop(std::fs::remove_dir_all(self.proofs(window)));
    }

    /// The tries at doors that must be shut, made by earlier commands.
    pub fn tries(&self) -> Tries {
        std::fs::read_to_string(self.folder.join("tries.json")).map(|text| Tries::parse(&text)).unwrap_or_default()
    }

    /// Keeps them for later commands. Where that fails, those know less; that stops nothing.
    pub fn keep_tries(&self, tries: &Tries, now: Timestamp) {
        let path = self.folder.join("tries.json");
        drop(write_atomically(&path, tries.encode(now).as_bytes(), 0o600, Existing::Replace));
    }

    /// Keeps a recording of a session on `machine`; gives back its folder.
    pub fn keep_recording(&self, window: &WindowId, machine: &str, recording: &Recording) -> Result<PathBuf, KeepError> {
        let folder = self.recordings(window, machine);
        make_folder(&folder)?;
        for part in PARTS {
            let path = folder.join(format!("{}.{part}", recording.name));
            write_atomically(&path, recording.part(part).unwrap_or_default(), 0o600, Existing::Replace)?;
        }
        Ok(folder)
    }

    /// A recording that was kept.
    pub fn recording(&self, window: &WindowId, machine: &str, name: &str) -> Result<Recording, KeepError> {
        let folder = self.recordings(window, machine);
        let part = |part: &str| {
            let path = folder.join(format!("{name}.{part}"));
            std::fs::read(&path).map_err(|source| KeepError::Unreadable { path, source })
        };
        Ok(Recording { name: name.to_owned(), about: part("about")?, timing: part("timing")?, shown: part("shown")? })
    }

    fn recordings(&self, window: &WindowId, machine: &str) -> PathBuf {
        // The site's validation has seen that a machine's name can be a file's.
        self.folder.join("recordings").join(window.as_str()).join(machine)
    }

    fn proofs(&self, window: &WindowId) -> PathBuf {
        self.folder.join("proof").join(window.as_str())
    }

    fn control_path(&self) -> PathBuf {
        if self.is_in_agent() { self.folder.join("agent-control-cert.pub") } else { self.beside("-control-cert.pub") }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        with_suffix(&self.authority, suffix)
    }

    fn authority_error(&self, source: AuthorityError) -> KeepError {
        KeepError::Authority { path: self.authority.clone(), source: Box::new(source) }
    }
}

fn read(path: &Path) -> Result<String, KeepError> {
    std::fs::read_to_string(path).map_err(|source| KeepError::Unreadable { path: path.to_owned(), source })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a folder that is nobody else's.
pub fn make_folder(path: &Path) -> Result<(), KeepError> {
    make_private_folder(path).map_err(|source| KeepError::Unwritable { source: WriteError::Io { path: path.to_owned(), source } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_its_public_half_needs_no_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::new(folder.path().join("access"), None);
        assert!(matches!(keep.authority_line(), Err(KeepError::NoAuthority)));
        let passphrase = SecretString::from("x");
        let line = keep.authority(&passphrase).unwrap().line();
        assert_eq!(keep.authority(&passphrase).unwrap().line(), line);
        assert_eq!(keep.authority_line().unwrap(), line);
        assert!(keep.control_line().unwrap().starts_with("ssh-ed25519-cert-v01@openssh.com "));
        // Killed between the key and what is made from it, or beaten by another process.
        let path = folder.path().join("access/user_ca.pub");
        write_atomically(
            &path,
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS\n",
            0o644,
            Existing::Replace,
        )
        .unwrap();
        keep.authority(&passphrase).unwrap();
        assert_eq!(keep.authority_line().unwrap(), line);
        let text = std::fs::read_to_string(folder.path().join("access/user_ca")).unwrap();
        assert!(russh::keys::PrivateKey::from_openssh(&text).unwrap().is_encrypted());
    }
}
