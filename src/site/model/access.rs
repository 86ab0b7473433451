//! Whom windows may let in, and whose signatures release them.

use std::path::PathBuf;

use ipnet::IpNet;

use super::{AllowedHours, SecretRef};

/// A person whose signature counts, by one of the person's SSH keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatory {
    /// Who; one person may have several keys.
    pub name: String,
    /// The public key, type and key as in a `.pub` file.
    pub key: String,
}

impl Signatory {
    /// The key. Validation has seen that there is one.
    pub fn public_key(&self) -> Option<russh::keys::PublicKey> {
        crate::sshsig::parse_public_key(&self.key)
    }
}

/// Who may be let in, for how long, with whose consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Longest window.
    pub longest_window: jiff::SignedDuration,
    /// Regular expression that a ticket must match; `None`: no ticket needed.
    pub ticket_pattern: Option<String>,
    /// Persons who may be let in; empty: anybody.
    pub persons: Vec<String>,
    /// When windows may be open; `None`: at any time. Access around the clock is another agreement.
    pub hours: Option<AllowedHours>,
    /// Approvals by other persons that a window needs.
    pub approvals: u8,
    /// Who may approve, and ask.
    pub approvers: Vec<Signatory>,
    /// Who else may ask.
    pub requesters: Vec<Signatory>,
    /// Addresses from which a window's person may come; empty: anywhere.
    pub sources: Vec<IpNet>,
    /// Whether sessions are recorded.
    pub record: bool,
    /// The account that windows log in to on the nodes; `None`: each node's own login user.
    pub account: Option<String>,
    /// The user CA's private key, where it is not kept beside the ledger.
    pub ca_key: Option<PathBuf>,
    /// The passphrase that the user CA's key is encrypted with.
    pub ca_passphrase: Option<SecretRef>,
}

impl Default for AccessPolicy {
    fn default() -> Self {
        Self {
            longest_window: jiff::SignedDuration::from_hours(8),
            ticket_pattern: None,
            persons: Vec::new(),
            hours: None,
            approvals: 0,
            approvers: Vec::new(),
            requesters: Vec::new(),
            sources: Vec::new(),
            record: false,
            account: None,
            ca_key: None,
            ca_passphrase: None,
        }
    }
}
