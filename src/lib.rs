//! Portcullis: bootstrap and provisioning for appliances inside a customer's own network.
//!
//! The life of one install: `site` reads and validates what a cluster must be; `certs` turns what the CA
//! sent into a full-chain PFX; `ssh` opens one jumphost connection and a session to each node through it;
//! `node` probes facts and carries out transactions; `playbook` renders the desired state, plans the
//! difference and runs it; `checks` looks at requirements before and proves the result after; `ledger`
//! records it all. Dependencies point down this list: `cli` → `wizard`, `report` → `playbook`, `checks`,
//! `access`, `orgs`, `ops` → `node`, `ledger` → `ssh`, `certs`, `site` → `finding`, `event`, `disk`, `sshsig`.

pub mod access;
pub mod bundle;
pub mod certs;
pub mod checks;
pub mod cli;
pub mod disk;
pub mod event;
pub(crate) mod fields;
pub mod finding;
pub mod ledger;
pub mod node;
pub mod playbook;
pub mod report;
pub mod site;
pub mod ssh;
pub mod sshsig;
pub mod wizard;
