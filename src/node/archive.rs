//! Files as one tar archive (POSIX.1-1988 `ustar`; GNU's record for names that do not fit), since one program then unpacks
//! them all. The machine compares each with its hash: nothing here has to be believed.

use zeroize::Zeroizing;

const BLOCK: usize = 512;
/// The name field of a header.
const NAME: usize = 100;
/// The name of GNU's records that hold the next member's name, and that of what it is a link to.
const LONG_NAME: &str = "././@LongLink";

/// One file of an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Where it is unpacked, relative to the folder that is named there.
    pub(super) name: &'a str,
    /// Its mode in octal digits.
    pub(super) mode: &'a str,
    /// Its content; none where it is a link.
    pub(super) content: &'a [u8],
    /// The earlier member that this is a second name of.
    pub(super) link: Option<&'a str>,
}

/// The archive of `members`, which may be secret, all changed at `time` (seconds of the epoch); empty where there are none.
pub(super) fn pack(members: &[Member<'_>], time: u32) -> Zeroizing<Vec<u8>> {
    if members.is_empty() {
        return Zeroizing::default();
    }
    let long = |name: &str| if name.len() < NAME { 0 } else { BLOCK + padded(name.len() + 1) };
    let length = |member: &Member<'_>| long(member.name) + member.link.map_or(0, long) + BLOCK + padded(member.content.len());
    let size: usize = members.iter().map(length).sum();
    // Sized first: a growing buffer would leave copies of secrets behind.
    let mut archive = Zeroizing::new(Vec::with_capacity(size + 2 * BLOCK));
    for member in members {
        for (name, kind) in [(member.link.unwrap_or_default(), b'K'), (member.name, b'L')] {
            if name.len() >= NAME {
                let record = Member { name: LONG_NAME, mode: "0", content: &[name.as_bytes(), &[0]].concat(), link: None };
                append(&mut archive, &record, 0, kind);
            }
        }
        append(&mut archive, member, time, if member.link.is_some() { b'1' } else { b'0' });
    }
    let end = archive.len() + 2 * BLOCK;
    archive.resize(end, 0);
    archive
}

fn padded(length: usize) -> usize {
    length.div_ceil(BLOCK) * BLOCK
}

fn append(archive: &mut Vec<u8>, member: &Member<'_>, time: u32, kind: u8) {
    archive.extend_from_slice(&header(member, time, kind));
    archive.extend_from_slice(member.content);
    archive.resize(padded(archive.len()), 0);
}

// Fields at their offsets: name, mode, owner, group, size, time, check sum, kind, what it is a link to, and what it is a
// header of.
fn header(member: &Member<'_>, time: u32, kind: u8) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, field: &[u8]| header.iter_mut().skip(at).zip(field).for_each(|(byte, new)| *byte = *new);
    let cut = |name: &'_ str| name.as_bytes().get(..NAME).unwrap_or(name.as_bytes()).to_vec();
    put(0, &cut(member.name));
    put(100, format!("{:0>7}\0{:07}\0{:07}\0{:011o}\0{time:011o}\0{:8}", member.mode, 0, 0, member.content.len(), "").as_bytes());
    put(156, &[kind]);
    put(157, &cut(member.link.unwrap_or_default()));
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let mut put = |at: usize, field: &[u8]| header.iter_mut().skip(at).zip(field).for_each(|(byte, new)| *byte = *new);
    put(148, format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the programs that unpack it are the judges")]
    fn gnu_and_busybox_unpack_what_was_packed() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
        let just = "n".repeat(NAME);
        let big = [7, 0, 255].repeat(70_000);
        let files = [("a b", "0640", &b"x"[..]), ("empty", "0600", b""), (&long, "0755", b"long"), (&just, "4711", &big)];
        let second = format!("{}/second", "l".repeat(150));
        let links = [("short", "a b"), (&second, &long)].map(|(name, link)| Member { name, mode: "0640", content: b"", link: Some(link) });
        let members = files.map(|(name, mode, content)| Member { name, mode, content, link: None });
        let archive = pack(&members.into_iter().chain(links).collect::<Vec<_>>(), 1_700_000_000);
        assert_eq!(archive.capacity(), archive.len(), "it grew");
        for tar in [&["tar"][..], &["busybox", "tar"]] {
            let folder = tempfile::tempdir().unwrap();
            let mut child = Command::new(tar[0])
                .args(&tar[1..])
                .arg("-C")
                .arg(folder.path())
                .args(["-xpof", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&archive).unwrap();
            assert!(child.wait().unwrap().success());
            for (name, mode, content) in files {
                let path = folder.path().join(name);
                let permissions = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
                assert_eq!((std::fs::read(&path).unwrap().as_slice(), permissions), (content, u32::from_str_radix(mode, 8).unwrap()));
                assert_eq!(std::fs::metadata(&path).unwrap().mtime(), 1_700_000_000);
            }
            for (one, other) in [("short", "a b"), (second.as_str(), long.as_str())] {
                let [one, other] = [one, other].map(|name| std::fs::metadata(folder.path().join(name)).unwrap().ino());
                assert_eq!(one, other, "{tar:?}");
            }
        }
    }
}
