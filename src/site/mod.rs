//! The site file: one environment (production cluster, development node, QA) as data.
//!
//! `model` is what the rest of the house works with; reading, validation and schema stand beside it.
//! Pure but for `load`, which reads the file, and `secret`, which resolves references at use.

pub mod model;
pub mod secret;
