//! Any bytes as a PFX: taken apart, explained, and opened with a password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::certs::pfx::explain;
use portcullis_fuzz::certs::{Source, read};
use portcullis_fuzz::memory::{Counting, bounded};
use secrecy::SecretString;

#[global_allocator]
static MEMORY: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(explanation) = bounded(bytes.len(), || explain(bytes)) {
        // Opening takes as long as the file asks for; the fuzzer's time is for structure.
        let cheap = |text: String| !text.split(' ').any(|word| word.parse::<u64>().is_ok_and(|count| count > 3_000));
        let parts = explanation.parts.iter().filter_map(|(_, scheme)| scheme.as_ref()).map(ToString::to_string);
        if parts.chain(explanation.mac.iter().map(ToString::to_string)).all(cheap) {
            let source = Source { name: "input.pfx".to_owned(), bytes: bytes.to_vec() };
            bounded(bytes.len(), || read(&[source], &SecretString::from("example")));
        }
    }
});
