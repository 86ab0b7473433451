//! Keys out of a terminal's bytes.

#![cfg_attr(not(unix), expect(dead_code, reason = "where keys come one by one already, no bytes are read"))]

use std::io::{self, Read};

/// A key that means something to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    Home,
    End,
    Tab,
    /// Ctrl-U.
    EraseLine,
    /// Ctrl-W.
    EraseWord,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndOfInput,
    /// The terminal is gone.
    Gone,
    /// What follows, up to the end, is pasted and not typed.
    PasteBegins,
    /// The pasted text is over.
    PasteEnds,
    /// Any other.
    Other,
}

/// Reads the next key.
pub(super) fn read_key(input: &mut impl Read) -> io::Result<Key> {
    let Some(first) = byte(input)? else { return Ok(Key::Gone) };
    Ok(match first {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\r' | b'\n' => Key::Enter,
        0x15 => Key::EraseLine,
        0x17 => Key::EraseWord,
        0x1b => escape(input)?,
        0x00..=0x1f => Key::Other,
        0x20..=0x7e => Key::Char(char::from(first)),
        0x80.. => letter(first, input)?,
    })
}

fn byte(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(byte.first().copied()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The rest of a letter outside ASCII.
fn letter(first: u8, input: &mut impl Read) -> io::Result<Key> {
    let length = match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return Ok(Key::Other),
    };
    let mut bytes = vec![first];
    while bytes.len() < length {
        match byte(input)? {
            Some(next) => bytes.push(next),
            None => return Ok(Key::Gone),
        }
    }
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()).map_or(Key::Other, Key::Char))
}

/// A sequence such as `ESC [ D` or `ESC [ 3 ~`; those that mean nothing here are taken off whole.
fn escape(input: &mut impl Read) -> io::Result<Key> {
    match byte(input)? {
        Some(b'[' | b'O') => {}
        Some(_) => return Ok(Key::Other),
        None => return Ok(Key::Gone),
    }
    let mut parameter = 0_u16;
    loop {
        return Ok(match byte(input)? {
            Some(digit @ b'0'..=b'9') => {
                parameter = parameter.saturating_mul(10).saturating_add(u16::from(digit - b'0'));
                continue;
            }
            Some(b';') => {
                parameter = 0;
                continue;
            }
            Some(b'D') => Key::Left,
            Some(b'C') => Key::Right,
            Some(b'H') => Key::Home,
            Some(b'F') => Key::End,
            Some(b'~') => match parameter {
                1 | 7 => Key::Home,
                3 => Key::Delete,
                4 | 8 => Key::End,
                200 => Key::PasteBegins,
                201 => Key::PasteEnds,
                _ => Key::Other,
            },
            Some(_) => Key::Other,
            None => Key::Gone,
        });
    }
}

/// Has the terminal put marks around what is pasted, so that a line break in it answers no further question.
pub(super) const MARK_PASTES: &str = "\x1b[?2004h";
/// Ends that.
pub(super) const LEAVE_PASTES: &str = "\x1b[?2004l";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(mut bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        loop {
            let key = read_key(&mut bytes).unwrap();
            if key == Key::Gone {
                return keys;
            }
            keys.push(key);
        }
    }

    #[test]
    fn sequences_are_taken_off_whole() {
        assert_eq!(
            keys(b"a\x1b[D\x1bOC\x1b[3~\x1b[1;5Hb"),
            [Key::Char('a'), Key::Left, Key::Right, Key::Delete, Key::Home, Key::Char('b')]
        );
        assert_eq!(keys("ß€\u{1f511}".as_bytes()), [Key::Char('ß'), Key::Char('€'), Key::Char('\u{1f511}')]);
        assert_eq!(keys(b"\x03\x15\x7f\r"), [Key::Interrupt, Key::EraseLine, Key::Backspace, Key::Enter]);
        assert_eq!(keys(b"\xffx\x1b[24~y"), [Key::Other, Key::Char('x'), Key::Other, Key::Char('y')]);
        assert_eq!(keys(b"\x1b[200~a\r\x1b[201~"), [Key::PasteBegins, Key::Char('a'), Key::Enter, Key::PasteEnds]);
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            keys(&bytes);
        }
    }
}
