//! A marked block of a file that is otherwise not ours.

/// The text of a file with the block `name` set to `content`; an empty content takes the block away.
///
/// Everything outside the markers stays to the byte. A block whose end is missing reaches to its last line of
/// ours only: the begin line itself, so that nothing of the customer's is lost.
pub(crate) fn with_block(current: &str, name: &str, content: &str) -> String {
    let begin = format!("# BEGIN portcullis {name}");
    let end = format!("# END portcullis {name}");
    let mut before = String::new();
    let mut rest = current;
    let mut after = None;
    while let Some((line, remaining)) = split_line(rest) {
        if line.trim_end() == begin {
            after = Some(behind(remaining, &end));
            break;
        }
        before.push_str(line);
        rest = remaining;
    }
    let after = after.unwrap_or_default();
    if content.is_empty() {
        return before + after;
    }
    if !before.is_empty() && !before.ends_with('\n') {
        before.push('\n');
    }
    let line_break = if content.ends_with('\n') { "" } else { "\n" };
    format!("{before}{begin}\n{content}{line_break}{end}\n{after}")
}

fn split_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_at(text.find('\n').map_or(text.len(), |at| at + 1)))
}

fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    let mut rest = text;
    while let Some((line, remaining)) = split_line(rest) {
        if line.trim_end() == end {
            return remaining;
        }
        rest = remaining;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::with_block;
    use proptest::prelude::*;

    #[test]
    fn a_block_is_added_changed_and_taken_away() {
        let added = with_block("LANG=C\n", "proxy", "a=1\n");
        assert_eq!(added, "LANG=C\n# BEGIN portcullis proxy\na=1\n# END portcullis proxy\n");
        let with_more = format!("{added}X=1\n");
        assert_eq!(with_block(&with_more, "proxy", "a=2"), "LANG=C\n# BEGIN portcullis proxy\na=2\n# END portcullis proxy\nX=1\n");
        assert_eq!(with_block(&with_more, "proxy", ""), "LANG=C\nX=1\n");
    }

    #[test]
    fn a_block_without_its_end_loses_nothing() {
        assert_eq!(with_block("# BEGIN portcullis p\nX=1\n", "p", ""), "X=1\n");
    }

    proptest! {
        #[test]
        fn setting_a_block_twice_is_setting_it_once(current in "([a-z#\n ]{0,30}\n)?", content in "([a-z=]{1,9}\n){0,3}") {
            let once = with_block(&current, "b", &content);
            prop_assert_eq!(with_block(&once, "b", &content), once.clone());
            prop_assert_eq!(with_block(&once, "b", ""), current);
        }
    }
}
