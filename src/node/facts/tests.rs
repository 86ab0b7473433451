//! What probes bring back, by the shells that they are made for, and what no probe of ours says.

use super::*;
use crate::node::inquiry::{Depth, Survey};
use proptest::prelude::*;

#[expect(clippy::disallowed_methods, reason = "the probe's text is run by the shells it is made for")]
fn probed_by(inquiry: &Inquiry, shell: &[&str], text: &str) -> Facts {
    let output = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(text).output().unwrap();
    Facts::parse(&output.stdout, inquiry).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn probed(inquiry: &Inquiry, shell: &[&str]) -> Facts {
    probed_by(inquiry, shell, &inquiry.script())
}

#[test]
fn a_probe_tells_files_links_folders_and_nothing_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    crate::disk::write_atomically(at("a file's").as_ref(), b"hello\n", 0o640, crate::disk::Existing::Keep).unwrap();
    std::os::unix::fs::symlink("a", at("link")).unwrap();
    let odd = ["empty", "a\\b $(x) *", "binary"].map(at);
    for (path, content) in odd.iter().zip([&b""[..], b"odd\n", &[0, 255, 10, 0].repeat(100)]) {
        crate::disk::write_atomically(path.as_ref(), content, 0o600, crate::disk::Existing::Keep).unwrap();
    }
    let mut inquiry = Inquiry::machine();
    std::os::unix::fs::symlink(folder.path(), at("elsewhere")).unwrap();
    for name in ["a file's", "link", "none", "elsewhere/a file's", "elsewhere/sub/none"] {
        inquiry.file(&at(name), Depth::Content);
    }
    for path in &odd {
        inquiry.file(path, Depth::Content);
    }
    inquiry.file(folder.path().to_str().unwrap(), Depth::Hash);
    inquiry.guard("exit 7");
    for shell in [&["dash"][..], &["busybox", "sh"], &["bash"]] {
        let facts = probed(&inquiry, shell);
        let FileFact::File { mode, size, sha256, content, .. } = facts.file(&at("a file's")) else { panic!("{facts:?}") };
        assert_eq!((mode.as_str(), size, content.as_deref()), ("640", 6, Some(&b"hello\n"[..])));
        assert_eq!(sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        let content = |path: &str| if let FileFact::File { content, .. } = facts.file(path) { content } else { None };
        assert_eq!(odd.clone().map(|path| content(&path)), [Some(vec![]), Some(b"odd\n".to_vec()), Some([0, 255, 10, 0].repeat(100))]);
        assert_eq!(facts.file(&at("link")), FileFact::Link);
        assert_eq!(facts.file(&at("none")), FileFact::Absent);
        for (name, is_there) in [("elsewhere/a file's", true), ("elsewhere/sub/none", false)] {
            assert_eq!(facts.file(&at(name)), FileFact::BehindLink { link: at("elsewhere"), is_there });
        }
        assert_eq!(facts.file(folder.path().to_str().unwrap()), FileFact::Other("folder".to_owned()));
        assert_eq!(facts.guards["exit 7"], 7);
        assert!(facts.clock().unwrap() > 1_700_000_000);
        assert!(!facts.disks.is_empty());
    }
}

#[test]
fn services_are_told_apart_in_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let said = "ActiveState=active\\nUnitFileState=enabled\\n\\nActiveState=inactive\\nUnitFileState=\\n\\nActiveState=failed\\n";
    let systemctl =
        format!("#!/bin/sh\n[ \"$*\" = 'show --property=ActiveState --property=UnitFileState -- a none c' ] && printf '{said}'\n");
    crate::disk::write_atomically(&folder.path().join("systemctl"), systemctl.as_bytes(), 0o755, crate::disk::Existing::Keep).unwrap();
    let mut inquiry = Inquiry::machine();
    for name in ["a", "none", "c"] {
        inquiry.service(name);
    }
    for shell in [&["dash"][..], &["busybox", "sh"], &["bash"]] {
        let script = format!("PATH={}:$PATH\n{}", folder.path().display(), inquiry.script());
        #[expect(clippy::disallowed_methods, reason = "the probe's text is run by the shells it is made for")]
        let output = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script).output().unwrap();
        let facts = Facts::parse(&output.stdout, &inquiry).unwrap();
        let told = |name: &str| (facts.services[name].active.as_str(), facts.services[name].enabled.as_str());
        assert_eq!((told("a"), told("none"), told("c")), (("active", "enabled"), ("inactive", ""), ("failed", "")));
    }
}

#[test]
fn a_longer_look_sees_names_mounts_and_drives_in_every_shell() {
    let mut inquiry = Inquiry::machine();
    inquiry.survey(Survey { names: vec!["localhost".to_owned(), "nowhere.invalid".to_owned()], peers: vec!["127.0.0.1".to_owned()] });
    for shell in [&["dash"][..], &["busybox", "sh"], &["bash"]] {
        let facts = probed(&inquiry, shell);
        assert!(facts.seen("mount").any(|mount| mount.starts_with("/ ")), "{shell:?}: {facts:?}");
        assert!(facts.seen("name").any(|name| name.starts_with("localhost ")), "{shell:?}: {facts:?}");
        assert!(facts.seen("name").any(|name| name == "nowhere.invalid"), "{shell:?}: {facts:?}");
        assert_eq!(facts.seen("ping").count(), 1, "{shell:?}");
        assert!(facts.seen("entropy").all(|bits| bits.parse::<u32>().is_ok()) && facts.seen("swap").count() == 1, "{shell:?}");
    }
}

#[test]
fn a_content_that_is_not_the_one_that_was_hashed_is_not_taken() {
    let mut inquiry = Inquiry::machine();
    inquiry.file("/x", Depth::Content);
    inquiry.file("/y", Depth::Content);
    let hash = sha256_hex(b"one");
    let answer = format!(
        "file\t0\tfile\t644\troot\troot\t3\t{hash}\nfile\t1\tfile\t644\troot\troot\t3\t{hash}\ncontents\t0\t1\nb25l\nb24=\n.\nend\n"
    );
    let facts = Facts::parse(answer.as_bytes(), &inquiry).unwrap();
    assert!(matches!(facts.file("/x"), FileFact::File { content: Some(content), .. } if content == b"one"));
    assert!(matches!(facts.file("/y"), FileFact::Failed(why) if why.contains("changed")));
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    assert_eq!(Facts::parse(b"host\ta\n", &Inquiry::machine()), Err(FactsError::Truncated));
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut inquiry = Inquiry::machine();
        inquiry.file("/x", Depth::Content);
        drop(Facts::parse(&bytes, &inquiry));
    }
}

#[test]
fn programs_that_are_not_there_are_told_by_each_shell() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["cat", "date", "stat", "sha256sum", "base64", "dash", "bash"] {
        let path = std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|folder| folder.join(program)).find(|path| path.is_file());
        std::os::unix::fs::symlink(path.unwrap(), folder.path().join(program)).unwrap();
    }
    let mut inquiry = Inquiry::standing();
    inquiry.file("/etc/passwd", Depth::Hash);
    for shell in ["dash", "bash"] {
        let text = format!("PATH={}\n{}", folder.path().display(), inquiry.script());
        let facts = probed_by(&inquiry, &[shell], &text);
        assert_eq!(facts.lacks, ["cp", "dd", "flock", "ln", "mkdir", "mknod", "mv", "rm", "rmdir", "sync", "tar"], "{shell}");
        assert!(matches!(facts.file("/etc/passwd"), FileFact::File { .. }), "{facts:?}");
    }
    assert_eq!(probed(&inquiry, &["dash"]).lacks, [""; 0]);
}
