//! `check` and `verify` on a lab of their own, made ready by `apply`: green at first; then each real fault is found
//! under its id, and gone when it is mended.
//!
//! Needs root (or `sudo`) and the lab's program (`cargo build -p portcullis-lab`). Tests take turns: a fault of one
//! must not be found by another.

mod before;
mod bundle;
mod faults;
mod mail;
mod network;
mod served;
mod standing;
mod whole;
mod windows;

use standing::turn;
