//! Any text as a name that is wanted of a certificate that has wildcards.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::certs::{Certificate, Origin, covers};

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| {
    let pem = include_str!("../../certs-examples/good/ecdsa/chain.pem");
    let x509 = openssl::x509::X509::from_pem(pem.as_bytes()).unwrap();
    Certificate::from_der(&x509.to_der().unwrap(), Origin::default()).unwrap()
});

fuzz_target!(|name: &str| {
    if covers(&CERTIFICATE, name) {
        // Manage, config and one label of anything under example.com: nothing else may pass.
        let plain = name.trim().trim_end_matches('.').to_lowercase();
        let unicode_dots = plain.replace(['。', '．', '｡'], ".");
        assert_eq!(unicode_dots.split('.').filter(|label| !label.is_empty()).count(), 3, "{name:?}");
    }
});
