//! Reports: events, findings, plans and verdicts as text for people and as JSON for programs.
//!
//! Everything is written to a writer that the caller names; nothing here decides, and nothing here ends the program.
//! What comes from outside (a node's output, a certificate's name) is escaped before it reaches a terminal.

pub mod audit;
mod board;
pub mod checks;
pub mod drill;
pub mod failure;
pub mod findings;
pub mod json;
mod plain;
pub mod plan;
mod reference;
pub mod status;
pub mod terminal;
pub mod text;

pub use json::{JsonSink, event_schema};
pub use plain::PlainSink;
pub use reference::{events_page, findings_page};
pub use terminal::ProgressSink;
pub use text::Look;
