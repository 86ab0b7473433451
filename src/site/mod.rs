//! The site file: one environment (production cluster, development node, QA) as data.
//!
//! `model` is what the rest of the house works with. Text becomes a tree with places (`file`), is compared
//! with the schema, and is judged (`validate`); all problems are told at once, each with its line.
//! Pure but for `load`, which reads the file, and `secret`, which resolves references at use.

pub mod duration;
pub(crate) mod file;
mod files;
mod findings;
pub mod model;
mod problem;
pub mod profile;
pub mod secret;
pub mod secret_ref;
pub mod validate;

use std::path::Path;

use file::problems::Problems;
use model::Site;

pub use files::{FileUse, SiteFile};
pub use findings::{attested, findings};
pub use problem::{FileProblem, SiteErrors};

/// Largest site file, in bytes. A thousand nodes take a fifth of it.
const LARGEST: u64 = 1024 * 1024;

/// Reads and validates the site file at `path`; `~/` in it stands for `home`.
///
/// Fails with all that is wrong, each problem with its place.
pub fn load(path: &Path, home: &Path) -> Result<Site, SiteErrors> {
    let unreadable = |source: std::io::Error| {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::NotFound { SiteErrors::Missing { path } } else { SiteErrors::Unreadable { path, source } }
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return Err(SiteErrors::TooLarge { path: path.to_owned(), size, limit: LARGEST });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| not_text(path, &bytes, error))?;
    parse_at(text, path, home)
}

/// Validates a text as [`load`] would, were it the file at `path`; that need not be there yet.
pub fn parse_at(text: &str, path: &Path, home: &Path) -> Result<Site, SiteErrors> {
    // A relative path in the site must not depend on where a command happens to run.
    let absolute = std::path::absolute(path).map_err(|source| SiteErrors::Unreadable { path: path.to_owned(), source })?;
    let folder = absolute.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Site { folder, ..read(text, path, Some(home))? })
}

/// Validates the text of a site file; `path` names it in messages. Touches nothing; `~/` stays as it is.
pub fn parse(text: &str, path: &Path) -> Result<Site, SiteErrors> {
    read(text, path, None)
}

/// The JSON Schema (draft 2020-12) of a site file, for editors.
pub fn schema() -> serde_json::Value {
    file::schema::schema().clone()
}

fn read(text: &str, path: &Path, home: Option<&Path>) -> Result<Site, SiteErrors> {
    let mut problems = Problems::new(path, text);
    let site = file::read(text, &mut problems).and_then(|file| validate::site(&file, path, home, &mut problems));
    match site {
        Some(site) if problems.is_empty() => Ok(site),
        _ => Err(problems.finish()),
    }
}

fn not_text(path: &Path, bytes: &[u8], error: std::str::Utf8Error) -> SiteErrors {
    let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let text = String::from_utf8_lossy(sound);
    let mut problems = Problems::new(path, &text);
    let help = "save the file as UTF-8; a certificate or a PFX belongs in a file of its own".to_owned();
    problems.add(text.len()..text.len(), "the file is not UTF-8 text", help);
    problems.finish()
}
