//! Any bytes as a file: PEM, DER, P7B, keys, PFX; then the chain and the rules over what was found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::certs::{Demands, LeafSelection, NoPasswords, Roots, Source, build_chain, read, review, review_without_chain};
use portcullis_fuzz::memory::Counting;
use portcullis_fuzz::{bounded, many_times};

#[global_allocator]
static MEMORY: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    let source = Source { name: "input".to_owned(), bytes: bytes.to_vec() };
    let bag = bounded(bytes.len(), || read(&[source], &NoPasswords));
    let now = jiff::Timestamp::from_second(1_796_000_000).unwrap();
    let names = ["a.example.com".to_owned()];
    match build_chain(&bag, &Roots::mozilla(), LeafSelection::default(), now) {
        Ok(chain) => {
            review(&bag, &chain, &Demands { key: true, ..Demands::new(&names, now) });
            assert_eq!(chain.to_pem().matches("BEGIN CERTIFICATE").count(), chain.served().count());
        }
        Err(error) => drop(review_without_chain(&bag, &error)),
    }
    if let Some(many) = many_times(bytes) {
        let source = Source { name: "many".to_owned(), bytes: many };
        bounded(source.bytes.len(), || read(std::slice::from_ref(&source), &NoPasswords));
    }
});
