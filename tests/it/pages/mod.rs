//! Pages of ours as their readers see them: in Chromium, light and dark, at a desk and on a phone, without scripts, on paper.
//! Needs the packages `chromium` and `chromium-driver`; `look.py` tells what it looks at.

mod checks;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that is wrong with these pages, a line each.
#[expect(clippy::disallowed_methods, reason = "a browser judges what was written")]
fn wrong_with(pages: &[&Path]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pages/look.py");
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).args(pages);
    if let Some(folder) = std::env::var_os("PORTCULLIS_PICTURES") {
        command.arg("--pictures").arg(folder);
    }
    let output = command.output().unwrap_or_else(|error| panic!("no python3: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the pages could not be looked at (packages chromium, chromium-driver): {said}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Fails, saying what is wrong, unless these pages can be read by everybody.
#[track_caller]
pub(crate) fn assert_readable(pages: &[&Path]) {
    let wrong = wrong_with(pages);
    assert!(wrong.is_empty(), "{} things:\n{}", wrong.len(), wrong.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "pages to be looked at")]
fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_page_that_is_too_wide_too_pale_too_small_cut_or_not_alone_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let line = "<p>One line of many.</p>".repeat(10);
    let page = format!(
        "<!doctype html><title>t</title><meta name=viewport content='width=device-width'>{line}<p style='color:#aaa;background:#fff'>pale words</p>\
         <p style='font-size:7px'>small words</p><p style='width:1500px'>wide</p><img src='http://192.0.2.1/seen.png'>\
         <a href='#nowhere'>away</a><script>document.title = 'ran'</script>\
         <div style='width:60px;overflow:hidden;white-space:nowrap'>words that do not fit in there</div>\
         <div style='position:absolute;top:8px;left:8px'>words over words</div>\
         <svg width=300 height=60><rect class=place x=5 y=5 width=60 height=40 fill='#eee'/><text x=10 y=25>longer than its box is</text></svg>"
    );
    let wrong = wrong_with(&[&write(folder.path(), "bad.html", page)]).join("\n");
    for what in [
        "px wide in a window of 1280",
        "at 390 px, dark: is ",
        "holds <script>",
        "holds <img>",
        "leads to #nowhere",
        "asks for http://192.0.2.1/seen.png",
        "\"pale words\" has a contrast of 2.",
        "\"small words\" is written in 7.0 px",
        "\"words that do not fit in there\" is cut by <div>",
        "\"longer than its box is\" leaves its box",
        "is written over",
    ] {
        assert!(wrong.contains(what), "`{what}` is not said in\n{wrong}");
    }
    let good = format!("<!doctype html><title>t</title><meta name=viewport content='width=device-width'>{line}");
    assert_readable(&[&write(folder.path(), "good.html", good)]);
}
