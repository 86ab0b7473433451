//! A machine as we see it over SSH: facts by one probe, changes by one transaction.
//!
//! Two traits stand between us and a machine: [`Probe`] reads, [`Remote`] changes. Checks and planning are
//! given a `Probe` alone, so that a plan cannot change anything. The shell that runs there stands in `sh/`.

mod archive;
mod facts;
mod heads;
mod here;
mod inquiry;
mod journal;
mod lock;
mod outcome;
mod quote;
mod remote;
mod run_id;
#[cfg(test)]
mod tests;
mod transaction;

pub use facts::{DiskFact, Facts, FactsError, FileFact, KeptRun, MailFact, ServiceFact};
pub use here::Here;
pub use inquiry::{Depth, Inquiry, Survey};
pub use journal::{Deed, Journal, ManagedFile};
pub use lock::Holder;
pub use outcome::{Answer, Outcome, Progress, parse_answer};
pub use quote::quote;
pub use remote::{Machine, Probe, Remote, RemoteError};
pub use run_id::{NotARunId, RunId, began};
pub use transaction::{Action, Expected, Guard, Placement, Removal, Transaction, sha256_hex, without_comments};
