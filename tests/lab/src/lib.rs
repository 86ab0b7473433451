//! Real Debian systems behind a jumphost, for the tests, the demo and the benches: `lab up` boots them with systemd-nspawn on overlays over one image.
//!
//! A lab touches nothing of the host's networks and can be killed at any moment: all of it lives in namespaces of its own, and one process holds them.
//! Needs root (or sudo) and no container engine. [`Lab`] is the way in for tests; it drives the `lab` program, which stands beside them.

mod client;
pub mod command_line;
mod error;
mod host;
mod layout;
mod run;

pub use client::{Lab, Options};
pub use error::LabError;
