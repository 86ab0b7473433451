//! The site file as text: tree, shape, input structs, and what is wrong with it.
//!
//! Text → tree (places) → shape (schema) → input structs → `validate`. Problems of shape and of meaning are told together.

pub(crate) mod input;
pub(crate) mod mask;
pub(crate) mod problems;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod shape;
pub(crate) mod tree;

use serde::Deserialize;

use input::SiteFile;
use problems::Problems;

/// Reads what is sound of a site file into the input structs; `None` where nothing is.
pub(crate) fn read(text: &str, problems: &mut Problems<'_>) -> Option<SiteFile> {
    let mut root = match tree::parse(text) {
        Ok(root) => root,
        Err(error) => {
            problems.add(error.span, error.message, error.help);
            return None;
        }
    };
    if root.value == tree::Value::Null {
        problems.add(0..0, "the file holds no site", problems::SITE.example.to_owned());
        return None;
    }
    let all = root.span.clone();
    shape::check_root(&mut root, schema::schema(), problems);
    match SiteFile::deserialize(&root) {
        Ok(file) => Some(file),
        Err(error) if problems.is_empty() => {
            problems.add(error.span.unwrap_or(all), error.message, None);
            None
        }
        // Told already, by its cause.
        Err(_) => None,
    }
}
