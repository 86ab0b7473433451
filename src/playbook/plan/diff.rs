//! What would change in a file, as a unified diff. A secret's content is never in it.

use std::fmt::Write as _;

use openssl::hash::MessageDigest;
use openssl::x509::X509;
use similar::TextDiff;

/// The unified diff of two texts, with three lines of context; `None` where they are equal.
///
/// A certificate is shown as its subject and fingerprint: its base64 tells a reader nothing.
pub(crate) fn unified(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Option<String> {
    if old == new {
        return None;
    }
    let (Some(before), Some(after)) = (text(old), text(new)) else {
        return Some(format!("{path}: not text; {} → {} bytes\n", old.map_or(0, <[u8]>::len), new.map_or(0, <[u8]>::len)));
    };
    let (before, after) = (readable(before), readable(after));
    let name = |side: Option<&[u8]>| if side.is_some() { path } else { "/dev/null" };
    Some(TextDiff::from_lines(&before, &after).unified_diff().context_radius(3).header(name(old), name(new)).to_string())
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes.unwrap_or_default()).ok().filter(|text| !text.contains('\0'))
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_begin)) = rest.split_at_checked(rest.find(BEGIN).unwrap_or(rest.len())) {
        out.push_str(before);
        let Some(end) = from_begin.find(END) else {
            out.push_str(from_begin);
            break;
        };
        let (block, behind) = from_begin.split_at(end + END.len());
        match described(block) {
            Some(line) => out.push_str(&line),
            None => out.push_str(block),
        }
        rest = behind;
    }
    out
}

fn described(block: &str) -> Option<String> {
    let certificate = X509::from_pem(block.as_bytes()).ok()?;
    let name = certificate.subject_name().entries().last()?.data().to_string().ok()?;
    let digest = certificate.digest(MessageDigest::sha256()).ok()?;
    let mut line = format!("certificate {name}, to {}, SHA-256 ", certificate.not_after());
    for byte in digest.iter().take(8) {
        let _infallible = write!(line, "{byte:02x}");
    }
    Some(line + "…")
}

#[cfg(test)]
mod tests {
    use super::{readable, unified};

    #[test]
    fn a_certificate_is_shown_by_its_subject() {
        let certified = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
        let text = format!("before\n{}after\n", certified.cert.pem());
        let shown = readable(&text);
        assert!(shown.starts_with("before\ncertificate ") && shown.contains("SHA-256") && shown.ends_with("\nafter\n"), "{shown}");
        assert!(!shown.contains("BEGIN"));
        assert_eq!(readable("-----BEGIN CERTIFICATE-----\ntorn"), "-----BEGIN CERTIFICATE-----\ntorn");
    }

    #[test]
    fn equal_texts_have_no_diff_and_others_name_both_sides() {
        assert_eq!(unified("/etc/a", Some(b"x\n"), Some(b"x\n")), None);
        let diff = unified("/etc/a", None, Some(b"x\n")).unwrap();
        assert_eq!(diff, "--- /dev/null\n+++ /etc/a\n@@ -0,0 +1 @@\n+x\n");
        assert!(unified("/etc/a", Some(&[0xff]), Some(b"x")).unwrap().contains("not text"));
    }
}
