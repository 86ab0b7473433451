//! The platforms. An entry says since when and where that is known from.

use super::Platform;
use super::feature::Feature::{
    self, Aes, Aes192, Aria, Blowfish, Camellia, DesPbes2, EdwardsKey, LegacyMac, Md5Des, Md5Mac, NoMac, Pbes1, Pbmac1, PlainKey, RareMac,
    Rc2, Rc2Long, Rc2Pbes2, Rc4, Rc4Short, Scrypt, Seed, Sha2Mac, Sha3Mac, Sm4, TripleDesPbes2, TruncatedMac, TwoKeys,
};
use super::feature::{EDWARDS, RARE};

const fn platform(
    name: &'static str,
    knows: &'static [&'static [Feature]],
    untried: &'static [&'static [Feature]],
    source: &'static str,
) -> Platform {
    Platform { name, source, knows, untried, most_work: None }
}

impl Platform {
    const fn with_at_most(self, iterations: u64) -> Self {
        Self { most_work: Some(iterations), ..self }
    }
}

/// OpenSSL 3 without its legacy provider.
const OPENSSL: &[Feature] = &[
    Aes,
    Aes192,
    TripleDesPbes2,
    Camellia,
    Aria,
    Sm4,
    TwoKeys,
    Scrypt,
    Md5Mac,
    Sha2Mac,
    TruncatedMac,
    Sha3Mac,
    RareMac,
    NoMac,
    PlainKey,
    EdwardsKey,
];
/// What the legacy provider adds.
const OPENSSL_LEGACY: &[Feature] = &[DesPbes2, Rc2Pbes2, Seed, Blowfish, Rc2, Rc2Long, Rc4, Rc4Short, Md5Des, Pbes1, LegacyMac];
const JAVA: &[Feature] = &[Aes, Rc2, Rc2Long, Rc4, Rc4Short, Md5Des, Sha2Mac, TruncatedMac, NoMac, EdwardsKey];
const GNUTLS: &[Feature] = &[Aes, Aes192, TripleDesPbes2, DesPbes2, Rc2, Rc4, Md5Des, Sha2Mac, PlainKey, EdwardsKey];
const NSS: &[Feature] =
    &[Aes, Aes192, TripleDesPbes2, DesPbes2, Rc2Pbes2, Camellia, Seed, Rc2, Rc2Long, Rc4, Rc4Short, Md5Mac, Sha2Mac, PlainKey];
/// The platforms, oldest kin first. "Opened here" means that this project's tests or their author opened a file of each
/// kind with that version; the rest is what others report, by project and number of the report.
///
/// RFC 9879 replaced RFC 9579 in 2025 and changed nothing in the files: both take the password as UTF-8.
pub(in crate::certs::pfx) const PLATFORMS: [Platform; 21] = [
    platform(
        "Windows Server 2012 to 2016, Windows 7 to 10 1703",
        &[&[Rc2, NoMac, PlainKey]],
        &[RARE],
        "Microsoft, \"Cannot import AES256-SHA256-encrypted PFX certificate\"; acme.sh 6805, openssl 27035",
    ),
    platform(
        "Windows Server 2019 and later, Windows 10 1709 and later",
        &[&[Rc2, Aes, Sha2Mac, NoMac, PlainKey]],
        &[RARE],
        "CertificateDsc, PfxImport requirements; acme.sh 6805; of PBMAC1 nothing is known",
    ),
    platform(
        ".NET Framework and .NET up to 8",
        &[&[Rc2, Aes, Sha2Mac, NoMac, PlainKey]],
        &[RARE, EDWARDS],
        "Microsoft KB5025823 (June 2023): 600,000 iterations; dotnet runtime 111926: a closed list of MACs; ciphers are the system's",
    )
    .with_at_most(600_000),
    platform(
        ".NET 9 and later (X509CertificateLoader)",
        &[&[Rc2, Aes, Sha2Mac, NoMac, PlainKey]],
        &[RARE, EDWARDS],
        "dotnet runtime, Pkcs12LoaderLimits: 300,000 iterations; 111926: a closed list of MACs; ciphers are the system's",
    )
    .with_at_most(300_000),
    platform(
        "Java 8 before 8u301, Java 11 before 11.0.12",
        &[&[Rc2, NoMac]],
        &[RARE, EDWARDS],
        "JDK-8076190, JDK-8153005 and backports; helidon-examples 38",
    ),
    platform("Java 8u301, 11.0.12, 12 to 25", &[JAVA], &[], "JDK-8076190; opened here with keytool 17, which refuses PBMAC1"),
    platform(
        "Java 26 and later",
        &[&[Rc2, Aes, Sha2Mac, Pbmac1, NoMac]],
        &[RARE, EDWARDS],
        "JDK-8343232 (PBMAC1); vendors bring it to older ones (JDK-8370042)",
    ),
    platform(
        "OpenSSL 1.1, Node.js 10 to 16",
        &[OPENSSL, OPENSSL_LEGACY],
        &[],
        "OpenSSL changes: PBES2 in PKCS#12, all in the one library; opened here with OpenSSL 1.1.1",
    ),
    platform(
        "OpenSSL 3.0 to 3.3, Node.js 18 to 22 (the appliance)",
        &[OPENSSL],
        &[],
        "OpenSSL 3.0 migration guide: RC2, RC4 and DES are in the legacy provider; opened here with OpenSSL 3.0 and Node.js 20",
    ),
    platform("OpenSSL 3.4 and later, Node.js 24", &[OPENSSL, &[Pbmac1]], &[], "OpenSSL 3.4 changes: RFC 9579 (openssl 24577)"),
    platform(
        "Python cryptography up to 43",
        &[OPENSSL, OPENSSL_LEGACY],
        &[],
        "it loads OpenSSL's legacy provider; opened here with versions 38 and 43, RC2 too, which refuse PBMAC1",
    ),
    platform(
        "Python cryptography 44 and later, from PyPI",
        &[OPENSSL, OPENSSL_LEGACY, &[Pbmac1]],
        &[],
        "it carries OpenSSL 3.4 or later; opened here with versions 44 and 50, RC2 and PBMAC1 too",
    ),
    platform("GnuTLS 3.7 to 3.8.5 (certtool)", &[GNUTLS], &[], "opened here with certtool 3.7 and libgnutls 3.8.1, which refuse PBMAC1"),
    platform(
        "GnuTLS 3.8.6 and later",
        &[&[Rc2, Aes, Sha2Mac, Pbmac1, PlainKey]],
        &[RARE, EDWARDS],
        "GnuTLS merge request 1833 (2024); opened here with libgnutls 3.8.13, RC2 and PBMAC1 too",
    ),
    platform("NSS 3.87 (Firefox, pk12util)", &[NSS], &[], "opened here with pk12util 3.87, which refuses PBMAC1"),
    platform(
        "macOS keychain up to 14",
        &[&[Rc2, NoMac, PlainKey]],
        &[RARE, EDWARDS],
        "pyca 7293, xca 474, ruby-openssl 654: no MAC with SHA-256",
    ),
    platform(
        "macOS keychain 15 and later",
        &[&[Rc2, Aes, Sha2Mac, NoMac, PlainKey]],
        &[RARE, EDWARDS],
        "tauri 15844: with `security import -f pkcs12`, which must not be left to guess the format",
    ),
    platform("Android up to 13", &[&[Rc2, NoMac, PlainKey]], &[RARE, EDWARDS], "strongswan-docs 5, clip_share_server 48"),
    platform(
        "Android 14 and later",
        &[&[Rc2, Aes, Sha2Mac, NoMac, PlainKey]],
        &[RARE, EDWARDS],
        "clip_share_server 48, ultimate-ca-manager 331",
    ),
    platform(
        "Go x/crypto/pkcs12",
        &[&[Rc2]],
        &[EDWARDS],
        "x/crypto documentation: the package is frozen; opened here, RC2 too: it refuses a MAC with SHA-2, none at all, and plain keys",
    ),
    platform(
        "Go software.sslmate.com/src/go-pkcs12 of July 2025 and later",
        &[&[Rc2, Aes, Sha2Mac, Pbmac1, PlainKey]],
        &[RARE, EDWARDS],
        "go-pkcs12 69 (PBMAC1), 50 (plain keys); the rest opened here with that of April 2021, which knows neither",
    ),
];
