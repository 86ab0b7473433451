//! A DER writer of a few functions, for what the OpenSSL binding cannot write.

use super::{INTEGER, OCTET_STRING, OID, SEQUENCE, encode_oid};

/// Tag, length and content.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = Vec::with_capacity(content.len() + 6);
    element.push(tag);
    let digits = content.len().to_be_bytes();
    let significant: Vec<u8> = digits.iter().copied().skip_while(|byte| *byte == 0).collect();
    match significant.as_slice() {
        [] => element.push(0),
        [short] if *short < 0x80 => element.push(*short),
        long => {
            // At most eight digits, so that the marker cannot overflow.
            element.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

/// A SEQUENCE of encoded elements.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    encode(SEQUENCE, &parts.concat())
}

/// A non-negative INTEGER.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    let mut content: Vec<u8> = value.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.insert(0, 0);
    }
    encode(INTEGER, &content)
}

/// An OCTET STRING.
pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    encode(OCTET_STRING, content)
}

/// An OBJECT IDENTIFIER from its dotted form, which must be one of this crate's constants.
pub(crate) fn object(dotted: &str) -> Vec<u8> {
    encode(OID, &encode_oid(dotted).unwrap_or_default())
}

/// NULL.
pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0x00]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        assert_eq!(encode(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(encode(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(encode(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
    }
}
