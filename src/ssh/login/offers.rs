//! Which keys are offered, in which order: key files first (by the agent where it holds them, so that no passphrase
//! is asked for), then what else the agent holds. Nothing is opened before its turn comes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, PrivateKey, PublicKey};

use super::Credentials;
use super::agent::{self, Agent};
use super::identity::IdentityError;
use crate::ssh::error::Attempt;
use crate::ssh::transport::Connection;

/// A key that can be offered.
pub(super) struct Offer {
    /// Its name in messages.
    pub(super) label: String,
    what: What,
}

enum What {
    File(PathBuf),
    FileCertificate(PathBuf, Box<Certificate>),
    Agent(Box<AgentIdentity>),
}

/// A key in hand.
pub(super) enum Material {
    Key(Arc<PrivateKey>),
    Certificate(Arc<PrivateKey>, Box<Certificate>),
    AgentKey(Agent, Box<PublicKey>),
    AgentCertificate(Agent, Box<Certificate>),
}

impl Material {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Key(key) | Self::Certificate(key, _) => key.algorithm(),
            Self::AgentKey(_, key) => key.algorithm(),
            Self::AgentCertificate(_, certificate) => certificate.algorithm(),
        }
    }
}

/// All offers in order, and what cannot be offered with the reason.
pub(super) async fn gather(connection: &Connection, credentials: &Credentials<'_>) -> (VecDeque<Offer>, Vec<Attempt>) {
    let mut unusable = Vec::new();
    let mut held = match held_by_agent(connection, credentials).await {
        Ok(held) => held,
        Err(reason) => {
            unusable.push(Attempt { method: "agent".to_owned(), outcome: reason });
            Vec::new()
        }
    };
    let mut offers = VecDeque::new();
    for (path, named) in &credentials.identities {
        let label = format!("key {}", path.display());
        let file = match credentials.keyring.file(path).await {
            Ok(file) => file,
            // A usual name need not exist; a file that was named must.
            Err(IdentityError::Unreadable(_)) if !named => continue,
            Err(error) => {
                unusable.push(Attempt { method: label, outcome: error.to_string() });
                continue;
            }
        };
        if let Some(certificate) = &file.certificate {
            offers.push_back(Offer {
                label: format!("certificate of {}", path.display()),
                what: What::FileCertificate(path.clone(), Box::new(certificate.clone())),
            });
        }
        let position = held.iter().position(|identity| {
            matches!(identity, AgentIdentity::PublicKey { key, .. } if file.public.as_ref().is_some_and(|public| public.key_data() == key.key_data()))
        });
        let what = match position {
            Some(position) => What::Agent(Box::new(held.remove(position))),
            None => What::File(path.clone()),
        };
        offers.push_back(Offer { label, what });
    }
    if !credentials.identities_only {
        // Certificates first: where a server takes one, it may well take no plain key.
        held.sort_by_key(|identity| matches!(identity, AgentIdentity::PublicKey { .. }));
        offers.extend(
            held.into_iter()
                .map(|identity| Offer { label: format!("agent key {}", named(&identity)), what: What::Agent(Box::new(identity)) }),
        );
    }
    (offers, unusable)
}

/// Opens the key. A passphrase may be asked for here.
pub(super) async fn open(offer: Offer, connection: &Connection, credentials: &Credentials<'_>) -> Result<Material, String> {
    let from_file = async |path: &Path| {
        let opened = credentials.keyring.open(path, credentials.login.passphrase.as_ref(), credentials.secrets).await;
        opened.map_err(|error| error.to_string())
    };
    Ok(match offer.what {
        What::File(path) => Material::Key(from_file(&path).await?),
        What::FileCertificate(path, certificate) => Material::Certificate(from_file(&path).await?, certificate),
        What::Agent(identity) => {
            // Each offer signs over a connection of its own: one that is given up half-way would disturb the next.
            let socket = credentials.agent_socket.as_deref().unwrap_or(Path::new(""));
            let agent = agent::connect(socket, connection).await?;
            match *identity {
                AgentIdentity::PublicKey { key, .. } => Material::AgentKey(agent, Box::new(key)),
                AgentIdentity::Certificate { certificate, .. } => Material::AgentCertificate(agent, Box::new(certificate)),
            }
        }
    })
}

async fn held_by_agent(connection: &Connection, credentials: &Credentials<'_>) -> Result<Vec<AgentIdentity>, String> {
    let Some(socket) = credentials.agent_socket.as_deref().filter(|_| credentials.login.agent) else { return Ok(Vec::new()) };
    agent::identities(&mut agent::connect(socket, connection).await?).await
}

fn named(identity: &AgentIdentity) -> String {
    let comment = crate::ssh::error::printable(identity.comment());
    if comment.is_empty() { identity.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string() } else { comment }
}
