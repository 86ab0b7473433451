//! The format of `known_hosts` files (sshd(8)): hashed names, `[host]:port`, wildcards,
//! negation, `@revoked`, `@cert-authority`; fields apart by blanks or tabs.
//!
//! Text in, entries out: no file is read here. Names are compared without regard to case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use russh::keys::PublicKey;

/// What a line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It is the host's key.
    Host,
    /// It signs host certificates.
    Authority,
    /// It must never be accepted.
    Revoked,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// What it says.
    pub(crate) marker: Marker,
    hosts: Hosts,
    /// The key; its comment is left out, as it must not count in comparisons.
    pub(crate) key: PublicKey,
    /// Its line, counted from 1.
    pub(crate) line: usize,
}

#[derive(Debug, Clone)]
enum Hosts {
    Patterns(Vec<(bool, String)>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// A line that cannot be understood but must not be passed over.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: a `@revoked` key that cannot be read")]
pub(crate) struct UnreadableRevocation {
    line: usize,
}

/// The entries of a file's text. Lines that cannot be read are left out, as `ssh` does; an unreadable revocation
/// is an error, since leaving it out would let the key in.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, UnreadableRevocation> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line, index + 1) {
            Some(entry) => entries.push(entry),
            None if line.starts_with("@revoked") => return Err(UnreadableRevocation { line: index + 1 }),
            None => tracing::warn!(line = index + 1, "a known_hosts line that cannot be read is passed over"),
        }
    }
    Ok(entries)
}

/// Whether a text is a `known_hosts` file: it says nothing, or a line of it can be read.
pub fn is_known_hosts(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    lines.peek().is_none() || lines.any(|line| parse_line(line, 0).is_some())
}

fn parse_line(text: &str, line: usize) -> Option<Entry> {
    let mut fields = text.split_ascii_whitespace();
    let mut first = fields.next()?;
    let marker = match first {
        "@revoked" => Marker::Revoked,
        "@cert-authority" => Marker::Authority,
        other if other.starts_with('@') => return None,
        _ => Marker::Host,
    };
    if marker != Marker::Host {
        first = fields.next()?;
    }
    let hosts = parse_hosts(first)?;
    let (algorithm, blob) = (fields.next()?, fields.next()?);
    let key = PublicKey::from_openssh(&format!("{algorithm} {blob}")).ok()?;
    Some(Entry { marker, hosts, key, line })
}

fn parse_hosts(field: &str) -> Option<Hosts> {
    if let Some(hashed) = field.strip_prefix("|1|") {
        let (salt, hash) = hashed.split_once('|')?;
        return Some(Hosts::Hashed { salt: BASE64.decode(salt).ok()?, hash: BASE64.decode(hash).ok()? });
    }
    let patterns = field.split(',').filter(|pattern| !pattern.is_empty()).map(|pattern| match pattern.strip_prefix('!') {
        Some(negated) => (true, negated.to_ascii_lowercase()),
        None => (false, pattern.to_ascii_lowercase()),
    });
    Some(Hosts::Patterns(patterns.collect()))
}

impl Entry {
    /// Whether the line is about `host`, given as [`lookup_name`] writes it.
    pub(crate) fn is_about(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match &self.hosts {
            Hosts::Patterns(patterns) => {
                let matching = || patterns.iter().filter(|(_, pattern)| glob(pattern.as_bytes(), host.as_bytes()));
                // One negated match rules the whole line out, wherever it stands.
                matching().next().is_some() && !matching().any(|(negated, _)| *negated)
            }
            Hosts::Hashed { salt, hash } => hmac_sha1(salt, host.as_bytes()).is_some_and(|own| own == *hash),
        }
    }
}

/// How `known_hosts` writes a host: the name alone on port 22, else `[name]:port`.
pub(crate) fn lookup_name(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

fn hmac_sha1(salt: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::hmac(salt).ok()?;
    let mut signer = Signer::new(MessageDigest::sha1(), &key).ok()?;
    signer.update(text).ok()?;
    signer.sign_to_vec().ok()
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters and `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    // Going back to the last star alone keeps this linear in practice; nested recursion would be exponential.
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(of) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(wanted) if wanted == letter || *wanted == b'?' => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((star_at, star_of)) => {
                    star = Some((star_at, star_of + 1));
                    at = star_at + 1;
                    of = star_of + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|letter| *letter == b'*'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn only(line: &str) -> Entry {
        parse(line).unwrap().pop().unwrap()
    }

    #[test]
    fn names_ports_wildcards_and_negation_are_understood() {
        for (hosts, host, expected) in [
            ("a", "a", true),
            ("a,b", "b", true),
            ("A", "a", true),
            ("a", "A", true),
            ("a", "[a]:2222", false),
            ("[a]:2222", "[a]:2222", true),
            ("[a]:*", "[a]:2222", true),
            ("*.example.com", "x.example.com", true),
            ("*.example.com", "example.com", false),
            ("*,!bad", "good", true),
            ("!bad,*", "bad", false),
            ("*,!bad", "bad", false),
            ("!bad", "good", false),
            ("10.0.0.?", "10.0.0.7", true),
            ("10.0.0.?", "10.0.0.70", false),
        ] {
            assert_eq!(only(&format!("{hosts} {KEY}")).is_about(host), expected, "{hosts} about {host}");
        }
    }

    #[test]
    fn a_hashed_name_is_found() {
        // `ssh-keygen -H` over the line `jump.example ssh-ed25519 …`.
        let salt = b"0123456789abcdefghij";
        let hash = hmac_sha1(salt, b"jump.example").unwrap();
        let entry = only(&format!("|1|{}|{} {KEY} comment", BASE64.encode(salt), BASE64.encode(hash)));
        assert!(entry.is_about("JUMP.example"));
        assert!(!entry.is_about("[jump.example]:2222"));
    }

    #[test]
    fn tabs_comments_and_blank_lines_do_not_disturb() {
        let entries = parse(&format!("# a comment\n\n\ta\t{}\tx y z\n@revoked\tb {KEY}", KEY.replace(' ', "\t"))).unwrap();
        assert_eq!(entries.iter().map(|entry| (entry.marker, entry.line)).collect::<Vec<_>>(), [(Marker::Host, 3), (Marker::Revoked, 4)]);
    }

    #[test]
    fn a_bad_line_is_passed_over_but_not_a_bad_revocation() {
        assert_eq!(parse(&format!("a ssh-ed25519 !!!\nb {KEY}\n@new c {KEY}")).unwrap().len(), 1);
        assert_eq!(parse("@revoked * ssh-ed25519 !!!").unwrap_err().to_string(), "line 1: a `@revoked` key that cannot be read");
    }

    proptest! {
        #[test]
        fn any_text_can_be_parsed(text in "\\PC*") {
            drop(parse(&text));
        }

        #[test]
        fn a_glob_agrees_with_its_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn defined(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if defined(rest, text) => true,
                    (Some((b'*', _)), Some((_, text))) => defined(pattern, text),
                    (Some((wanted, rest)), Some((letter, text))) => (wanted == letter || *wanted == b'?') && defined(rest, text),
                    _ => false,
                }
            }
            prop_assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), defined(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn a_plain_name_is_about_itself(host in "[a-zA-Z0-9.-]{1,30}", port in 1u16..) {
            let name = lookup_name(&host, port);
            let entry = only(&format!("{name} {KEY}"));
            prop_assert!(entry.is_about(&name));
            prop_assert!(!entry.is_about(&lookup_name(&host, port ^ 1)));
        }
    }
}
