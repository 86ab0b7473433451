//! `check` and `verify` on a lab of their own, made ready by `apply`: green at first; then each real fault is found
//! under its id, and gone when it is mended.
//!
//! Needs root (or `sudo`) and the lab's program (`cargo build -p portcullis-lab`). Tests take turns: a fault of one
//! must not be found by another.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints' leave for tests does not reach a test's own tools"
)]

mod before;
mod mail;
mod served;
mod standing;
mod whole;

use standing::turn;
