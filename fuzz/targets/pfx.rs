//! Any bytes as a PFX: taken apart, explained, and opened with a password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::certs::pfx::explain;
use portcullis_fuzz::certs::{Source, read};
use portcullis_fuzz::bounded;
use portcullis_fuzz::memory::Counting;
use secrecy::SecretString;

#[global_allocator]
static MEMORY: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    drop(bounded(bytes.len(), || explain(bytes)));
    let source = Source { name: "input.pfx".to_owned(), bytes: bytes.to_vec() };
    bounded(bytes.len(), || read(&[source], &SecretString::from("example")));
});
