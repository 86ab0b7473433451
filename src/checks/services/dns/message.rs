//! A DNS message as far as one question needs it (RFC 1035, 4.1). Reads whatever comes and never panics.

/// The type of an IPv4 address.
pub(super) const ADDRESS: u16 = 1;
/// The type of an IPv6 address (RFC 3596).
pub(super) const ADDRESS_OF_SIX: u16 = 28;
const ALIAS: u16 = 5;
const INTERNET: u16 = 1;
const HEADER: usize = 12;
/// Longest name, and longest label of it (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;
/// A name of more pieces than these leads in a circle.
const MOST_PIECES: usize = 128;

/// What a resolver said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its code; 0: no error.
    pub(super) code: u8,
    /// Names and what they are aliases of, in lower case.
    pub(super) aliases: Vec<(String, String)>,
    /// How many addresses came with it.
    pub(super) addresses: usize,
}

/// The question for `name`, with recursion; `None` where no question can hold it.
pub(super) fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    const RECURSION_DESIRED: u16 = 0x0100;
    let name = name.trim_end_matches('.');
    if name.len() > LONGEST_NAME {
        return None;
    }
    let mut bytes: Vec<u8> = [id, RECURSION_DESIRED, 1, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=LONGEST_LABEL).contains(&usize::from(*length)))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend([kind, INTERNET].into_iter().flat_map(u16::to_be_bytes));
    Some(bytes)
}

/// Reads the answer to question `id`; `None` where it is none.
pub(super) fn parse(bytes: &[u8], id: u16) -> Option<Answer> {
    let number = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let flags = number(2)?;
    // The first bit says that it is an answer.
    if number(0)? != id || flags & 0x8000 == 0 {
        return None;
    }
    let mut answer = Answer { code: u8::try_from(flags & 0x000f).ok()?, ..Answer::default() };
    let mut at = HEADER;
    for _question in 0..number(4)? {
        at = read_name(bytes, at)?.1 + 4;
    }
    for _record in 0..number(6)? {
        let (owner, end) = read_name(bytes, at)?;
        let (kind, length) = (number(end)?, usize::from(number(end + 8)?));
        let content = end + 10;
        match kind {
            ADDRESS | ADDRESS_OF_SIX => answer.addresses += 1,
            ALIAS => answer.aliases.push((owner, read_name(bytes, content)?.0)),
            _ => {}
        }
        at = content + length;
    }
    Some(answer)
}

/// The name at a place, in lower case, and where what follows begins; follows pointers back (RFC 1035, 4.1.4).
fn read_name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut end, mut labels) = (start, None, Vec::new());
    for _piece in 0..MOST_PIECES {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..=LONGEST_LABEL => {
                let label = bytes.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                at += 1 + length;
            }
            0xc0.. => {
                end = end.or(Some(at + 2));
                at = (length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer to the question, whose name stands at byte 12, with these records (type and content).
    fn answered(code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = question(7, "A.example", ADDRESS).unwrap();
        bytes[2..4].copy_from_slice(&[0x81, 0x80 | code]);
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (kind, content) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 9]);
            bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(content);
        }
        bytes
    }

    #[test]
    fn codes_aliases_and_addresses_are_read() {
        assert_eq!(parse(&answered(3, &[]), 7).unwrap().code, 3);
        let read = parse(&answered(0, &[(ALIAS, b"\x01b\xc0\x0e"), (ADDRESS, &[10, 0, 0, 1]), (99, b"whatever")]), 7).unwrap();
        assert_eq!(read, Answer { code: 0, aliases: vec![("a.example".to_owned(), "b.example".to_owned())], addresses: 1 });
        assert_eq!(parse(&answered(0, &[]), 8), None, "an answer to another question");
        assert_eq!(parse(&question(7, "a.example", ADDRESS).unwrap(), 7), None, "a question is no answer");
        assert_eq!(parse(&answered(0, &[(ALIAS, b"\xc0\x29")]), 7), None, "a name that points at itself");
        assert_eq!(question(7, "a..example", ADDRESS), None);
    }

    proptest! {
        #[test]
        fn garbage_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut answer = bytes.clone();
            if let Some(head) = answer.get_mut(..4) {
                head.copy_from_slice(&[0, 7, 0x81, 0x80]);
            }
            let read = parse(&answer, 7);
            prop_assert!(read.is_none_or(|read| read.aliases.len() <= bytes.len()));
        }
    }
}
