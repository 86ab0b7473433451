//! The list of revoked certificates (KRL) that sshd reads at each login. OpenSSH, PROTOCOL.krl.
//!
//! Windows are revoked by key id, so that every certificate of one goes with it.

use jiff::Timestamp;
use russh::keys::PublicKey;

use super::window::WindowId;

const MAGIC: u64 = 0x5353_484b_524c_0a00;
const FORMAT: u32 = 1;
const SECTION_CERTIFICATES: u8 = 1;
const CERTIFICATES_BY_KEY_ID: u8 = 0x23;

/// The list that revokes every certificate of `windows` that `authority` signed; `version` grows with each list.
pub fn encode_krl(authority: &PublicKey, windows: &[&WindowId], version: u64, made: Timestamp) -> Vec<u8> {
    let mut krl = Vec::new();
    krl.extend(MAGIC.to_be_bytes());
    krl.extend(FORMAT.to_be_bytes());
    krl.extend(version.to_be_bytes());
    krl.extend(u64::try_from(made.as_second()).unwrap_or_default().to_be_bytes());
    krl.extend(0_u64.to_be_bytes());
    put(&mut krl, b"");
    put(&mut krl, b"portcullis");
    let mut ids: Vec<&str> = windows.iter().map(|id| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if !ids.is_empty() {
        let mut names = Vec::new();
        for id in ids {
            put(&mut names, id.as_bytes());
        }
        let mut section = Vec::new();
        put(&mut section, &authority.to_bytes().unwrap_or_default());
        put(&mut section, b"");
        section.push(CERTIFICATES_BY_KEY_ID);
        put(&mut section, &names);
        krl.push(SECTION_CERTIFICATES);
        put(&mut krl, &section);
    }
    krl
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::super::authority::tests::{authority, certificate_for};
    use super::*;
    use crate::disk::{Existing, write_atomically};

    /// What `ssh-keygen -Q` says of a certificate: `Some(true)` where it is revoked, `None` where the list is unreadable.
    #[expect(clippy::disallowed_methods, reason = "ssh-keygen itself is the judge")]
    fn is_revoked(krl: &[u8], certificate: &str) -> Option<bool> {
        let folder = tempfile::tempdir().unwrap();
        let (list, key) = (folder.path().join("krl"), folder.path().join("key-cert.pub"));
        write_atomically(&list, krl, 0o644, Existing::Keep).unwrap();
        write_atomically(&key, certificate.as_bytes(), 0o644, Existing::Keep).unwrap();
        let output = std::process::Command::new("ssh-keygen").arg("-Q").arg("-f").arg(&list).arg(&key).output().unwrap();
        match output.status.code() {
            Some(0) => Some(false),
            Some(1) if String::from_utf8_lossy(&output.stdout).contains("REVOKED") => Some(true),
            _ => None,
        }
    }

    #[test]
    fn a_revoked_windows_certificate_does_not_pass_and_another_does() {
        let authority = authority();
        let [gone, also, kept] = ["w-20261122-000001", "w-20261122-000002", "w-20261122-000003"].map(|text| WindowId::parse(text).unwrap());
        let now = Timestamp::from_second(1_795_348_800).unwrap();
        let krl = encode_krl(authority.public(), &[&gone, &also], 7, now);
        assert_eq!(is_revoked(&krl, &certificate_for(&authority, &gone)), Some(true));
        assert_eq!(is_revoked(&krl, &certificate_for(&authority, &also)), Some(true));
        assert_eq!(is_revoked(&krl, &certificate_for(&authority, &kept)), Some(false));
        let empty = encode_krl(authority.public(), &[], 8, now);
        assert_eq!(is_revoked(&empty, &certificate_for(&authority, &gone)), Some(false));
    }

    #[test]
    fn a_list_cut_short_anywhere_is_caught_by_one_question_that_must_pass_and_one_that_must_not() {
        let authority = authority();
        let [gone, kept] = ["w-20261122-000001", "w-20261122-000002"].map(|text| WindowId::parse(text).unwrap());
        let krl = encode_krl(authority.public(), &[&gone], 7, Timestamp::from_second(1_795_348_800).unwrap());
        let [gone, kept] = [gone, kept].map(|id| certificate_for(&authority, &id));
        let passes = |krl: &[u8]| is_revoked(krl, &gone) == Some(true) && is_revoked(krl, &kept) == Some(false);
        assert!(passes(&krl));
        let whole_though_cut: Vec<usize> = (0..krl.len()).filter(|length| passes(&krl[..*length])).collect();
        assert!(whole_though_cut.is_empty(), "{whole_though_cut:?}");
    }
}
