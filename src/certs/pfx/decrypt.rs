//! Ciphers, undone: those that OpenSSL 3 has without its legacy provider through OpenSSL, RC2 and RC4 without it.

use openssl::cipher::Cipher as OpensslCipher;
use openssl::cipher_ctx::CipherCtx;
use rc2::cipher::{BlockCipherDecrypt, array::Array};
use rc4::{KeyInit, StreamCipher};
use zeroize::Zeroizing;

use super::pbe::PbeError;
use super::scheme::Cipher;
use crate::certs::asn1;

/// Bytes of the cipher's key.
pub(super) fn key_size(cipher: &Cipher) -> Result<usize, PbeError> {
    match cipher {
        Cipher::Aes(bits)
        | Cipher::TripleDes(bits)
        | Cipher::Rc2(bits)
        | Cipher::Rc4(bits)
        | Cipher::Camellia(bits)
        | Cipher::Aria(bits) => Ok(usize::from(*bits) / 8),
        Cipher::Des => Ok(8),
        Cipher::Sm4 => Ok(16),
        Cipher::Named(_) | Cipher::Other(_) => Err(unsupported(cipher)),
    }
}

/// Whether this build can undo it.
pub(super) fn is_known(cipher: &Cipher) -> bool {
    match openssl_name(cipher) {
        Some(name) => OpensslCipher::fetch(None, &name, None).is_ok(),
        None => matches!(cipher, Cipher::Rc2(_) | Cipher::Rc4(_)),
    }
}

/// What OpenSSL calls it, or what it calls the cipher in whose place it can stand.
fn openssl_name(cipher: &Cipher) -> Option<String> {
    Some(match cipher {
        Cipher::Aes(bits) => format!("AES-{bits}-CBC"),
        Cipher::TripleDes(_) | Cipher::Des => "DES-EDE3-CBC".to_owned(),
        Cipher::Camellia(bits) => format!("CAMELLIA-{bits}-CBC"),
        Cipher::Aria(bits) => format!("ARIA-{bits}-CBC"),
        Cipher::Sm4 => "SM4-CBC".to_owned(),
        Cipher::Rc2(_) | Cipher::Rc4(_) | Cipher::Named(_) | Cipher::Other(_) => return None,
    })
}

/// Decrypts `data`.
pub(super) fn open(cipher: &Cipher, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let key = Zeroizing::new(match cipher {
        Cipher::Rc2(bits) => return open_rc2(usize::from(*bits), key, iv, data),
        Cipher::Rc4(_) => return open_rc4(key, data),
        // Two keys are three with the first used again.
        Cipher::TripleDes(128) => [key, key.get(..8).unwrap_or_default()].concat(),
        // Encrypted, decrypted and encrypted with one key is encrypted once: OpenSSL 3 has DES itself in its legacy provider alone.
        Cipher::Des => [key, key, key].concat(),
        Cipher::Aes(_) | Cipher::TripleDes(_) | Cipher::Camellia(_) | Cipher::Aria(_) | Cipher::Sm4 => key.to_vec(),
        Cipher::Named(_) | Cipher::Other(_) => return Err(unsupported(cipher)),
    });
    let name = openssl_name(cipher).ok_or_else(|| unsupported(cipher))?;
    // A build of OpenSSL may lack what is rare.
    let known = OpensslCipher::fetch(None, &name, None).map_err(|_error| unsupported(cipher))?;
    if known.iv_length() != iv.len() || key.len() != known.key_length() {
        return Err(PbeError::Unsupported("an initialisation vector of the wrong length".to_owned()));
    }
    let mut context = CipherCtx::new()?;
    context.decrypt_init(Some(&known), Some(&key), Some(iv))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(data.len() + 2 * known.block_size()));
    context.cipher_update_vec(data, &mut plain)?;
    match context.cipher_final_vec(&mut plain) {
        Ok(_) => Ok(plain),
        // Bad padding is all that a wrong password shows.
        Err(_) => Err(PbeError::WrongPassword),
    }
}

fn unsupported(cipher: &Cipher) -> PbeError {
    PbeError::Unsupported(cipher.to_string())
}

/// RC2 in CBC mode: what Windows and old Java put around certificates. Read, never written.
fn open_rc2(bits: usize, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    if iv.len() != 8 || !(1..=128).contains(&key.len()) || !(1..=1024).contains(&bits) {
        return Err(PbeError::Unsupported("RC2 with a key or vector of the wrong length".to_owned()));
    }
    let cipher = rc2::Rc2::new_with_eff_key_len(key, bits);
    let mut plain = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut previous = iv;
    for block in data.chunks_exact(8) {
        let mut buffer = Array::try_from(block).map_err(|_error| PbeError::WrongPassword)?;
        cipher.decrypt_block(&mut buffer);
        plain.extend(buffer.iter().zip(previous).map(|(left, right)| left ^ right));
        previous = block;
    }
    let padding = plain.last().copied().unwrap_or(0);
    let length = plain.len().checked_sub(usize::from(padding)).ok_or(PbeError::WrongPassword)?;
    let sound = data.len().is_multiple_of(8) && (1..=8).contains(&padding) && plain.iter().skip(length).all(|byte| *byte == padding);
    if !sound {
        return Err(PbeError::WrongPassword);
    }
    plain.truncate(length);
    Ok(plain)
}

/// RC4, which has no padding: whether the password was right shows by what comes out, which is a structure in all that a PFX
/// or a key has encrypted.
fn open_rc4(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let mut cipher = rc4::Rc4::new_from_slice(key).map_err(|_error| PbeError::Unsupported("RC4 with a key of no length".to_owned()))?;
    let mut plain = Zeroizing::new(data.to_vec());
    cipher.apply_keystream(&mut plain);
    let sound = plain.first() == Some(&asn1::SEQUENCE) && asn1::definite(&plain).is_ok();
    if sound { Ok(plain) } else { Err(PbeError::WrongPassword) }
}
