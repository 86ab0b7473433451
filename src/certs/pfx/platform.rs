//! What each platform can open, as data. An entry says since when and where that is known from.

use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};
use Feature::{Aes, NoMac, Pbmac1, PlainKey, Rc2, Scrypt, Sha2Mac};

/// Something that not every platform knows. 3DES with a SHA-1 MAC all of them do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feature {
    /// AES under PBES2.
    Aes,
    /// RC2 under PKCS#12's own scheme.
    Rc2,
    /// A MAC with SHA-2.
    Sha2Mac,
    /// PBMAC1.
    Pbmac1,
    /// scrypt in the place of PBKDF2.
    Scrypt,
    /// No MAC at all; unless it is known to refuse.
    NoMac,
    /// A private key that is not encrypted; unless it is known not to see it.
    PlainKey,
}

/// One platform that people import PFX files on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: &'static str,
    /// What the entry rests on.
    pub source: &'static str,
    knows: &'static [Feature],
    /// Most iterations of one derivation that it does, where it has such a bound.
    most_work: Option<u64>,
}

const fn platform(name: &'static str, knows: &'static [Feature], source: &'static str) -> Platform {
    Platform { name, source, knows, most_work: None }
}

impl Platform {
    const fn with_at_most(self, iterations: u64) -> Self {
        Self { most_work: Some(iterations), ..self }
    }
}

/// The platforms, oldest kin first. "Opened here" means that this project's tests or their author opened a file of each
/// kind with that version; the rest is what others report, by project and number of the report.
///
/// RFC 9879 replaced RFC 9579 in 2025 and changed nothing in the files: both take the password as UTF-8.
pub(super) const PLATFORMS: [Platform; 21] = [
    platform(
        "Windows Server 2012 to 2016, Windows 7 to 10 1703",
        &[Rc2, NoMac, PlainKey],
        "Microsoft, \"Cannot import AES256-SHA256-encrypted PFX certificate\"; acme.sh 6805, openssl 27035",
    ),
    platform(
        "Windows Server 2019 and later, Windows 10 1709 and later",
        &[Rc2, Aes, Sha2Mac, NoMac, PlainKey],
        "CertificateDsc, PfxImport requirements; acme.sh 6805; of PBMAC1 nothing is known",
    ),
    platform(
        ".NET Framework and .NET up to 8",
        &[Rc2, Aes, Sha2Mac, NoMac, PlainKey],
        "Microsoft KB5025823 (June 2023): 600,000 iterations; dotnet runtime 111926: a closed list of MACs; ciphers are the system's",
    )
    .with_at_most(600_000),
    platform(
        ".NET 9 and later (X509CertificateLoader)",
        &[Rc2, Aes, Sha2Mac, NoMac, PlainKey],
        "dotnet runtime, Pkcs12LoaderLimits: 300,000 iterations; 111926: a closed list of MACs; ciphers are the system's",
    )
    .with_at_most(300_000),
    platform("Java 8 before 8u301, Java 11 before 11.0.12", &[Rc2, NoMac], "JDK-8076190, JDK-8153005 and backports; helidon-examples 38"),
    platform(
        "Java 8u301, 11.0.12, 12 to 25",
        &[Rc2, Aes, Sha2Mac, NoMac],
        "JDK-8076190; opened here with keytool 17, which refuses PBMAC1",
    ),
    platform(
        "Java 26 and later",
        &[Rc2, Aes, Sha2Mac, Pbmac1, NoMac],
        "JDK-8343232 (PBMAC1); vendors bring it to older ones (JDK-8370042)",
    ),
    platform(
        "OpenSSL 1.1, Node.js 10 to 16",
        &[Rc2, Aes, Sha2Mac, Scrypt, NoMac, PlainKey],
        "OpenSSL changes: PBES2 in PKCS#12, RC2 in the one library",
    ),
    platform(
        "OpenSSL 3.0 to 3.3, Node.js 18 to 22 (the appliance)",
        &[Aes, Sha2Mac, Scrypt, NoMac, PlainKey],
        "OpenSSL 3.0 migration guide: RC2 is in the legacy provider; opened here with OpenSSL 3.0 and Node.js 20",
    ),
    platform(
        "OpenSSL 3.4 and later, Node.js 24",
        &[Aes, Sha2Mac, Scrypt, Pbmac1, NoMac, PlainKey],
        "OpenSSL 3.4 changes: RFC 9579 (openssl 24577)",
    ),
    platform(
        "Python cryptography up to 43",
        &[Rc2, Aes, Sha2Mac, Scrypt, NoMac, PlainKey],
        "it loads OpenSSL's legacy provider; opened here with versions 38 and 43, RC2 too, which refuse PBMAC1",
    ),
    platform(
        "Python cryptography 44 and later, from PyPI",
        &[Rc2, Aes, Sha2Mac, Scrypt, Pbmac1, NoMac, PlainKey],
        "it carries OpenSSL 3.4 or later; opened here with versions 44 and 50, RC2 and PBMAC1 too",
    ),
    platform(
        "GnuTLS 3.7 to 3.8.5 (certtool)",
        &[Rc2, Aes, Sha2Mac, PlainKey],
        "opened here with certtool 3.7 and libgnutls 3.8.1, which refuse PBMAC1",
    ),
    platform(
        "GnuTLS 3.8.6 and later",
        &[Rc2, Aes, Sha2Mac, Pbmac1, PlainKey],
        "GnuTLS merge request 1833 (2024); opened here with libgnutls 3.8.13, RC2 and PBMAC1 too",
    ),
    platform("NSS 3.87 (Firefox, pk12util)", &[Rc2, Aes, Sha2Mac, PlainKey], "opened here with pk12util 3.87, which refuses PBMAC1"),
    platform("macOS keychain up to 14", &[Rc2, NoMac, PlainKey], "pyca 7293, xca 474, ruby-openssl 654: no MAC with SHA-256"),
    platform(
        "macOS keychain 15 and later",
        &[Rc2, Aes, Sha2Mac, NoMac, PlainKey],
        "tauri 15844: with `security import -f pkcs12`, which must not be left to guess the format",
    ),
    platform("Android up to 13", &[Rc2, NoMac, PlainKey], "strongswan-docs 5, clip_share_server 48"),
    platform("Android 14 and later", &[Rc2, Aes, Sha2Mac, NoMac, PlainKey], "clip_share_server 48, ultimate-ca-manager 331"),
    platform(
        "Go x/crypto/pkcs12",
        &[Rc2],
        "x/crypto documentation: the package is frozen; opened here, RC2 too: it refuses a MAC with SHA-2, none at all, and plain keys",
    ),
    platform(
        "Go software.sslmate.com/src/go-pkcs12 of July 2025 and later",
        &[Rc2, Aes, Sha2Mac, Pbmac1, PlainKey],
        "go-pkcs12 69 (PBMAC1), 50 (plain keys); the rest opened here with that of April 2021, which knows neither",
    ),
];

impl Platform {
    fn knows(&self, feature: Feature) -> bool {
        self.knows.contains(&feature)
    }

    /// Why it cannot open something encrypted like this; `None` where it can.
    pub(super) fn objection_to_scheme(&self, scheme: &Scheme) -> Option<String> {
        match scheme {
            Scheme::Pkcs12 { cipher: cipher @ Cipher::Rc2(_), .. } if !self.knows(Rc2) => {
                Some(format!("it does not know {cipher} any more"))
            }
            Scheme::Pbes2 { .. } if !self.knows(Aes) => Some("it does not know PBES2 (AES) in a PFX yet".to_owned()),
            Scheme::Pbes2 { kdf: Kdf::Scrypt { .. }, .. } if !self.knows(Scrypt) => Some("it does not know scrypt".to_owned()),
            Scheme::Pbes2 { kdf: Kdf::Other(oid), .. } => Some(format!("the key derivation {oid} is not known to it")),
            Scheme::Pbes2 { cipher: Cipher::Other(oid), .. } | Scheme::Other(oid) => {
                Some(format!("the algorithm {oid} is not known to it"))
            }
            Scheme::Pbes2 { .. } | Scheme::Pkcs12 { .. } => None,
        }
    }

    /// Why it does not even begin with so many iterations; `None` where it does.
    pub(super) fn objection_to_work(&self, iterations: u64) -> Option<String> {
        let most = self.most_work.filter(|most| iterations > *most)?;
        Some(format!("it refuses {iterations} iterations, more than {most}"))
    }

    /// Why it makes nothing of a file without MAC; `None` where it opens that, or nothing is known.
    pub(super) fn objection_to_no_mac(&self) -> Option<String> {
        (!self.knows(NoMac)).then(|| "it refuses a file without MAC".to_owned())
    }

    /// Why it makes nothing of a private key that is not encrypted; `None` where it takes it, or nothing is known.
    pub(super) fn objection_to_plain_key(&self) -> Option<String> {
        (!self.knows(PlainKey)).then(|| "it refuses a key that is not encrypted, or passes over it and shows no entry".to_owned())
    }

    /// Why it refuses a password with letters outside ASCII; `None` where it does not.
    pub(super) fn objection_to_non_ascii(&self) -> Option<String> {
        self.name.starts_with("Java").then(|| "it refuses a password with letters outside ASCII".to_owned())
    }

    /// Why it cannot check such a MAC; `None` where it can.
    pub(super) fn objection_to_mac(&self, mac: &Mac) -> Option<String> {
        match mac {
            Mac::Pbmac1 { .. } if !self.knows(Pbmac1) => {
                Some("it does not know PBMAC1 yet, and will say that the password is wrong".to_owned())
            }
            Mac::Traditional { hash: Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512, .. } if !self.knows(Sha2Mac) => {
                Some("it does not know a MAC with SHA-2 yet, and will say that the password is wrong".to_owned())
            }
            Mac::Traditional { hash: Hash::Other(oid), .. } => Some(format!("the MAC's hash {oid} is not known to it")),
            Mac::Pbmac1 { .. } | Mac::Traditional { .. } => None,
        }
    }
}
