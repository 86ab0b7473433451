//! PFX files (PKCS#12, RFC 7292): written for a target, read back before they are called done, and explained.
//!
//! Written here, since OpenSSL's own writer knows neither PBMAC1 (before 3.4) nor a missing password as opposed to an
//! empty one, and takes its three derivations one after the other; read back by `p12-keystore`, which shares neither
//! code nor ciphers nor hashes with the writer.

mod assemble;
mod decrypt;
mod derive;
mod explain;
mod hashing;
mod keys;
pub(crate) mod pbe;
mod platform;
mod read_back;
pub(crate) mod scheme;
mod seal;
pub(crate) mod structure;
mod write;

pub use explain::{Explanation, Reading, explain};
pub use keys::{KeysError, PfxKeys};
pub use pbe::PbeError;
pub use platform::Platform;
pub use scheme::{Cipher, Family, Hash, Kdf, Mac, Rare, Scheme};
pub use structure::PfxReadError;
pub use write::{Composed, PfxError, PfxOptions, compose_pfx, write_pfx};

/// Iterations of every key derivation under `modern` and `pbmac1`: "typically at least 10,000", says NIST SP 800-63B (2017),
/// 5.1.1.2, of passwords that people choose; `keytool` has written as many since JDK 16 (JDK-8153005); five times OpenSSL's
/// own default, well below the 300,000 that .NET 9 takes at most (its `Pkcs12LoaderLimits`), and taken by every reader
/// tried. The password is random unless somebody chose one, so that more would only cost time.
pub const MODERN_ITERATIONS: u32 = 10_000;
/// Iterations under `legacy`: OpenSSL's `PKCS12_DEFAULT_ITER`, and what Windows itself writes (2,000) rounded to it.
pub const LEGACY_ITERATIONS: u32 = 2_048;

/// How a PFX is encrypted and sealed. RC2, which OpenSSL 3 and Node.js refuse, is never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PfxProfile {
    /// PBES2 with AES-256-CBC and PBKDF2-HMAC-SHA-256; MAC with SHA-256.
    Modern,
    /// 3DES and a SHA-1 MAC, for Windows Server up to 2016 and old Java.
    Legacy,
    /// As `Modern`, sealed with PBMAC1 (RFC 9579), for OpenSSL 3.4, Java 26 and later.
    Pbmac1,
}

impl PfxProfile {
    /// The profile for a name that `--profile` or `--target` takes; `None` for others.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.iter().find(|(known, _, _)| *known == name).map(|(_, profile, _)| *profile)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Legacy => "legacy",
            Self::Pbmac1 => "pbmac1",
        }
    }
}

/// Names of profiles and targets, the profile of each, and why that one.
pub const TARGETS: [(&str, PfxProfile, &str); 9] = [
    ("modern", PfxProfile::Modern, "AES-256 and SHA-256"),
    ("legacy", PfxProfile::Legacy, "3DES and SHA-1"),
    ("pbmac1", PfxProfile::Pbmac1, "AES-256 and PBMAC1 (RFC 9579)"),
    ("windows-2016", PfxProfile::Legacy, "Windows Server 2012 to 2016 know neither AES nor SHA-256 in a PFX"),
    ("windows-2019", PfxProfile::Modern, "Windows Server 2019 and later export AES-256 and SHA-256 themselves"),
    ("java8", PfxProfile::Legacy, "Java 8 before update 301 knows neither AES nor SHA-256 in a PFX"),
    ("java17", PfxProfile::Modern, "Java has written AES-256 and SHA-256 itself since 16"),
    ("openssl3", PfxProfile::Modern, "OpenSSL 3 writes AES-256 and SHA-256 itself"),
    ("appliance", PfxProfile::Modern, "the appliance's Node.js reads AES-256 and SHA-256; its documents name no profile"),
];

#[cfg(test)]
mod tests;
