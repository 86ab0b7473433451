//! The ledger: the append-only, hash-chained, signed record of runs and windows.
//!
//! An event is encoded in one canonical way ([`canonical`]), bound to the one before it by hash and signed
//! ([`chain`], [`sign`]), and appended to a store ([`store`]). Whoever holds an export can verify it without the
//! system that wrote it ([`verify`]): integrity and completeness are two verdicts, since a chain that is whole in
//! itself may have lost its tail. A signature protects against whoever lacks the key; against whoever holds the
//! operator's machine only the heads protect that others keep ([`checkpoint`]).

pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod event;
pub mod export;
pub mod forward;
pub mod keys;
pub mod lease;
mod link;
mod mistake;
pub mod runs;
pub mod sign;
pub mod store;
#[cfg(test)]
mod tampering;
mod transcript;
pub mod verify;
pub mod witness;

pub use event::{EventKind, LedgerEvent, Origin};
pub use export::ExportFormat;
pub use keys::Signer;
pub use lease::{Lease, LeaseError};
pub use mistake::{MISTAKES, Mistake};
pub use runs::{Beginning, InPlace, RunOptions, RunRecord, Runs, WINDOWS};
pub use store::{Appended, Ledger, LedgerError, Location, LogQuery, LoggedEvent, OpenOptions, Server, ServerError, ledger_key};
pub use transcript::verify_export;
pub use verify::{KnownHead, Verdict, Verdicts, VerifyOptions};
