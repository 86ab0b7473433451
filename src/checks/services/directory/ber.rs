//! As much of BER (X.690) as two requests and their answers need: definite lengths, tags of one byte.

/// `tag`, the content's length, the content.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    match (content.len(), u8::try_from(significant.len())) {
        (0..=127, _) => all.push(significant.first().copied().unwrap_or_default()),
        (_, Ok(count)) => {
            all.push(0x80 | count);
            all.extend(significant);
        }
        (_, Err(_)) => {}
    }
    all.extend_from_slice(content);
    all
}

/// An integer or an enumeration of small numbers.
pub(super) fn number(tag: u8, value: u8) -> Vec<u8> {
    // A leading bit would make it negative.
    if value < 0x80 { element(tag, &[value]) } else { element(tag, &[0, value]) }
}

/// The first element: its tag, its content, and what follows; `None` where it is not all there or not of this kind.
pub(super) fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let length = rest.get(..count)?.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        (length, rest.get(count..)?)
    };
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(tag in 0u8..0x80, content in proptest::collection::vec(any::<u8>(), 0..70_000), more in proptest::collection::vec(any::<u8>(), 0..9)) {
            let mut bytes = element(tag, &content);
            let whole = bytes.len();
            bytes.extend(&more);
            prop_assert_eq!(first(&bytes), Some((tag, content.as_slice(), more.as_slice())));
            prop_assert_eq!(first(&bytes[..whole - 1]), None);
        }

        #[test]
        fn garbage_is_no_element_or_one_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let read = first(&bytes).map_or(0, |(_, content, _)| content.len());
            prop_assert!(read <= bytes.len());
        }
    }
}
