//! Where events are kept. The chain is made here, under the store's own lock, so that appends serialise.

mod beside;
mod error;
mod reading;
mod resume;
mod schema;
mod sqlite;

pub use beside::ledger_key;
pub use error::LedgerError;
pub use reading::{LogQuery, LoggedEvent};
pub use sqlite::{Appended, OpenOptions, SqliteLedger};
