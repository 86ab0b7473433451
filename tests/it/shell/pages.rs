//! Man pages: complete, and without fault for the two programs that show them.

use std::process::Stdio;

use super::{command, desk};

#[test]
fn man_pages_pass_both_readers_without_a_warning() {
    let folder = desk();
    let out = folder.path().join("pages");
    let made = command(folder.path(), "portcullis").args(["man", "--out"]).arg(&out).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut pages: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() > 40 && pages.iter().any(|page| page.ends_with("portcullis-access-open.1")), "{pages:?}");
    for page in &pages {
        let shown = command(folder.path(), "man").args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]).arg(page).output().unwrap();
        let said = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success() && said.is_empty(), "man, {}: {said}", page.display());
        let looked =
            command(folder.path(), "mandoc").args(["-T", "lint", "-W", "warning"]).arg(page).stdin(Stdio::null()).output().unwrap();
        assert!(looked.status.success(), "mandoc, {}: {}", page.display(), String::from_utf8_lossy(&looked.stdout));
    }
}
