//! Distinguished names: shown to people, and compared as RFC 5280, 7.1 asks (case and spaces do not count).

use std::fmt;

use super::asn1::{Asn1Error, Element, Reader};

/// A subject or issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    parts: Vec<(String, String)>,
    canonical: Vec<u8>,
}

impl Name {
    /// Reads the SEQUENCE of a name.
    pub(crate) fn parse(element: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut parts = Vec::new();
        let canonical = canonical(element, |kind, value| {
            let kind = kind.oid()?;
            parts.push((short(&kind).map_or(kind.clone(), ToOwned::to_owned), value));
            Ok(())
        })?;
        Ok(Self { parts, canonical })
    }

    /// Bytes that are equal for names that count as the same.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The common name, the last where there are several. For people; never to decide whom a certificate is for.
    pub fn common_name(&self) -> Option<&str> {
        self.parts.iter().rev().find(|(kind, _)| kind == "CN").map(|(_, value)| value.as_str())
    }

    /// What a person would call it: the common name, else organization, else the whole.
    pub fn short(&self) -> String {
        let organization = || self.parts.iter().rev().find(|(kind, _)| kind == "OU" || kind == "O").map(|(_, value)| value.as_str());
        self.common_name().or_else(organization).map_or_else(|| self.to_string(), ToOwned::to_owned)
    }
}

impl fmt::Display for Name {
    /// `CN=…, O=…`, most specific first, as browsers show it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return formatter.write_str("(empty name)");
        }
        for (index, (kind, value)) in self.parts.iter().rev().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            write!(formatter, "{kind}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Name({self})")
    }
}

/// The canonical subject of a certificate's DER, without reading more of it than is needed.
pub(crate) fn canonical_subject_of(certificate: &[u8]) -> Result<Vec<u8>, Asn1Error> {
    let mut tbs = Reader::new(certificate).sequence("a certificate")?.sequence("a certificate's body")?;
    tbs.optional(super::asn1::context(0))?;
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        tbs.next()?;
    }
    canonical(&tbs.next()?, |_kind, _value| Ok(()))
}

/// Bytes that are equal for names that count as the same; `each` is given every attribute's kind and text.
fn canonical(name: &Element<'_>, mut each: impl FnMut(&Element<'_>, String) -> Result<(), Asn1Error>) -> Result<Vec<u8>, Asn1Error> {
    let mut canonical = Vec::with_capacity(name.content.len());
    let mut sets = name.inside();
    while !sets.is_empty() {
        let mut set = sets.expect(super::asn1::SET, "a relative name")?.inside();
        while !set.is_empty() {
            let mut pair = set.sequence("a name's attribute")?;
            let kind = pair.expect(super::asn1::OID, "an attribute's kind")?;
            let value = text(&pair.next()?);
            push_canonical(&mut canonical, kind.content, &value);
            each(&kind, value)?;
        }
        canonical.push(0x1e);
    }
    Ok(canonical)
}

/// The kind comes with its length, so that no other kind and value make the same bytes; a value has no control characters.
fn push_canonical(canonical: &mut Vec<u8>, kind: &[u8], value: &str) {
    canonical.push(u8::try_from(kind.len()).unwrap_or(u8::MAX));
    canonical.extend_from_slice(kind);
    for (index, word) in value.split_whitespace().enumerate() {
        if index > 0 {
            canonical.push(b' ');
        }
        if word.is_ascii() {
            canonical.extend(word.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            canonical.extend(word.chars().flat_map(char::to_lowercase).collect::<String>().bytes());
        }
    }
    canonical.push(0x1f);
}

/// A directory string's text; control characters made visible, since it goes to terminals.
fn text(element: &Element<'_>) -> String {
    const BMP_STRING: u8 = 0x1e;
    const UNIVERSAL_STRING: u8 = 0x1c;
    const UTF8_STRING: u8 = 0x0c;
    let raw = match element.tag {
        BMP_STRING => {
            let units: Vec<u16> =
                element.content.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte))).collect();
            String::from_utf16_lossy(&units)
        }
        UNIVERSAL_STRING => {
            let points = element.content.chunks_exact(4).map(|four| four.iter().fold(0, |point, byte| point << 8 | u32::from(*byte)));
            points.map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        UTF8_STRING => String::from_utf8_lossy(element.content).into_owned(),
        // PrintableString, IA5String; T61String in practice holds Latin-1.
        _ => match std::str::from_utf8(element.content) {
            Ok(text) => text.to_owned(),
            Err(_) => element.content.iter().map(|byte| char::from(*byte)).collect(),
        },
    };
    printable(&raw)
}

/// Text from a file that somebody else wrote, safe to print: what does not show, or shows the rest in another order,
/// becomes `\u{…}`.
pub(crate) fn printable(text: &str) -> String {
    if !text.contains(deceives) {
        return text.to_owned();
    }
    text.chars().flat_map(|letter| if deceives(letter) { letter.escape_unicode().collect::<Vec<_>>() } else { vec![letter] }).collect()
}

/// Control characters, and those that turn the direction of writing (UAX 9, 2), join, hide or break lines without being
/// seen: a terminal or a browser shows `moc.live` for what is `evil.com`.
pub(crate) fn deceives(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn short(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::asn1::{encode, object, sequence};

    fn name(tag: u8, value: &[u8]) -> Name {
        let pair = sequence(&[&object("2.5.4.3"), &encode(tag, value)]);
        let encoded = sequence(&[&encode(0x31, &pair)]);
        Name::parse(&Reader::new(&encoded).next().unwrap()).unwrap()
    }

    #[test]
    fn case_spaces_and_string_type_do_not_count() {
        let printable = name(0x13, b"Example  CA");
        assert_eq!(printable.canonical(), name(0x0c, b" example ca").canonical());
        assert_ne!(printable.canonical(), name(0x13, b"Example CA2").canonical());
        assert_eq!(printable.to_string(), "CN=Example  CA");
    }

    #[test]
    fn bmp_strings_are_read_and_escape_codes_are_made_visible() {
        assert_eq!(name(0x1e, &[0, 0x41, 0, 0xfc]).short(), "Aü");
        assert_eq!(name(0x0c, b"a\x1b[31m").short(), "a\\u{1b}[31m");
        assert_eq!(name(0x0c, "a\u{202e}moc.b".as_bytes()).short(), "a\\u{202e}moc.b");
    }
}
