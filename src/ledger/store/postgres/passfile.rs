//! libpq's password file: lines of `host:port:database:user:password`, `*` for any, `\` before `:` and `\`.

use std::fs;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::disk::mode_of;

/// The password of the first line that fits host, port, database and user. A file that others may read is not used.
pub(super) fn look_up(path: &Path, wanted: [&str; 4]) -> Option<SecretString> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    if mode_of(&metadata).is_some_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "the password file may be read by others, and is not used");
        return None;
    }
    let text = Zeroizing::new(fs::read_to_string(path).ok()?);
    text.lines().find_map(|line| password_of(line, wanted))
}

fn password_of(line: &str, wanted: [&str; 4]) -> Option<SecretString> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for wanted in wanted {
        let (field, after) = split_field(rest)?;
        // Sockets stand in the file as `localhost`, as in libpq.
        let fits = field == "*" || field == wanted || (field == "localhost" && wanted.starts_with('/'));
        rest = after.filter(|_| fits)?;
    }
    split_field(rest).map(|(password, _)| SecretString::from(password))
}

/// The field at the beginning, and what stands after its colon.
fn split_field(text: &str) -> Option<(String, Option<&str>)> {
    let mut field = String::new();
    let mut letters = text.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '\\' => field.push(letters.next()?.1),
            ':' => return Some((field, text.get(index + 1..))),
            _ => field.push(letter),
        }
    }
    Some((field, None))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let of = |line| password_of(line, ["db.example", "5432", "ledger", "ada"]).map(|secret| secret.expose_secret().to_owned());
        assert_eq!(of("db.example:5432:ledger:ada:hunter2"), Some("hunter2".into()));
        assert_eq!(of("*:*:*:*:a\\:b\\\\c"), Some("a:b\\c".into()));
        for other in ["db.example:5433:*:*:x", "db.example:5432:ledger:bob:x", "#*:*:*:*:x", "db.example:5432", "", "*:*:*:ada"] {
            assert_eq!(of(other), None, "{other}");
        }
        let by_socket = password_of("localhost:*:*:*:x", ["/run/postgresql", "5432", "ledger", "ada"]);
        assert!(by_socket.is_some());
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        for (mode, is_used) in [(0o600, true), (0o640, false)] {
            crate::disk::write_atomically(&path, b"*:*:*:*:x\n", mode, crate::disk::Existing::Replace).unwrap();
            assert_eq!(look_up(&path, ["h", "1", "d", "u"]).is_some(), is_used, "{mode:o}");
        }
    }
}
