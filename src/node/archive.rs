//! Files as one tar archive (POSIX.1-1988 `ustar`; GNU's record for names that do not fit), since one program then unpacks
//! them all. The machine compares each with its hash: nothing here has to be believed.

use zeroize::Zeroizing;

const BLOCK: usize = 512;
/// The name field of a header.
const NAME: usize = 100;
/// The name of GNU's record that holds the next member's name.
const LONG_NAME: &str = "././@LongLink";

/// One file of an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Where it is unpacked, relative to the folder that is named there.
    pub(super) name: &'a str,
    /// Its mode in octal digits.
    pub(super) mode: &'a str,
    /// Its content.
    pub(super) content: &'a [u8],
}

/// The archive of `members`, which may be secret; empty where there are none.
pub(super) fn pack(members: &[Member<'_>]) -> Zeroizing<Vec<u8>> {
    if members.is_empty() {
        return Zeroizing::default();
    }
    let long = |member: &Member<'_>| if member.name.len() < NAME { 0 } else { BLOCK + padded(member.name.len() + 1) };
    let size: usize = members.iter().map(|member| long(member) + BLOCK + padded(member.content.len())).sum();
    // Sized first: a growing buffer would leave copies of secrets behind.
    let mut archive = Zeroizing::new(Vec::with_capacity(size + 2 * BLOCK));
    for Member { name, mode, content } in members {
        if name.len() >= NAME {
            let name = [name.as_bytes(), &[0]].concat();
            append(&mut archive, &header(LONG_NAME, "0", name.len(), b'L'), &name);
        }
        append(&mut archive, &header(name, mode, content.len(), b'0'), content);
    }
    let end = archive.len() + 2 * BLOCK;
    archive.resize(end, 0);
    archive
}

fn padded(length: usize) -> usize {
    length.div_ceil(BLOCK) * BLOCK
}

fn append(archive: &mut Vec<u8>, header: &[u8], content: &[u8]) {
    archive.extend_from_slice(header);
    archive.extend_from_slice(content);
    archive.resize(padded(archive.len()), 0);
}

// Fields at their offsets: name, mode, owner, group, size, time, check sum, kind, and what it is a header of.
fn header(name: &str, mode: &str, size: usize, kind: u8) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, field: &[u8]| header.iter_mut().skip(at).zip(field).for_each(|(byte, new)| *byte = *new);
    put(0, name.as_bytes().get(..NAME).unwrap_or(name.as_bytes()));
    put(100, format!("{mode:0>7}\0{:07}\0{:07}\0{size:011o}\0{:011}\0{:8}", 0, 0, 0, "").as_bytes());
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let mut put = |at: usize, field: &[u8]| header.iter_mut().skip(at).zip(field).for_each(|(byte, new)| *byte = *new);
    put(148, format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the programs that unpack it are the judges")]
    fn gnu_and_busybox_unpack_what_was_packed() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
        let just = "n".repeat(NAME);
        let big = [7, 0, 255].repeat(70_000);
        let files = [("a b", "0640", &b"x"[..]), ("empty", "0600", b""), (&long, "0755", b"long"), (&just, "4711", &big)];
        let archive = pack(&files.map(|(name, mode, content)| Member { name, mode, content }));
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
            }
        }
    }
}
