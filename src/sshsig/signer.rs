//! Who signs: a key file, or an agent that holds the key and never gives it away.

use std::fmt;
use std::path::PathBuf;

use russh::keys::ssh_key::SshSig;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use secrecy::{ExposeSecret, SecretString};

use super::{SshSignature, parse_public_key};

/// What `ssh-keygen -Y sign` takes unless told otherwise.
const HASH: HashAlg = HashAlg::Sha512;

/// Why nothing could be signed. Never holds what was read.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The file holds no key that can be used.
    #[error("it holds no SSH key that can sign")]
    Unreadable,
    /// The key is locked.
    #[error("the key is locked by a passphrase")]
    Locked,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// The public half was given, and no agent is there.
    #[error("it is a public key, and no ssh-agent is there to sign with its other half")]
    NoAgent,
    /// The agent cannot be asked.
    #[error("the ssh-agent at {} cannot be asked", .socket.display())]
    Agent {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: russh::keys::Error,
    },
    /// The agent does not hold the key, or its owner refused.
    #[error("the ssh-agent did not sign with the key {fingerprint}")]
    Refused {
        /// Which key.
        fingerprint: String,
    },
    /// The key cannot sign.
    #[error("the key cannot sign")]
    Failed,
}

impl SignerError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable => "give a private key as `ssh-keygen` makes one, or its .pub file where an ssh-agent holds it".to_owned(),
            Self::Locked | Self::WrongPassphrase => {
                "answer with the key's passphrase, or put the key into an ssh-agent (ssh-add) and give its .pub file".to_owned()
            }
            Self::NoAgent => "start an ssh-agent and add the key (ssh-add), or give the private key's file".to_owned(),
            Self::Agent { .. } => "see that the agent runs and that SSH_AUTH_SOCK names its socket".to_owned(),
            Self::Refused { .. } => "look at `ssh-add -l`: the key must be there, and its owner must allow its use".to_owned(),
            Self::Failed => "use a key of type ed25519, ecdsa or rsa; security keys sign through an ssh-agent".to_owned(),
        })
    }
}

/// A key that signs. Shows its public half alone.
pub struct Signer {
    public: PublicKey,
    hand: Hand,
}

enum Hand {
    Key(Box<PrivateKey>),
    Agent(PathBuf),
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.public.fingerprint(HashAlg::Sha256))
    }
}

impl Signer {
    /// The key in a file: a private key, or a public one for which the agent at `agent` signs.
    ///
    /// A locked key without `passphrase` gives [`SignerError::Locked`], so that the caller can ask.
    pub fn read(file: &str, passphrase: Option<&SecretString>, agent: Option<PathBuf>) -> Result<Self, SignerError> {
        if let Some(public) = parse_public_key(file) {
            let hand = Hand::Agent(agent.ok_or(SignerError::NoAgent)?);
            return Ok(Self { public, hand });
        }
        let key = match PrivateKey::from_openssh(file) {
            Ok(key) if key.is_encrypted() => {
                let passphrase = passphrase.ok_or(SignerError::Locked)?;
                key.decrypt(passphrase.expose_secret()).map_err(|_wrong| SignerError::WrongPassphrase)?
            }
            Ok(key) => key,
            // Older forms (PKCS#8, PEM) are read by the transport's own reader.
            Err(_other) => {
                let passphrase = passphrase.map(ExposeSecret::expose_secret);
                russh::keys::decode_secret_key(file, passphrase).map_err(|_unreadable| SignerError::Unreadable)?
            }
        };
        let public = PublicKey::new(key.public_key().key_data().clone(), "");
        Ok(Self { public, hand: Hand::Key(Box::new(key)) })
    }

    /// The key that others will verify by.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message` for `namespace`.
    pub async fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, SignerError> {
        let signature = match &self.hand {
            Hand::Key(key) => SshSig::sign(key.as_ref(), namespace, HASH, message).map_err(|_unable| SignerError::Failed)?,
            Hand::Agent(socket) => self.ask(socket.clone(), namespace, message).await?,
        };
        Ok(SshSignature(signature))
    }

    async fn ask(&self, socket: PathBuf, namespace: &str, message: &[u8]) -> Result<SshSig, SignerError> {
        let bytes = SshSig::signed_data(namespace, HASH, message).map_err(|_unable| SignerError::Failed)?;
        let failed = |source| SignerError::Agent { socket: socket.clone(), source };
        let mut agent = super::agent::connect(&socket).await.map_err(failed)?;
        // RSA keys sign with SHA-1 unless told otherwise.
        let hash = matches!(self.public.algorithm(), Algorithm::Rsa { .. }).then_some(HASH);
        let refused = || SignerError::Refused { fingerprint: self.public.fingerprint(HashAlg::Sha256).to_string() };
        let signature = agent.sign_request_signature(&self.public, hash, &bytes).await.map_err(|_refused| refused())?;
        SshSig::new(self.public.key_data().clone(), namespace, HASH, signature).map_err(|_unable| SignerError::Failed)
    }
}
