//! The header of a key that is encrypted in the old way (`DEK-Info: CIPHER,VECTOR`, RFC 1421, 4.6.1.3): OpenSSL says of each
//! cipher that it does not have, and of a header it cannot read, no more than of a wrong password.

use openssl::cipher::Cipher;

use crate::certs::name::printable;
use crate::certs::pfx::pbe::PbeError;

/// What keeps such a key from being opened, whatever the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// Its cipher is one that OpenSSL has in its legacy provider.
    Old(String),
    /// Its cipher is none that OpenSSL has.
    Unheard(String),
    /// The header is damaged.
    Malformed(String),
}

impl From<Hindrance> for PbeError {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Old(name) => Self::Unsupported(format!("{name} (its DEK-Info says)")),
            Hindrance::Unheard(name) => Self::Malformed(format!("its DEK-Info names the cipher {name}, which no program knows")),
            Hindrance::Malformed(line) => Self::Malformed(format!(
                "its header `DEK-Info:{line}` is damaged: a cipher's name, a comma and its vector in hexadecimal belong there"
            )),
        }
    }
}

/// Ciphers that programs wrote keys with and that OpenSSL 3 has in its legacy provider, or a build may leave out.
const OLD: [&str; 12] = ["DES-", "DESX-", "BF-", "CAST5-", "CAST-", "RC2-", "RC4", "RC5-", "SEED-", "IDEA-", "CAMELLIA-", "ARIA-"];
/// Letters of a header that a message shows.
const SHOWN: usize = 60;

/// Looks at the header of clean PEM.
pub(crate) fn check(pem: &str) -> Result<(), Hindrance> {
    let header = pem.lines().find_map(|line| line.strip_prefix("DEK-Info:")).unwrap_or_default();
    let malformed = || Hindrance::Malformed(printable(&header.chars().take(SHOWN).collect::<String>()));
    let (name, vector) = header.trim().split_once(',').ok_or_else(malformed)?;
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if name.len() > SHOWN || !letters(name) || !vector.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    match Cipher::fetch(None, name, None) {
        Ok(known) if known.iv_length() * 2 == vector.len() => Ok(()),
        Ok(_) => Err(malformed()),
        Err(_) if OLD.iter().any(|old| name.starts_with(old)) => Err(Hindrance::Old(name.to_owned())),
        Err(_) => Err(Hindrance::Unheard(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_told_apart() {
        let of = |header: &str| check(&format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n{header}\n\nAAAA\n"));
        assert_eq!(of("DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF"), Ok(()));
        assert_eq!(of("DEK-Info: DES-EDE3-CBC,0011223344556677"), Ok(()));
        assert_eq!(of("DEK-Info: DES-CBC,0011223344556677"), Err(Hindrance::Old("DES-CBC".to_owned())));
        assert_eq!(of("DEK-Info: FOO-CBC,0011223344556677"), Err(Hindrance::Unheard("FOO-CBC".to_owned())));
        for header in ["DEK-Info: AES-128-CBC", "DEK-Info: AES-128-CBC,00", "DEK-Info: AES-128-CBC,xyz", "DEK-Info:", "DEK-Info: ,00"] {
            assert!(matches!(of(header), Err(Hindrance::Malformed(_))), "{header}");
        }
    }
}
