//! Access, ledger and waivers as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Secret, Text};
use crate::site::file::read::Located;

/// Who may be let in, for how long, with whose consent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessInput {
    /// Longest window, such as `4h` or `1d12h`. `8h` unless given.
    pub(crate) longest_window: Option<Text>,
    /// Regular expression that a ticket must match as a whole. No ticket is needed unless given.
    pub(crate) ticket_pattern: Option<Text>,
    /// Persons who may be let in. Anybody unless given.
    pub(crate) persons: Option<Vec<Text>>,
    /// Hours of the week in which windows may be open, such as `mon-fri 18:00-06:00`, `sat,sun 00:00-24:00` or
    /// `daily 22:00-04:00`. At any time unless given. Access around the clock (`sla: custom`) is not bound by them.
    pub(crate) hours: Option<Vec<Text>>,
    /// The time zone of those hours, such as `Europe/Zurich`. `UTC` unless given.
    pub(crate) zone: Option<Text>,
    /// Approvals by other persons that a window needs. None unless given.
    #[schemars(range(max = 9))]
    pub(crate) approvals: Option<u8>,
    /// Persons who may approve a window that another one asked for. They may ask for windows too.
    pub(crate) approvers: Option<Vec<SignatoryInput>>,
    /// Persons who may ask for a window, where approvals are needed. Nobody but the approvers unless given.
    pub(crate) requesters: Option<Vec<SignatoryInput>>,
    /// Addresses or networks from which a window's person may come. Anywhere unless given.
    pub(crate) sources: Option<Vec<Text>>,
    /// Whether sessions are recorded.
    pub(crate) record: Option<bool>,
    /// The account that windows log in to on the nodes. Each node's own login user unless given.
    pub(crate) account: Option<Text>,
    /// The private key that signs windows' certificates; or the `.pub` file of one that an ssh-agent holds, also for a token
    /// (PKCS#11, `ssh-add -s LIBRARY`). Made when first needed; beside the ledger unless given.
    pub(crate) ca_key: Option<Text>,
    /// The passphrase that it is encrypted with. Asked for unless given.
    pub(crate) ca_passphrase: Option<Located<Secret>>,
}

/// A person whose signature counts. Several keys of one person are several entries with the same name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatoryInput {
    /// The person's name.
    pub(crate) name: Text,
    /// A public SSH key of that person, such as `ssh-ed25519 AAAA…`: the line of a .pub file.
    pub(crate) key: Text,
}

/// A receiver of the ledger's events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardInput {
    /// Where to, such as `tls://siem.corp.example:6514` (RFC 5425) or `tcp://10.0.0.9:601` (RFC 6587).
    pub(crate) to: Text,
    /// CA certificates that signed the receiver's certificate. The public CAs unless given.
    pub(crate) ca_certificates: Option<Vec<Text>>,
}

/// Where runs and windows are recorded: either `file` or `postgres`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerInput {
    /// An `SQLite` file; relative paths start at the site file's folder.
    pub(crate) file: Option<Text>,
    /// A `PostgreSQL` URL, such as `postgresql://portcullis@db.corp.example/ledger?password=env:LEDGER_PASSWORD`; a password itself
    /// is refused. See `portcullis help team-ledger`.
    pub(crate) postgres: Option<Text>,
    /// The other party: persons whose countersignature of a checkpoint counts. None unless given.
    pub(crate) witnesses: Option<Vec<SignatoryInput>>,
    /// A syslog receiver to which each event is sent as well. None unless given.
    pub(crate) forward: Option<ForwardInput>,
}

/// A check that is known to fail for now.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaiverInput {
    /// The check's id, such as `node.ram`, or the beginning of several, such as `node`.
    pub(crate) check: Text,
    /// The one machine, host or file that is meant. Whatever the check finds unless given.
    pub(crate) machine: Option<Text>,
    /// Why it may fail.
    pub(crate) reason: Text,
    /// The last day on which that counts, such as 2026-12-31.
    #[schemars(extend("format" = "date"))]
    pub(crate) until: Text,
}
