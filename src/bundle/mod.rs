//! What support needs, in one archive: texts from an allow-list, each passed through the one redacting writer, and a manifest.
//!
//! Pure but for the clock, which is passed in: texts in, the archive's bytes out. What cannot be proved clean is not written.

mod archive;
mod facts;
mod redact;

pub use archive::{Archive, Entry, Missing, PackError, Packed, UncleanError};
pub use facts::facts_json;
pub use redact::{Redacted, Redactor};
