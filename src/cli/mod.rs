//! cli

pub mod cert;
