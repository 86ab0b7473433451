//! What each platform can open, as data. An entry says since when and where that is known from.

use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};

/// One platform that people import PFX files on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: &'static str,
    /// AES under PBES2.
    aes: bool,
    /// RC2 under PKCS#12's own scheme.
    rc2: bool,
    /// A MAC with SHA-2.
    sha2_mac: bool,
    /// PBMAC1.
    pbmac1: bool,
    /// scrypt in the place of PBKDF2.
    scrypt: bool,
    /// What the entry rests on.
    pub source: &'static str,
}

const NOTHING_NEW: Platform = Platform { name: "", aes: false, rc2: true, sha2_mac: false, pbmac1: false, scrypt: false, source: "" };
const CURRENT: Platform = Platform { name: "", aes: true, rc2: true, sha2_mac: true, pbmac1: false, scrypt: false, source: "" };

/// The platforms, oldest kin first. 3DES with a SHA-1 MAC opens on all of them.
pub(super) const PLATFORMS: [Platform; 14] = [
    Platform {
        name: "Windows Server 2012 to 2016, Windows 7 to 10 1703",
        source: "Microsoft: AES-256 and SHA-256 in PFX came with 1709 and Server 2019",
        ..NOTHING_NEW
    },
    Platform {
        name: "Windows Server 2019 and later, Windows 10 1709 and later",
        source: "Microsoft: Export-PfxCertificate -CryptoAlgorithmOption AES256_SHA256",
        ..CURRENT
    },
    Platform { name: "Java 8 before 8u301, Java 11 before 11.0.12", source: "JDK-8076190 and its backports", ..NOTHING_NEW },
    Platform { name: "Java 8u301, 11.0.12, 17 to 25", source: "JDK-8076190; opened with keytool 17 in this project's tests", ..CURRENT },
    Platform { name: "Java 26 and later", pbmac1: true, source: "JDK-8343232 (PBMAC1)", ..CURRENT },
    Platform {
        name: "OpenSSL 1.0.2 and 1.1, Node.js up to 16",
        scrypt: true,
        source: "OpenSSL changes: PBES2 in PKCS#12, RC2 in the one library",
        ..CURRENT
    },
    Platform {
        name: "OpenSSL 3.0 to 3.3, Node.js 18 to 22 (the appliance)",
        rc2: false,
        scrypt: true,
        source: "OpenSSL 3.0 migration guide: RC2 is in the legacy provider; opened with OpenSSL 3.0 in this project's tests",
        ..CURRENT
    },
    Platform {
        name: "OpenSSL 3.4 and later",
        rc2: false,
        scrypt: true,
        pbmac1: true,
        source: "OpenSSL 3.4 changes: PBMAC1 support in PKCS#12",
        ..CURRENT
    },
    Platform {
        name: "Python cryptography",
        rc2: false,
        source: "cryptography documentation, serialize_key_and_certificates; opened in this project's tests",
        ..CURRENT
    },
    Platform { name: "GnuTLS 3.7 (certtool)", source: "opened with certtool 3.7 in this project's tests", ..CURRENT },
    Platform { name: "NSS up to 3.100 (Firefox, pk12util)", source: "opened with pk12util 3.87 in this project's tests", ..CURRENT },
    Platform {
        name: "macOS keychain up to 14",
        source: "Apple developer forums: SecPKCS12Import knows no SHA-256 MAC before macOS 15",
        ..NOTHING_NEW
    },
    Platform { name: "macOS keychain 15 and later", source: "Apple developer forums: SHA-256 MAC accepted since macOS 15", ..CURRENT },
    Platform {
        name: "Go x/crypto/pkcs12",
        source: "x/crypto documentation: the package is frozen at PBE with SHA-1, 3DES and RC2",
        ..NOTHING_NEW
    },
];

impl Platform {
    /// Why it cannot open something encrypted like this; `None` where it can.
    pub(super) fn objection_to_scheme(&self, scheme: &Scheme) -> Option<String> {
        match scheme {
            Scheme::Pkcs12 { cipher: cipher @ Cipher::Rc2(_), .. } if !self.rc2 => Some(format!("it does not know {cipher} any more")),
            Scheme::Pkcs12 { .. } => None,
            Scheme::Pbes2 { .. } if !self.aes => Some("it does not know PBES2 (AES) in a PFX yet".to_owned()),
            Scheme::Pbes2 { kdf: Kdf::Scrypt { .. }, .. } if !self.scrypt => Some("it does not know scrypt".to_owned()),
            Scheme::Pbes2 { kdf: Kdf::Other(oid), .. } => Some(format!("the key derivation {oid} is not known to it")),
            Scheme::Pbes2 { cipher: Cipher::Other(oid), .. } | Scheme::Other(oid) => {
                Some(format!("the algorithm {oid} is not known to it"))
            }
            Scheme::Pbes2 { .. } => None,
        }
    }

    /// Why it cannot check such a MAC; `None` where it can.
    pub(super) fn objection_to_mac(&self, mac: &Mac) -> Option<String> {
        match mac {
            Mac::Pbmac1 { .. } if !self.pbmac1 => Some("it does not know PBMAC1 yet, and will say that the password is wrong".to_owned()),
            Mac::Traditional { hash: Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512, .. } if !self.sha2_mac => {
                Some("it does not know a MAC with SHA-2 yet, and will say that the password is wrong".to_owned())
            }
            Mac::Traditional { hash: Hash::Other(oid), .. } => Some(format!("the MAC's hash {oid} is not known to it")),
            Mac::Pbmac1 { .. } | Mac::Traditional { .. } => None,
        }
    }
}
