//! Certificates as their users meet them: the examples of `certs-examples/`, other implementations on both sides of a
//! PFX, and input made to hurt.

mod bad_input;
mod command;
mod examples;
mod interop;
