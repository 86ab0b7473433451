//! Who may release what: rules, properties, and the plain program's signatures.
#![expect(clippy::disallowed_methods, reason = "the peer is ssh-keygen itself")]

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

use super::*;
use crate::access::window::{Kind, Person, Span, Window, WindowId};
use crate::site::model::{AccessPolicy, Signatory};
use crate::sshsig::{SignatureError, Signer, SshSignature};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_348_800 + second).unwrap()
}

/// Keys of: 0 the requester, 1 to 3 approvers, 4 the person to be let in, 5 a stranger.
fn key(index: usize) -> &'static PrivateKey {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    &KEYS.get_or_init(|| (0..6).map(|_| PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()).collect())[index]
}

fn signer(index: usize) -> Signer {
    Signer::read(&key(index).to_openssh(LineEnding::LF).unwrap(), None, None).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn signatory(name: &str, index: usize) -> Signatory {
    Signatory { name: name.to_owned(), key: key(index).public_key().to_openssh().unwrap() }
}

fn policy(approvals: u8) -> AccessPolicy {
    AccessPolicy {
        approvals,
        requesters: vec![signatory("rita", 0), signatory("vera", 4)],
        approvers: vec![signatory("ada", 1), signatory("bob", 2), signatory("Ada ", 3)],
        ..AccessPolicy::default()
    }
}

fn request() -> WindowRequest {
    WindowRequest {
        site: "north".to_owned(),
        id: WindowId::new(at(0), 7),
        who: Person::parse("vera").unwrap(),
        key: key(4).public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string(),
        nodes: vec!["a0-2".to_owned(), "a0-1".to_owned()],
        span: Span::lasting(at(600), SignedDuration::from_hours(2), at(0)).unwrap(),
        length: SignedDuration::from_hours(2),
        kind: Kind::Maintenance,
        reason: "an update".to_owned(),
        ticket: Some("CHG1".to_owned()),
        requested_by: Person::parse("rita").unwrap(),
        at: at(0),
        nonce: "0123456789abcdef0123456789abcdef".to_owned(),
    }
}

fn signed_by(index: usize, request: WindowRequest) -> SignedRequest {
    block_on(request.sign(&signer(index))).unwrap()
}

fn approve(signed: &SignedRequest, index: usize) -> SshSignature {
    block_on(signed.approve(&signer(index))).unwrap()
}

fn judged(signed: &SignedRequest, approvers: &[usize], needed: u8) -> Release {
    let approvals: Vec<_> = approvers.iter().map(|index| approve(signed, *index)).collect();
    release(signed, &approvals, &policy(needed), "north", at(60)).unwrap()
}

#[test]
fn other_persons_release_a_request_and_each_counts_once() {
    let signed = signed_by(0, request());
    assert!(!judged(&signed, &[], 1).is_complete());
    let one = judged(&signed, &[1], 1);
    assert_eq!((one.is_complete(), one.by.as_slice(), one.until), (true, &["ada".to_owned()][..], at(600 + 7200)));
    assert!(judged(&signed, &[1, 2], 2).is_complete());
    for again in [1, 3] {
        let twice = judged(&signed, &[1, again], 2);
        assert!(!twice.is_complete(), "one person's second key is no second person");
        assert!(matches!(twice.refused[0].why, Objection::Twice { .. }), "{twice:?}");
    }
}

#[test]
fn nobody_approves_what_they_asked_for_or_what_lets_them_in() {
    let why = |signed: &SignedRequest, index| judged(signed, &[index], 1).refused.remove(0).why;
    // An approver who asks, by the same key and by another key of the same person.
    let own = signed_by(1, WindowRequest { requested_by: Person::parse("ada").unwrap(), ..request() });
    assert_eq!(why(&own, 1), Objection::OwnRequest { name: "ada".to_owned() });
    assert_eq!(why(&own, 3), Objection::OwnRequest { name: "Ada ".to_owned() });
    // By name, and by key under another name.
    let way_in = signed_by(0, WindowRequest { who: Person::parse("BOB").unwrap(), ..request() });
    assert_eq!(why(&way_in, 2), Objection::OwnWindow { name: "bob".to_owned() });
    let fingerprint = key(2).public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let way_in = signed_by(0, WindowRequest { key: fingerprint, ..request() });
    assert_eq!(why(&way_in, 2), Objection::OwnWindow { name: "bob".to_owned() });
    assert!(matches!(why(&signed_by(0, request()), 5), Objection::UnknownApprover { .. }));
    assert!(matches!(why(&signed_by(0, request()), 0), Objection::UnknownApprover { .. }), "a requester is no approver");
}

#[test]
fn a_request_in_anothers_name_or_by_a_stranger_is_not_looked_at_further() {
    let judge = |signed: &SignedRequest| release(signed, &[approve(signed, 1)], &policy(1), "north", at(60)).unwrap_err();
    assert!(matches!(judge(&signed_by(5, request())), Objection::UnknownRequester { .. }));
    // An approver who asks under a made-up name, to approve under the real one.
    assert!(matches!(judge(&signed_by(1, request())), Objection::RequestedByAnother { .. }));
    assert!(judge(&signed_by(4, request())).help().is_some());
}

#[test]
fn an_approval_ends_with_its_span_and_holds_for_its_site_alone() {
    let signed = signed_by(0, request());
    let judge = |site, now| release(&signed, &[approve(&signed, 1)], &policy(1), site, now);
    assert!(judge("north", at(7799)).unwrap().is_complete());
    assert_eq!(judge("north", at(7800)), Err(Objection::Past { end: at(7800) }));
    assert!(matches!(judge("south", at(60)), Err(Objection::OtherSite { .. })));
    assert!(judge("north", at(-30)).is_ok());
    assert!(matches!(judge("north", at(-31)), Err(Objection::Ahead { .. })));
}

#[test]
fn a_requesters_signature_is_no_approval() {
    let signed = signed_by(1, WindowRequest { requested_by: Person::parse("ada").unwrap(), ..request() });
    let outcome = release(&signed, &[signed.signature().clone()], &policy(1), "north", at(60)).unwrap();
    assert!(matches!(outcome.refused[0].why, Objection::Signature { source: SignatureError::Namespace { .. }, .. }));
}

#[test]
fn a_request_reads_back_from_its_file_and_from_the_programs_two() {
    let folder = tempfile::tempdir().unwrap();
    let signed = signed_by(0, request());
    assert_eq!(SignedRequest::parse(format!("{:#}\n", signed.value()).as_bytes()).unwrap(), signed);
    let (file, private, allowed) = (folder.path().join("w.request"), folder.path().join("key"), folder.path().join("allowed"));
    std::fs::write(&file, signed.message()).unwrap();
    let lines: Vec<_> = [("rita", 0), ("ada", 1)].iter().map(|(name, index)| format!("{name} {}\n", signatory(name, *index).key)).collect();
    std::fs::write(&allowed, lines.concat()).unwrap();
    let program_believes = |name: &str, namespace: &str, signature: &SshSignature| {
        let place = folder.path().join("sig");
        std::fs::write(&place, signature.encode().unwrap()).unwrap();
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-I", name, "-n", namespace, "-f"]).arg(&allowed).arg("-s").arg(&place);
        command.stdin(std::fs::File::open(&file).unwrap()).stdout(Stdio::null()).status().unwrap().success()
    };
    assert!(program_believes("rita", REQUEST_NAMESPACE, signed.signature()));
    assert!(program_believes("ada", APPROVAL_NAMESPACE, &approve(&signed, 1)));
    assert!(!program_believes("ada", REQUEST_NAMESPACE, &approve(&signed, 1)));
    // And the other way round: both signatures by the program.
    let by_program = |index: usize, namespace: &str| {
        crate::disk::write_atomically(
            &private,
            key(index).to_openssh(LineEnding::LF).unwrap().as_bytes(),
            0o600,
            crate::disk::Existing::Replace,
        )
        .unwrap();
        let place = folder.path().join("w.request.sig");
        drop(std::fs::remove_file(&place));
        let made = Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&private).arg(&file).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        SshSignature::parse(&std::fs::read(place).unwrap()).unwrap()
    };
    let theirs = SignedRequest::join(signed.message().as_bytes(), by_program(0, REQUEST_NAMESPACE)).unwrap();
    assert!(release(&theirs, &[by_program(1, APPROVAL_NAMESPACE)], &policy(1), "north", at(60)).unwrap().is_complete());
}

#[test]
fn what_is_opened_is_what_was_approved_or_less() {
    let asked = request();
    let window = || {
        let mut window = Window::new(asked.id.clone(), asked.who.clone(), asked.kind, asked.span);
        (window.reason, window.ticket) = (asked.reason.clone(), asked.ticket.clone());
        (window.key, window.nodes) = (asked.key.clone(), asked.nodes.clone());
        window
    };
    let with = |change: fn(&mut Window)| {
        let mut window = window();
        change(&mut window);
        window
    };
    let narrow = with(|window| {
        window.nodes = vec!["a0-1".into()];
        window.span = Span::between(at(700), at(800), at(0)).unwrap();
    });
    for covered in [&window(), &narrow] {
        assert_eq!(asked.must_cover(covered), Ok(()));
    }
    for (field, other) in [
        ("id", with(|window| window.id = WindowId::new(at(0), 8))),
        ("person", with(|window| window.who = Person::parse("bob").unwrap())),
        ("key", with(|window| window.key = "SHA256:x".into())),
        ("kind", with(|window| window.kind = Kind::Initial)),
        ("reason", with(|window| window.reason = "another".into())),
        ("ticket", with(|window| window.ticket = None)),
        ("span", with(|window| window.span = Span::between(at(600), at(7801), at(0)).unwrap())),
        ("nodes", with(|window| window.nodes.push("a0-3".into()))),
    ] {
        assert_eq!(asked.must_cover(&other), Err(Difference { field }));
    }
}

#[test]
fn a_windows_length_counts_from_its_start_whenever_it_was_asked_for_or_approved() {
    let frame = Span::between(at(0), at(10_000), at(0)).unwrap();
    let asked = WindowRequest { span: frame, length: SignedDuration::from_secs(3600), ..request() };
    let open = |now| asked.span_at(at(now)).map(|span| (span.start().duration_since(at(0)).as_secs(), span.length().as_secs()));
    assert_eq!(open(-50), Ok((0, 3600)));
    assert_eq!(open(5000), Ok((5000, 3600)));
    assert_eq!(open(8000), Ok((8000, 2000)), "no approval reaches beyond its span");
    assert!(open(10_000).is_err());
    let mut window = Window::new(asked.id.clone(), asked.who.clone(), asked.kind, asked.span_at(at(5000)).unwrap());
    (window.reason, window.ticket, window.key) = (asked.reason.clone(), asked.ticket.clone(), asked.key.clone());
    assert_eq!(asked.must_cover(&window), Ok(()));
    window.span = Span::between(at(5000), at(8601), at(0)).unwrap();
    assert_eq!(asked.must_cover(&window), Err(Difference { field: "span" }), "longer than was approved");
}

/// The request with one of its fields changed.
fn changed(field: usize, by: u32, text: &str) -> WindowRequest {
    let asked = request();
    let seconds = i64::from(by) + 1;
    let other = format!("x{text}");
    match field {
        0 => WindowRequest { site: other, ..asked },
        1 => WindowRequest { id: WindowId::new(at(0), 8 + by % 1000), ..asked },
        2 => WindowRequest { who: Person::parse(&format!("x{by}")).unwrap(), ..asked },
        3 => WindowRequest { key: format!("SHA256:{text}"), ..asked },
        4 => WindowRequest { nodes: vec![other], ..asked },
        5 => WindowRequest { span: Span::recorded(asked.span.start(), at(7800 + seconds)).unwrap(), ..asked },
        6 => WindowRequest { span: Span::recorded(at(600 - seconds), asked.span.end()).unwrap(), ..asked },
        7 => WindowRequest { kind: Kind::Standing, ..asked },
        8 => WindowRequest { reason: other, ..asked },
        9 => WindowRequest { ticket: Some(other), ..asked },
        10 => WindowRequest { ticket: None, ..asked },
        11 => WindowRequest { requested_by: Person::parse(&format!("x{by}")).unwrap(), ..asked },
        12 => WindowRequest { at: at(-seconds), ..asked },
        13 => WindowRequest { length: SignedDuration::from_secs(seconds % 7199 + 1), ..asked },
        _ => WindowRequest { nonce: format!("{by:032x}"), ..asked },
    }
}

fn signed_and_approved() -> &'static (SignedRequest, SshSignature) {
    static BOTH: OnceLock<(SignedRequest, SshSignature)> = OnceLock::new();
    BOTH.get_or_init(|| {
        let signed = signed_by(0, request());
        let approval = approve(&signed, 1);
        (signed, approval)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_field_invalidates_the_request_and_its_approval(field in 0usize..15, by in any::<u32>(), text in ".{0,12}") {
        let (signed, approval) = signed_and_approved();
        let other = changed(field, by, &text).message().unwrap();
        prop_assert_ne!(&other, signed.message());
        prop_assert_eq!(approval.verify(APPROVAL_NAMESPACE, other.as_bytes()), Err(SignatureError::Wrong));
        let outcome = SignedRequest::join(other.as_bytes(), signed.signature().clone());
        let is_refused = matches!(outcome, Err(RequestError::Signature { .. }));
        prop_assert!(is_refused);
    }

    #[test]
    fn a_request_reads_back_as_it_was(field in 0usize..15, by in any::<u32>(), text in "[a-zA-Z0-9+/=]{0,12}") {
        let asked = changed(field, by, &text);
        let back = WindowRequest::parse(asked.message().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(back.message().unwrap(), asked.message().unwrap());
    }

    #[test]
    fn a_requests_file_with_a_flipped_bit_is_refused_or_says_the_same(place in any::<proptest::sample::Index>(), bit in 0u8..8) {
        let (signed, _) = signed_and_approved();
        let mut file = format!("{:#}\n", signed.value()).into_bytes();
        let place = place.index(file.len());
        file[place] ^= 1 << bit;
        if let Ok(other) = SignedRequest::parse(&file) {
            prop_assert_eq!(&other, signed);
        }
    }

    #[test]
    fn a_text_with_a_changed_byte_is_no_request_that_was_signed(place in 0usize..400, byte in any::<u8>()) {
        let (signed, approval) = signed_and_approved();
        let mut bytes = signed.message().as_bytes().to_vec();
        let place = place % bytes.len();
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        prop_assert!(SignedRequest::join(&bytes, signed.signature().clone()).is_err());
        prop_assert!(approval.verify(APPROVAL_NAMESPACE, &bytes).is_err());
    }
}
