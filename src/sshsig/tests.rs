//! Against the program whose format this is, both ways.
#![expect(clippy::disallowed_methods, reason = "the peer is ssh-keygen itself")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;

const PURPOSE: &str = "test@portcullis";

fn make_key(folder: &Path, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-N", passphrase, "-C", "somebody", "-t"]).args(kind).arg("-f").arg(&path).status();
    assert!(made.unwrap().success(), "{kind:?}");
    path
}

fn run_with_input(command: &mut Command, input: &[u8]) -> std::process::Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    child.wait_with_output().unwrap()
}

fn signed_by_program(key: &Path, namespace: &str, message: &[u8]) -> Vec<u8> {
    let output = run_with_input(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key), message);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn program_believes(folder: &Path, key: &PublicKey, signature: &SshSignature, message: &[u8]) -> bool {
    let (allowed, file) = (folder.join("allowed"), folder.join("sig"));
    std::fs::write(&allowed, format!("ada {}\n", key.to_openssh().unwrap())).unwrap();
    std::fs::write(&file, signature.encode().unwrap()).unwrap();
    let mut command = Command::new("ssh-keygen");
    let output =
        run_with_input(command.args(["-Y", "verify", "-I", "ada", "-n", PURPOSE, "-f"]).arg(&allowed).arg("-s").arg(&file), message);
    output.status.success()
}

fn signer(path: &Path, passphrase: Option<&str>) -> Result<Signer, SignerError> {
    let passphrase = passphrase.map(|text| text.to_owned().into());
    Signer::read(&std::fs::read_to_string(path).unwrap(), passphrase.as_ref(), None)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

const KINDS: [&[&str]; 4] = [&["ed25519"], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "384"], &["rsa", "-b", "2048"]];

#[test]
fn what_the_program_signs_is_believed_here_and_what_is_signed_here_there() {
    let folder = tempfile::tempdir().unwrap();
    for (index, kind) in KINDS.into_iter().enumerate() {
        let path = make_key(folder.path(), &format!("key{index}"), kind, "");
        let theirs = SshSignature::parse(&signed_by_program(&path, PURPOSE, b"a text\n")).unwrap();
        assert_eq!(theirs.verify(PURPOSE, b"a text\n"), Ok(()), "{kind:?}");
        assert_eq!(theirs.verify(PURPOSE, b"a text"), Err(SignatureError::Wrong));
        assert_eq!(theirs.verify("other@portcullis", b"a text\n"), Err(SignatureError::Namespace { wanted: "other@portcullis" }));
        let signer = signer(&path, None).unwrap();
        assert!(theirs.is_by(signer.public()));
        let ours = block_on(signer.sign(PURPOSE, b"a text\n")).unwrap();
        assert_eq!(SshSignature::parse(ours.encode().unwrap().as_bytes()).unwrap(), ours);
        assert_eq!(SshSignature::parse_bytes(&theirs.encode_bytes().unwrap()).unwrap(), theirs);
        assert!(program_believes(folder.path(), signer.public(), &ours, b"a text\n"), "{kind:?}");
        assert!(!program_believes(folder.path(), signer.public(), &ours, b"another\n"), "{kind:?}");
    }
}

#[test]
fn a_locked_key_says_so_and_opens_with_its_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = make_key(folder.path(), "key", &["ed25519"], "open sesame");
    assert!(matches!(signer(&path, None), Err(SignerError::Locked)));
    assert!(matches!(signer(&path, Some("close sesame")), Err(SignerError::WrongPassphrase)));
    let signer = signer(&path, Some("open sesame")).unwrap();
    assert!(block_on(signer.sign(PURPOSE, b"x")).unwrap().verify(PURPOSE, b"x").is_ok());
    assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.public().fingerprint(HashAlg::Sha256)));
}

struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // Whichever way the test ends, its agent goes.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn an_agent_signs_for_the_public_half_and_refuses_a_key_it_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let mut agent = Agent(Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap());
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert_eq!(agent.0.try_wait().unwrap(), None, "the agent ended before it listened");
        std::thread::yield_now();
    }
    for (index, kind) in KINDS.into_iter().enumerate() {
        let path = make_key(folder.path(), &format!("key{index}"), kind, "");
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        let signer = Signer::read(&public, None, Some(socket.clone())).unwrap();
        assert!(matches!(block_on(signer.sign(PURPOSE, b"x")), Err(SignerError::Refused { .. })));
        let added = Command::new("ssh-add").arg("-q").arg(&path).env("SSH_AUTH_SOCK", &socket).status().unwrap();
        assert!(added.success());
        let ours = block_on(signer.sign(PURPOSE, b"x")).unwrap();
        assert_eq!(ours.verify(PURPOSE, b"x"), Ok(()), "{kind:?}");
        assert!(program_believes(folder.path(), signer.public(), &ours, b"x"), "{kind:?}");
        assert!(matches!(Signer::read(&public, None, None), Err(SignerError::NoAgent)));
    }
}

#[test]
fn no_flipped_bit_of_a_signature_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = make_key(folder.path(), "key", &["ed25519"], "");
    let (signer, text) = (signer(&path, None).unwrap(), signed_by_program(&path, PURPOSE, b"x"));
    for bit in 0..text.len() * 8 {
        let mut flipped = text.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let believed = SshSignature::parse(&flipped).is_ok_and(|found| found.is_by(signer.public()) && found.verify(PURPOSE, b"x").is_ok());
        // White space at its ends, and the padding of its last line, are no part of what was signed.
        let same = SshSignature::parse(&flipped).is_ok_and(|found| found.encode().unwrap().as_bytes() == text.as_slice());
        assert!(!believed || same, "bit {bit}");
    }
}

#[test]
fn what_is_no_signature_is_refused() {
    for text in [&b""[..], b"x", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"] {
        assert_eq!(SshSignature::parse(text), Err(SignatureError::Unreadable));
    }
    assert_eq!(SshSignature::parse(&vec![b'-'; 1 << 20]), Err(SignatureError::Unreadable));
    assert!(parse_public_key("command=\"id\" ssh-ed25519 AAAA").is_none());
}
