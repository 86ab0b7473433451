//! What each platform can open, as data. An entry says since when and where that is known from.

use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};
use Feature::{Aes, Pbmac1, Rc2, Scrypt, Sha2Mac};

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
}

/// One platform that people import PFX files on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: &'static str,
    /// What the entry rests on.
    pub source: &'static str,
    knows: &'static [Feature],
}

const fn platform(name: &'static str, knows: &'static [Feature], source: &'static str) -> Platform {
    Platform { name, source, knows }
}

/// The platforms, oldest kin first.
pub(super) const PLATFORMS: [Platform; 14] = [
    platform(
        "Windows Server 2012 to 2016, Windows 7 to 10 1703",
        &[Rc2],
        "Microsoft: AES-256 and SHA-256 in PFX came with Windows 10 1709 and Server 2019",
    ),
    platform(
        "Windows Server 2019 and later, Windows 10 1709 and later",
        &[Rc2, Aes, Sha2Mac],
        "Microsoft: Export-PfxCertificate -CryptoAlgorithmOption AES256_SHA256",
    ),
    platform("Java 8 before 8u301, Java 11 before 11.0.12", &[Rc2], "JDK-8076190 and its backports"),
    platform("Java 8u301, 11.0.12, 17 to 25", &[Rc2, Aes, Sha2Mac], "JDK-8076190; opened with keytool 17 in this project's tests"),
    platform("Java 26 and later", &[Rc2, Aes, Sha2Mac, Pbmac1], "JDK-8343232 (PBMAC1)"),
    platform(
        "OpenSSL 1.0.2 and 1.1, Node.js up to 16",
        &[Rc2, Aes, Sha2Mac, Scrypt],
        "OpenSSL changes: PBES2 in PKCS#12, RC2 in the one library",
    ),
    platform(
        "OpenSSL 3.0 to 3.3, Node.js 18 to 22 (the appliance)",
        &[Aes, Sha2Mac, Scrypt],
        "OpenSSL 3.0 migration guide: RC2 is in the legacy provider; opened with OpenSSL 3.0 in this project's tests",
    ),
    platform("OpenSSL 3.4 and later", &[Aes, Sha2Mac, Scrypt, Pbmac1], "OpenSSL 3.4 changes: PBMAC1 in PKCS#12"),
    platform("Python cryptography", &[Aes, Sha2Mac], "it carries OpenSSL 3; opened in this project's tests"),
    platform("GnuTLS 3.7 (certtool)", &[Rc2, Aes, Sha2Mac], "opened with certtool 3.7 in this project's tests"),
    platform("NSS 3.87 (Firefox, pk12util)", &[Rc2, Aes, Sha2Mac], "opened with pk12util 3.87 in this project's tests"),
    platform("macOS keychain up to 14", &[Rc2], "Apple developer forums: SecPKCS12Import knows no SHA-256 MAC before macOS 15"),
    platform("macOS keychain 15 and later", &[Rc2, Aes, Sha2Mac], "Apple developer forums: SHA-256 MAC accepted since macOS 15"),
    platform("Go x/crypto/pkcs12", &[Rc2], "x/crypto documentation: the package is frozen at PBE with SHA-1, 3DES and RC2"),
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
