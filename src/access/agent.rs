//! An ssh-agent that holds the user CA and signs for it; the key never leaves it, and may lie on a token behind it
//! (`ssh-add -s`). The protocol is draft-miller-ssh-agent: one question, one answer.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::ssh_key::{Signature, SigningKey, public::KeyData};
use russh::keys::{Algorithm, PublicKey};

use crate::sshsig::agent;

const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// RSA keys sign with SHA-1 unless told otherwise.
const RSA_SHA2_512: u32 = 4;
/// A signature is some hundred bytes.
const LONGEST: u32 = 64 << 10;
/// A person may have to touch a token or to confirm.
const PATIENCE: Duration = Duration::from_mins(1);

/// A key that an agent holds.
pub(super) struct AgentKey {
    socket: PathBuf,
    public: PublicKey,
}

impl AgentKey {
    pub(super) fn new(socket: PathBuf, public: PublicKey) -> Self {
        Self { socket, public }
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    fn ask(&self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let unusable = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        let flags = if matches!(self.public.algorithm(), Algorithm::Rsa { .. }) { RSA_SHA2_512 } else { 0 };
        let mut question = vec![SIGN_REQUEST];
        put(&mut question, &self.public.to_bytes().map_err(|_unable| unusable())?)?;
        put(&mut question, message)?;
        question.extend(flags.to_be_bytes());
        let mut framed = Vec::new();
        put(&mut framed, &question)?;
        let mut agent = agent::open(&self.socket, PATIENCE)?;
        agent.write_all(&framed)?;
        let answer = take(&mut agent)?;
        match answer.split_first() {
            Some((&SIGN_RESPONSE, mut rest)) => take(&mut rest),
            _ => Err(std::io::ErrorKind::PermissionDenied.into()),
        }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_long| std::io::ErrorKind::InvalidData)?;
    out.extend(length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn take(from: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    from.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() == length as usize { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

impl signature::Signer<Signature> for AgentKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        let bytes = self.ask(message).map_err(signature::Error::from_source)?;
        Signature::try_from(bytes.as_slice()).map_err(signature::Error::from_source)
    }
}

impl SigningKey for AgentKey {
    fn public_key(&self) -> KeyData {
        self.public.key_data().clone()
    }
}
