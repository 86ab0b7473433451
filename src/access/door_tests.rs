use proptest::prelude::*;

use super::*;

/// The scripts with every folder they use moved below `root`, and no systemd.
fn moved(root: &str, call: &str) -> String {
    format!(
        "pcw_home={root}/windows pcw_ssh={root}/ssh pcw_units={root}/units pcw_booted={root}/none pcw_volatile={root}\n{}",
        script(call)
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

#[test]
fn of_the_connections_in_a_log_those_of_the_window_are_found_that_still_live() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let line = |pid: &str, id: &str, port: u32| {
        format!(
            "_PID={pid}\nMESSAGE=Accepted publickey for admin from 10.0.0.2 port {port} ssh2: ED25519-CERT SHA256:x ID {id} (serial 1) CA ED25519 SHA256:y\n\n"
        )
    };
    // The shell itself stands for sshd: its number lives. 4194305 is beyond what Linux gives.
    let ours = "w-20261122-000001";
    let journal = [
        line("4194305", ours, 1),
        line("$$", "w-20261122-000002", 2),
        line("$$", ours, 3),
        line("1", ours, 4),
        line("1", "w-20261122-000011", 5),
    ]
    .concat();
    for shell in SHELLS {
        let call = format!(
            "pcw_has_systemd() {{ true; }}\njournalctl() {{ cat <<END\n{journal}END\n}}\ncat() {{ case $1 in /proc/*/comm) [ -e \"$1\" ] && echo sshd ;; *) command cat \"$@\" ;; esac; }}\npcw_connections {ours}"
        );
        let output = {
            #[expect(clippy::disallowed_methods, reason = "the scripts are run by the shells they are made for")]
            std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(moved(root, &call)).output().unwrap()
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let ports: Vec<&str> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(ports, ["3"], "{text}");
    }
}

#[test]
fn a_list_of_revoked_certificates_that_is_torn_is_not_put_in_place() {
    use super::super::authority::tests::{authority, certificate_for};
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let authority = authority();
    let [gone, kept] = ["w-20261122-000001", "w-20261122-000002"].map(|text| WindowId::parse(text).unwrap());
    let krl = super::super::revocation::encode_krl(authority.public(), &[&gone], 1, Timestamp::UNIX_EPOCH);
    let [gone, kept] = [gone, kept].map(|id| certificate_for(&authority, &id));
    let put = |krl: &[u8]| {
        let call = format!("mkdir -p \"$pcw_ssh\"; pcw_krl {} {} {}", quote(&STANDARD.encode(krl)), quote(&gone), quote(&kept));
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
