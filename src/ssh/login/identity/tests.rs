use std::path::PathBuf;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use russh::keys::Algorithm;
use russh::keys::ssh_key::LineEnding;
use tempfile::TempDir;

use super::*;
use crate::disk::{Existing, write_atomically};

const PASSPHRASE: &str = "correct horse";

fn kept(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    write_atomically(&path, bytes, 0o600, Existing::Replace).unwrap();
    path
}

/// Every form in which OpenSSL writes private keys: plain or encrypted, PKCS#8 or the key's own.
fn pem_files(folder: &TempDir) -> Vec<(PathBuf, bool)> {
    let rsa = Rsa::generate(2048).unwrap();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let ec = EcKey::generate(&group).unwrap();
    let ed25519 = PKey::generate_ed25519().unwrap();
    let aes = Cipher::aes_256_cbc();
    let secret = PASSPHRASE.as_bytes();
    let (rsa_key, ec_key) = (PKey::from_rsa(rsa.clone()).unwrap(), PKey::from_ec_key(ec.clone()).unwrap());
    let forms = [
        ("rsa-own", rsa.private_key_to_pem().unwrap(), false),
        ("rsa-dek", rsa.private_key_to_pem_passphrase(aes, secret).unwrap(), true),
        ("rsa-pkcs8", rsa_key.private_key_to_pem_pkcs8().unwrap(), false),
        ("rsa-pkcs8-enc", rsa_key.private_key_to_pem_pkcs8_passphrase(aes, secret).unwrap(), true),
        ("ec-own", ec.private_key_to_pem().unwrap(), false),
        ("ec-dek", ec.private_key_to_pem_passphrase(aes, secret).unwrap(), true),
        ("ec-pkcs8-enc", ec_key.private_key_to_pem_pkcs8_passphrase(aes, secret).unwrap(), true),
        ("ed25519-pkcs8", ed25519.private_key_to_pem_pkcs8().unwrap(), false),
        ("ed25519-pkcs8-enc", ed25519.private_key_to_pem_pkcs8_passphrase(aes, secret).unwrap(), true),
    ];
    forms.into_iter().map(|(name, pem, encrypted)| (kept(folder, name, &pem), encrypted)).collect()
}

#[test]
fn every_form_of_key_file_opens_with_its_passphrase_and_not_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = pem_files(&folder);
    let mut rng = russh::keys::key::safe_rng();
    let own = PrivateKey::random(&mut rng, Algorithm::Ed25519).unwrap();
    files.push((kept(&folder, "openssh", own.to_openssh(LineEnding::LF).unwrap().as_bytes()), false));
    let locked = own.encrypt(&mut rng, PASSPHRASE).unwrap();
    files.push((kept(&folder, "openssh-enc", locked.to_openssh(LineEnding::LF).unwrap().as_bytes()), true));
    for (path, encrypted) in files {
        let file = KeyFile::read(&path).unwrap();
        assert_eq!(file.encrypted, encrypted, "{path:?}");
        let right = SecretString::from(PASSPHRASE.to_owned());
        let opened = file.open(Some(&right));
        assert!(opened.is_ok(), "{path:?}: {opened:?}");
        let wrong = SecretString::from("wrong".to_owned());
        let refused = file.open(Some(&wrong));
        assert_eq!(matches!(refused, Err(IdentityError::WrongPassphrase)), encrypted, "{path:?}: {refused:?}");
    }
}

#[test]
fn an_encrypted_openssh_key_shows_its_public_half() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = russh::keys::key::safe_rng();
    let key = PrivateKey::random(&mut rng, Algorithm::Ed25519).unwrap();
    let locked = key.encrypt(&mut rng, PASSPHRASE).unwrap();
    let path = kept(&folder, "key", locked.to_openssh(LineEnding::LF).unwrap().as_bytes());
    let file = KeyFile::read(&path).unwrap();
    assert_eq!(file.public.unwrap().key_data(), key.public_key().key_data());
}

#[test]
fn what_is_no_private_key_is_called_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = kept(&folder, "key", b"ssh-ed25519 AAAA operator");
    assert!(matches!(KeyFile::read(&path).unwrap().open(None), Err(IdentityError::NoPrivateKey)));
    assert!(matches!(KeyFile::read(&folder.path().join("none")), Err(IdentityError::Unreadable(_))));
}

#[tokio::test]
async fn a_passphrase_is_asked_for_once_for_all_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let ask: crate::site::secret::AskSecret = Box::new(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(SecretString::from(PASSPHRASE.to_owned()))
    });
    let secrets = Arc::new(Secrets::new(folder.path(), Some(ask)));
    let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let path = kept(&folder, "key", &key.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), PASSPHRASE.as_bytes()).unwrap());
    let keyring = Keyring::default();
    let (one, other) = tokio::join!(keyring.open(&path, None, &secrets), keyring.open(&path, None, &secrets));
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_a_terminal_an_encrypted_key_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let key = Rsa::generate(2048).unwrap();
    let path = kept(&folder, "key", &key.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), PASSPHRASE.as_bytes()).unwrap());
    let secrets = Arc::new(Secrets::new(folder.path(), None));
    let error = Keyring::default().open(&path, None, &secrets).await.unwrap_err();
    let expected = format!(
        "is encrypted, and its passphrase cannot be had: the passphrase of {}: there is no terminal to ask at, or --non-interactive forbids it",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}
