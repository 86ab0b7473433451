//! What would change in a file, as a unified diff. A secret's content is never in it.

use similar::TextDiff;

/// The unified diff of two texts, with three lines of context; `None` where they are equal.
pub(crate) fn unified(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Option<String> {
    if old == new {
        return None;
    }
    let (before, after) = (text(old), text(new));
    let (Some(before), Some(after)) = (before, after) else {
        return Some(format!("{path}: not text; {} → {} bytes\n", old.map_or(0, <[u8]>::len), new.map_or(0, <[u8]>::len)));
    };
    let name = |side: Option<&[u8]>| if side.is_some() { path } else { "/dev/null" };
    Some(TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(name(old), name(new)).to_string())
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes.unwrap_or_default()).ok().filter(|text| !text.contains('\0'))
}
