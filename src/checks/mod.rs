//! Checks: requirements looked at before anything is touched, and the result proved after.
//!
//! Each subject stands in a folder of its own: a table of [`CheckSpec`]s and the code that looks. What crosses
//! a network works on a byte stream that the caller opened (directly, through the jumphost, from a node), so
//! the same check runs from anywhere. Nothing here changes a machine, prints, or reads the clock.

mod assessment;
pub mod catalogue;
pub mod machine;
pub mod offline;
pub mod services;
pub mod spec;
pub mod survey;

pub use assessment::{Assessment, Counts, Waived, WaivedFinding, assess, is_meant, merged};
pub use catalogue::all;
pub use catalogue::offline::here::NOT_RUN;
pub use spec::{CheckSpec, Moment, Outcome, Team, Vantage, Verdict};
