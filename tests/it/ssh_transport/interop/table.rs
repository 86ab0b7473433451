//! `docs/interop.md`: its tables stand between marks, and each is held against what a test has seen.
//!
//! What a server agrees on depends on its version. A row that was made with another version than the one at hand is
//! still tested, but its algorithms are not compared.

use std::path::PathBuf;

use portcullis::ssh::Negotiated;

/// A server that works, as node and as jumphost.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) agreed: Negotiated,
    pub(super) note: String,
}

impl Row {
    fn line(&self) -> String {
        let Negotiated { kex, host_key, cipher, strict } = &self.agreed;
        let strict = if *strict { "yes" } else { "no" };
        format!("| {} | {} | yes | yes | {kex} | {host_key} | {cipher} | {strict} | {} |", self.name, self.version, self.note)
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/interop.md")
}

/// Holds the rows of the table `mark` against the documented ones.
pub(super) fn check(mark: &str, rows: &[Row]) {
    let lines: Vec<String> = rows.iter().map(Row::line).collect();
    let documented = check_or_update(mark, &lines);
    assert_eq!(documented.len(), rows.len(), "docs/interop.md has other rows in `{mark}`: run with UPDATE_DOCS=1");
    for (row, line) in rows.iter().zip(documented) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (name, version) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        assert_eq!(name, row.name, "docs/interop.md is stale: run with UPDATE_DOCS=1");
        assert!(version != row.version || line == row.line(), "docs/interop.md is stale: {line}\nis now {}", row.line());
    }
}

/// Holds the lines of the table `mark` against the documented ones.
pub(super) fn check_lines(mark: &str, lines: &[String]) {
    assert_eq!(check_or_update(mark, lines), lines, "docs/interop.md is stale: run with UPDATE_DOCS=1");
}

/// The documented lines under `mark`, made anew first where that is asked for.
fn check_or_update(mark: &str, lines: &[String]) -> Vec<String> {
    // Two tests that update at once must not lose each other's table.
    static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let writing = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = std::fs::read_to_string(path()).unwrap();
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("docs/interop.md has no `{mark}`"));
    let (table, after) = rest.split_once(&end).unwrap();
    // The head and the line below it are written by hand.
    let head: Vec<_> = table.lines().take(2).collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let table = head.iter().map(ToString::to_string).chain(lines.iter().cloned()).collect::<Vec<_>>().join("\n");
        let text = format!("{before}{begin}{table}\n{end}{after}");
        portcullis::disk::write_atomically(&path(), text.as_bytes(), 0o644, portcullis::disk::Existing::Replace).unwrap();
        drop(writing);
        return lines.to_vec();
    }
    drop(writing);
    table.lines().skip(2).map(ToOwned::to_owned).collect()
}
