//! Object identifiers between their bytes and their dotted form.

use std::fmt::Write;

use super::Asn1Error;

/// Dotted form of an OBJECT IDENTIFIER's content. Arcs beyond 64 bits are refused.
pub(crate) fn decode_oid(content: &[u8]) -> Result<String, Asn1Error> {
    const BAD: Asn1Error = Asn1Error::BadValue("an object identifier");
    let mut dotted = String::new();
    let mut arc = 0u64;
    let mut open = true;
    for byte in content {
        arc = arc.checked_mul(128).ok_or(BAD)? | u64::from(byte & 0x7f);
        open = byte & 0x80 != 0;
        if open {
            continue;
        }
        let written = if dotted.is_empty() {
            // The first two arcs share one number (X.690, 8.19.4).
            let first = (arc / 40).min(2);
            write!(dotted, "{first}.{}", arc - first * 40)
        } else {
            write!(dotted, ".{arc}")
        };
        written.map_err(|_error| BAD)?;
        arc = 0;
    }
    if open { Err(BAD) } else { Ok(dotted) }
}

/// Content bytes of a dotted object identifier; `None` where the text is none.
pub(crate) fn encode_oid(dotted: &str) -> Option<Vec<u8>> {
    let mut arcs = dotted.split('.').map(str::parse::<u64>);
    let (first, second) = (arcs.next()?.ok()?, arcs.next()?.ok()?);
    let mut content = Vec::new();
    push_arc(&mut content, first.checked_mul(40)?.checked_add(second)?);
    for arc in arcs {
        push_arc(&mut content, arc.ok()?);
    }
    Some(content)
}

fn push_arc(content: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let [.., low] = (arc >> (7 * group)).to_be_bytes();
        content.push(if group == 0 { low & 0x7f } else { low | 0x80 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_forms_survive_the_round_trip() {
        for dotted in ["1.2.840.113549.1.12.10.1.2", "2.5.29.17", "2.16.840.1.101.3.4.2.1", "0.9.2342.19200300.100.1.25", "1.3.101.112"] {
            assert_eq!(decode_oid(&encode_oid(dotted).unwrap()).unwrap(), dotted);
        }
    }

    #[test]
    fn an_arc_left_open_is_refused() {
        assert!(decode_oid(&[0x2a, 0x86]).is_err());
        assert!(decode_oid(&[]).is_err());
    }
}
