//! A small reader for BER and DER, enough for certificates, keys, P7B and PFX.
//!
//! What other tools wrote is often BER: indefinite lengths, octet strings in pieces. [`definite`] turns it into
//! definite lengths first, so that the [`Reader`] stays simple. Nothing here allocates more than it was given,
//! recurses deeper than [`MAX_DEPTH`], or interprets more than tags and lengths.

mod oid;
mod time;
mod write;

use std::borrow::Cow;

pub(crate) use oid::{decode_oid, encode_oid};
pub(crate) use time::parse_time;
pub(crate) use write::{encode, integer, null, object, octets, sequence};

/// Deepest nesting that is followed; a P7B with certificates inside needs some 15.
pub(crate) const MAX_DEPTH: usize = 40;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
const CONSTRUCTED_OCTET_STRING: u8 = OCTET_STRING | CONSTRUCTED;
const HIGH_TAG: u8 = 0x1f;

/// Context-specific, constructed: `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Context-specific, primitive: `[number] IMPLICIT`.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// Why bytes are not the ASN.1 that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Asn1Error {
    /// A value says it is longer than what is left.
    #[error("the data ends in the middle of a value (cut off?)")]
    Truncated,
    /// A length or tag in a form that this reader does not take.
    #[error("a tag or length is malformed")]
    Malformed,
    /// Nesting without end.
    #[error("values are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Another kind of value than the standard puts there.
    #[error("expected {expected}, found tag {found:#04x}")]
    Unexpected {
        /// What should stand there.
        expected: &'static str,
        /// The tag that does.
        found: u8,
    },
    /// The right kind of value with content that makes no sense.
    #[error("{0} makes no sense")]
    BadValue(&'static str),
}

/// One tag-length-value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// Tag, length and content.
    pub(crate) raw: &'a [u8],
    pub(crate) content: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads what is inside.
    pub(crate) fn inside(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// An OBJECT IDENTIFIER's content in dotted form.
    pub(crate) fn oid(&self) -> Result<String, Asn1Error> {
        if self.tag == OID { decode_oid(self.content) } else { Err(self.unexpected("an object identifier")) }
    }

    /// A non-negative INTEGER that fits 64 bits.
    pub(crate) fn number(&self) -> Result<u64, Asn1Error> {
        if self.tag != INTEGER {
            return Err(self.unexpected("an integer"));
        }
        let digits = self.content.iter().skip_while(|byte| **byte == 0);
        let negative = self.content.first().is_none_or(|byte| byte & 0x80 != 0);
        if negative || digits.clone().count() > 8 {
            return Err(Asn1Error::BadValue("an integer"));
        }
        Ok(digits.fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A BIT STRING's octets, its count of unused bits left out.
    pub(crate) fn bits(&self) -> Result<&'a [u8], Asn1Error> {
        match (self.tag, self.content.split_first()) {
            (BIT_STRING, Some((_, octets))) => Ok(octets),
            _ => Err(self.unexpected("a bit string")),
        }
    }

    /// The octets of an OCTET STRING, or of an implicitly tagged one in pieces.
    pub(crate) fn joined_octets(&self) -> Result<Cow<'a, [u8]>, Asn1Error> {
        if self.tag & CONSTRUCTED == 0 {
            return Ok(Cow::Borrowed(self.content));
        }
        let mut joined = Vec::with_capacity(self.content.len());
        let mut pieces = self.inside();
        while !pieces.is_empty() {
            joined.extend_from_slice(pieces.expect(OCTET_STRING, "a piece of an octet string")?.content);
        }
        Ok(Cow::Owned(joined))
    }

    pub(crate) fn unexpected(&self, expected: &'static str) -> Asn1Error {
        Asn1Error::Unexpected { expected, found: self.tag }
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, Asn1Error> {
        let header = Header::read(self.rest)?;
        let length = header.length.ok_or(Asn1Error::Malformed)?;
        let end = header.size.checked_add(length).ok_or(Asn1Error::Malformed)?;
        let (raw, rest) = self.rest.split_at_checked(end).ok_or(Asn1Error::Truncated)?;
        self.rest = rest;
        let content = raw.get(header.size..).ok_or(Asn1Error::Truncated)?;
        Ok(Element { tag: header.tag, raw, content })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8, expected: &'static str) -> Result<Element<'a>, Asn1Error> {
        let element = self.next()?;
        if element.tag == tag { Ok(element) } else { Err(element.unexpected(expected)) }
    }

    /// The next element where it has this tag; nothing is consumed where not.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Asn1Error> {
        if self.rest.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Inside of the next element, which must be a SEQUENCE.
    pub(crate) fn sequence(&mut self, expected: &'static str) -> Result<Reader<'a>, Asn1Error> {
        Ok(self.expect(SEQUENCE, expected)?.inside())
    }

    /// The next OBJECT IDENTIFIER in dotted form.
    pub(crate) fn oid(&mut self) -> Result<String, Asn1Error> {
        self.next()?.oid()
    }
}

struct Header {
    tag: u8,
    /// Bytes of tag and length together.
    size: usize,
    /// `None`: indefinite.
    length: Option<usize>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Asn1Error> {
        let (&tag, rest) = bytes.split_first().ok_or(Asn1Error::Truncated)?;
        let (&first, rest) = rest.split_first().ok_or(Asn1Error::Truncated)?;
        if tag & HIGH_TAG == HIGH_TAG {
            return Err(Asn1Error::Malformed);
        }
        match first {
            0..=0x7f => Ok(Self { tag, size: 2, length: Some(usize::from(first)) }),
            0x80 => Ok(Self { tag, size: 2, length: None }),
            _ => {
                let count = usize::from(first & 0x7f);
                let digits = rest.get(..count).ok_or(Asn1Error::Truncated)?;
                if count > 5 {
                    return Err(Asn1Error::Malformed);
                }
                let length = digits.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                let length = usize::try_from(length).map_err(|_error| Asn1Error::Malformed)?;
                Ok(Self { tag, size: 2 + count, length: Some(length) })
            }
        }
    }
}

/// The first element of `bytes` with definite lengths and whole octet strings throughout; borrowed where it has them already.
pub(crate) fn definite(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Asn1Error> {
    if let Ok(element) = Reader::new(bytes).next()
        && is_definite(&element, 0)?
    {
        return Ok(Cow::Borrowed(element.raw));
    }
    convert(bytes, 0).map(|(element, _)| Cow::Owned(element))
}

fn is_definite(element: &Element<'_>, depth: usize) -> Result<bool, Asn1Error> {
    if depth > MAX_DEPTH {
        return Err(Asn1Error::TooDeep);
    }
    if element.tag & CONSTRUCTED == 0 {
        return Ok(true);
    }
    if element.tag == CONSTRUCTED_OCTET_STRING {
        return Ok(false);
    }
    let mut inside = element.inside();
    while !inside.is_empty() {
        match inside.next() {
            Ok(child) if is_definite(&child, depth + 1)? => {}
            // An indefinite length reads as malformed here; the conversion tells which it is.
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Converts the first element; gives it and how many bytes of input it took.
fn convert(bytes: &[u8], depth: usize) -> Result<(Vec<u8>, usize), Asn1Error> {
    if depth > MAX_DEPTH {
        return Err(Asn1Error::TooDeep);
    }
    let header = Header::read(bytes)?;
    let body = bytes.get(header.size..).ok_or(Asn1Error::Truncated)?;
    if header.tag & CONSTRUCTED == 0 {
        let length = header.length.ok_or(Asn1Error::Malformed)?;
        let content = body.get(..length).ok_or(Asn1Error::Truncated)?;
        return Ok((encode(header.tag, content), header.size + length));
    }
    let body = match header.length {
        Some(length) => body.get(..length).ok_or(Asn1Error::Truncated)?,
        None => body,
    };
    let mut content = Vec::new();
    let mut at = 0;
    loop {
        let rest = body.get(at..).ok_or(Asn1Error::Truncated)?;
        match (header.length, rest) {
            (Some(_), []) => break,
            (None, [0, 0, ..]) => {
                at += 2;
                break;
            }
            _ => {}
        }
        let (child, taken) = convert(rest, depth + 1)?;
        if header.tag == CONSTRUCTED_OCTET_STRING {
            content.extend_from_slice(Reader::new(&child).expect(OCTET_STRING, "a piece of an octet string")?.content);
        } else {
            content.extend_from_slice(&child);
        }
        at += taken;
    }
    let tag = if header.tag == CONSTRUCTED_OCTET_STRING { OCTET_STRING } else { header.tag };
    Ok((encode(tag, &content), header.size + at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indefinite_lengths_and_octet_strings_in_pieces_become_definite() {
        let ber = [0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0xaa, 0x04, 0x02, 0xbb, 0xcc, 0, 0, 0x02, 0x01, 0x07, 0, 0];
        assert_eq!(definite(&ber).unwrap().as_ref(), [0x30, 0x08, 0x04, 0x03, 0xaa, 0xbb, 0xcc, 0x02, 0x01, 0x07]);
    }

    #[test]
    fn der_is_borrowed_and_what_follows_it_left_out() {
        let der = [0x30, 0x03, 0x02, 0x01, 0x07, 0xff];
        assert!(matches!(definite(&der).unwrap(), Cow::Borrowed([0x30, 0x03, 0x02, 0x01, 0x07])));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let bomb = [0x30, 0x80].repeat(100_000);
        assert_eq!(definite(&bomb), Err(Asn1Error::TooDeep));
    }

    #[test]
    fn a_length_beyond_the_data_is_truncation() {
        assert_eq!(definite(&[0x30, 0x82, 0x01, 0x00, 0x02]), Err(Asn1Error::Truncated));
    }

    #[test]
    fn integers_are_read_as_written() {
        let seven = integer(300);
        assert_eq!(Reader::new(&seven).next().unwrap().number().unwrap(), 300);
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(definite(&bytes));
            let mut reader = Reader::new(&bytes);
            while let Ok(element) = reader.next() {
                drop((element.oid(), element.number(), element.bits().map(<[u8]>::len), element.joined_octets()));
            }
        }
    }
}
