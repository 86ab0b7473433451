use proptest::prelude::*;

use super::*;
use crate::access::Keeper;

/// The scripts with every folder they use moved below `root`, and no systemd.
fn moved(root: &str, call: &str) -> String {
    format!(
        "pcw_home={root}/windows pcw_ssh={root}/ssh pcw_units={root}/units pcw_booted={root}/none pcw_volatile={root}\n{}",
        [TO_LOOK.as_str(), &TO_OPEN, &TO_SHUT, call].concat()
    )
}

#[expect(clippy::disallowed_methods, reason = "the scripts are run by the shells they are made for")]
fn run(shell: &[&str], text: &str) -> Vec<Answer> {
    let output = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(text).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().filter_map(parse_answer).collect()
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

#[test]
fn principals_of_other_windows_stay_as_they_are() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let file = format!("{root}/ssh/principals/admin");
        let put = |id: &str| format!("pcw_locked pcw_put_principals {file} {id} 'restrict,pty {id}'\n");
        let text = ["w-20261122-000001", "w-20261122-000002", "w-20261122-000001"].map(put).concat();
        run(shell, &moved(root, &text));
        let read = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(read(), "restrict,pty w-20261122-000002\nrestrict,pty w-20261122-000001\n");
        run(shell, &moved(root, "pcw_locked pcw_take_away w-20261122-000002"));
        assert_eq!(read(), "restrict,pty w-20261122-000001\n");
        run(shell, &moved(root, "pcw_locked pcw_take_away w-20261122-000001"));
        assert!(!std::path::Path::new(&file).exists());
    }
}

/// As sshd reads them: who is root may have written more than we did.
#[test]
fn a_principal_in_whatever_form_is_the_windows_and_a_longer_name_is_not() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let id = "w-20261122-000001";
        let ours = [id.to_owned(), format!("restrict {id}"), format!("restrict\t{id}.jump"), format!("{id} # mine"), format!("  {id}\t ")];
        let others = ["", "# w-20261122-000001", "w-20261122-0000011", "xw-20261122-000001", "restrict w-20261122-000002"];
        std::fs::create_dir_all(folder.path().join("ssh/principals")).unwrap();
        let text = ours.iter().map(String::as_str).chain(others).collect::<Vec<_>>().join("\n") + "\n";
        let file = folder.path().join("ssh/principals/admin");
        crate::disk::write_atomically(&file, text.as_bytes(), 0o644, crate::disk::Existing::Keep).unwrap();
        run(shell, &moved(root, &format!("pcw_locked pcw_take_away {id}")));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), others.join("\n") + "\n", "{shell:?}");
    }
}

#[test]
fn a_look_tells_windows_principals_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let call = "mkdir -p \"$pcw_home/w-20261122-000001\"; echo end=1795348800 >\"$pcw_home/w-20261122-000001/window\"
        pcw_locked pcw_put_principals \"$pcw_ssh/principals/admin\" w-20261122-000001 'restrict,pty w-20261122-000001'; pcw_look root";
    for shell in SHELLS {
        let look = Look::of(&run(shell, &moved(root, call))).unwrap();
        assert_eq!(look.windows, [("w-20261122-000001".to_owned(), Timestamp::from_second(1_795_348_800).ok())]);
        assert_eq!(look.principals, [("admin".to_owned(), "restrict,pty w-20261122-000001".to_owned())]);
        assert_eq!(look.files[&format!("{root}/ssh/krl")], None);
        assert!(look.clock > Timestamp::from_second(1_700_000_000).unwrap());
    }
}

/// The journal as `journalctl -o export` tells it: a record's fields, each a line, and an empty line.
fn record(pid: u32, message: &str, session: &str) -> String {
    let session = if session.is_empty() { String::new() } else { format!("_SYSTEMD_SESSION={session}\n") };
    format!("_PID={pid}\nMESSAGE={message}\n{session}\n")
}

fn login(pid: u32, id: &str, port: u32) -> String {
    let user = format!("Accepted publickey for admin from 10.0.0.2 port {port} ssh2: ED25519-CERT SHA256:x");
    record(pid, &format!("{user} ID {id} (serial 1) CA ED25519 SHA256:y"), "")
}

#[test]
fn the_windows_connections_are_found_in_the_journal_with_their_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = ("w-20261122-000001", "w-20261122-000002");
    let journal = [
        login(11, ours, 1),
        record(11, "pam_unix(sshd:session): session closed for user admin", "c7"),
        login(12, other, 2),
        login(13, ours, 3),
        // The number is another login's now: what the first left is still the window's, the process is not.
        login(13, other, 4),
        login(14, "w-20261122-0000011", 5),
        login(16, ours, 7),
        // What sshd wrote does not always tell the session; logind does.
        "_PID=9\nMESSAGE=New session 42 of user admin.\nLEADER=16\nSESSION_ID=42\n\n".to_owned(),
        record(15, "Accepted password for admin from 10.0.0.3 port 6 ssh2", ""),
    ];
    let call = format!(
        "pcw_has_systemd() {{ true; }}\njournalctl() {{ cat <<'END'\n{}END\n}}\npcw_connections {ours} | while read -r line; do pcw_say $line; done",
        journal.concat()
    );
    for shell in SHELLS {
        let found: Vec<String> = run(shell, &moved(folder.path().to_str().unwrap(), &call.replace("pcw_say $line", "pcw_say \"$line\"")))
            .into_iter()
            .map(|answer| answer.word)
            .collect();
        assert_eq!(found, ["evidence", "11 10.0.0.2 1 c7", "0 10.0.0.2 3 -", "16 10.0.0.2 7 42"]);
    }
}

#[test]
fn what_a_connection_left_behind_is_found_by_its_environment_and_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::process::id();
    // Nobody's child any more: its parent has ended.
    let call = format!(
        "SSH_CLIENT='10.9.9.9 {port} 22' setsid sh -c 'env -u SSH_CLIENT sleep 600 & sleep 601' </dev/null >/dev/null 2>&1 &
         pcw_connections() {{ echo \"4194305 10.9.9.9 {port} -\"; }}
         until [ \"$(pcw_alive x | wc -w)\" -ge 3 ]; do sleep 0.1; done
         pcw_say before \"$(pcw_alive x | wc -w)\"; pcw_end_sessions x; pcw_say ended \"$pcw_ended\"
         until [ -z \"$(pcw_alive x)\" ]; do sleep 0.1; done; pcw_end_sessions x; pcw_say again \"$pcw_ended\""
    );
    for shell in SHELLS {
        let answers = run(shell, &moved(folder.path().to_str().unwrap(), &call));
        let told: Vec<(&str, &str)> = answers.iter().map(|answer| (answer.word.as_str(), answer.subject.trim())).collect();
        assert_eq!(told, [("before", "3"), ("ended", "1"), ("again", "0")]);
    }
}

#[test]
fn of_what_sshd_logged_only_the_windows_part_is_told_from_journal_and_from_syslog() {
    let (ours, other) = ("w-20261122-000001", "w-20261122-000002");
    let accepted =
        |id: &str| format!("Accepted publickey for admin from 10.0.0.2 port 1 ssh2: ED25519-CERT SHA256:x ID {id} (serial 1) CA");
    let said = [
        (11, accepted(ours)),
        (12, accepted(other)),
        (11, "pam_unix(sshd:session): session closed for user admin".to_owned()),
        (12, "pam_unix(sshd:session): session closed for user admin".to_owned()),
        (13, "error: Certificate invalid: expired".to_owned()),
        (13, "Connection closed by authenticating user root 10.0.0.2 port 2 [preauth]".to_owned()),
        (14, "Connection closed by authenticating user eve 10.0.0.2 port 2 [preauth]".to_owned()),
    ];
    let in_journal = said
        .iter()
        .map(|(pid, text)| format!("{{\"__REALTIME_TIMESTAMP\":\"1795348800000000\",\"_PID\":\"{pid}\",\"MESSAGE\":\"{text}\"}}\n"));
    let in_file = said.iter().map(|(pid, text)| format!("2026-11-22T12:00:00Z a0-1 sshd[{pid}]: {text}\n"));
    for (keeper, has_systemd, log) in
        [(Keeper::Journal, "true", in_journal.collect::<String>()), (Keeper::File, "false", in_file.collect::<String>())]
    {
        let call = format!(
            "pcw_has_systemd() {{ {has_systemd}; }}\njournalctl() {{ cat <<'END'\n{log}END\n}}\npcw_evidence_file() {{ journalctl; }}\npcw_has_log_file() {{ true; }}
             pcw_evidence {ours} 1795348000"
        );
        let folder = tempfile::tempdir().unwrap();
        for shell in SHELLS {
            let answers = run(shell, &moved(folder.path().to_str().unwrap(), &call));
            assert_eq!(answers.iter().filter(|answer| answer.word == "sshd").count(), 4, "{answers:?}");
            let span = Span::recorded(Timestamp::UNIX_EPOCH, Timestamp::MAX).unwrap();
            let person = crate::access::Person::parse("ada").unwrap();
            let window = Window::new(WindowId::parse(ours).unwrap(), person, crate::access::Kind::Initial, span);
            let Shut { evidence, .. } = Shut::of(&answers, &window);
            assert_eq!((evidence.kept_by, evidence.logins.len(), evidence.refused.len()), (keeper, 1, 1));
            assert_eq!(evidence.refused[0].account.as_deref(), Some("root"));
        }
    }
}

#[test]
fn a_list_of_revoked_certificates_that_is_torn_is_not_put_in_place() {
    use crate::access::authority::tests::{authority, certificate_for};
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let authority = authority();
    let [gone, kept] = ["w-20261122-000001", "w-20261122-000002"].map(|text| WindowId::parse(text).unwrap());
    let krl = crate::access::revocation::encode_krl(authority.public(), &[&gone], 1, Timestamp::UNIX_EPOCH);
    let [gone, kept] = [gone, kept].map(|id| certificate_for(&authority, &id));
    let put = |krl: &[u8]| {
        let call = format!("mkdir -p \"$pcw_ssh\"; pcw_krl {} {} {} 1", quote(&STANDARD.encode(krl)), quote(&gone), quote(&kept));
        run(&["dash"], &moved(root, &call))
    };
    let file = folder.path().join("ssh/krl");
    assert_eq!(put(&krl)[0].word, "krl");
    assert_eq!(std::fs::read(&file).unwrap(), krl);
    for length in (0..krl.len()).step_by(7).chain([44, krl.len() - 1]) {
        assert_eq!(put(&krl[..length])[0].word, "failed", "cut to {length} bytes");
        assert_eq!(std::fs::read(&file).unwrap(), krl);
    }
}

#[test]
fn of_two_closings_at_once_the_list_that_revokes_more_stays() {
    use crate::access::authority::tests::{authority, certificate_for};
    let authority = authority();
    let ids = ["w-20261122-000001", "w-20261122-000002", "w-20261122-000003"].map(|text| WindowId::parse(text).unwrap());
    let [first, second, kept] = [&ids[0], &ids[1], &ids[2]];
    let list = |ids: &[&WindowId], version| {
        (crate::access::revocation::encode_krl(authority.public(), ids, version, Timestamp::UNIX_EPOCH), version)
    };
    let of = |id: &WindowId| certificate_for(&authority, id);
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let put = |(krl, version): &(Vec<u8>, u64), revoked: &str| {
            let (list, revoked, kept) = (STANDARD.encode(krl), quote(revoked), quote(&of(kept)));
            let call = format!("mkdir -p \"$pcw_ssh\"; pcw_krl {} {revoked} {kept} {version}", quote(&list));
            run(shell, &moved(folder.path().to_str().unwrap(), &call))[0].word.clone()
        };
        let read = || std::fs::read(folder.path().join("ssh/krl")).unwrap();
        let (early, late) = (list(&[first], 0x1ff), list(&[first, second], 0x200));
        assert_eq!((put(&late, &of(second)), put(&early, &of(first))), ("krl".to_owned(), "krl".to_owned()));
        assert_eq!(read(), late.0, "the earlier list came later");
        // A list from elsewhere that is newer and lacks what has to be revoked does not stand in the way.
        let other = list(&[kept], 0x100);
        assert_eq!((put(&other, ""), read() == other.0), ("failed".to_owned(), false));
        let lacking = list(&[second], 0x300);
        assert_eq!((put(&lacking, &of(second)), put(&late, &of(first))), ("krl".to_owned(), "krl".to_owned()));
        assert_eq!(read(), late.0);
    }
}

/// Three hundred seconds are left by the wall clock, which was set back by as much; by the time that has passed the end was ten ago.
#[test]
fn a_clock_that_was_set_back_wins_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let call = "mkdir -p \"$pcw_home/w\"; now=$(pcw_now); up=$(pcw_uptime); read -r boot </proc/sys/kernel/random/boot_id
        record() { printf 'end=%s\\narmed=%s\\nuptime=%s\\nboot=%s\\n' \"$@\" >\"$pcw_home/w/window\"; pcw_left w; pcw_say left \"$pcw_left\"; }
        record $((now + 300)) $((now + 290)) $((up - 20)) \"$boot\"
        record $((now + 300)) $((now - 100)) $((up - 100)) \"$boot\"
        record $((now + 300)) $((now + 290)) $((up - 20)) another";
    for shell in SHELLS {
        let left: Vec<i64> = run(shell, &moved(root, call)).iter().map(|answer| answer.subject.parse().unwrap()).collect();
        let is_near = |at: usize, seconds: i64| (left[at] - seconds).abs() <= 3;
        assert!(left.len() == 3 && is_near(0, -10) && is_near(1, 300) && is_near(2, 300), "{shell:?}: {left:?}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_no_look() {
    assert_eq!(Look::of(&[Answer { word: "clock".to_owned(), subject: "1".to_owned(), detail: String::new() }]), None);
}

proptest! {
    #[test]
    fn garbage_is_no_look_and_no_panic(lines in prop::collection::vec("\\PC{0,40}", 0..10)) {
        let answers: Vec<Answer> = lines.iter().filter_map(|line| parse_answer(line)).collect();
        drop(Look::of(&answers));
    }
}
