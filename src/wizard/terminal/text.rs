//! Words in lines of a terminal's width.

/// Columns that a text takes.
pub(super) fn width_of(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Breaks a text between words into lines of at most `width` columns, the first after `first`, the others after as many
/// blanks. A word that is longer is broken anywhere; line breaks stay.
pub fn wrapped(text: &str, first: &str, width: usize) -> String {
    let blank = " ".repeat(width_of(first));
    let room = width.saturating_sub(width_of(first)).max(8);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word;
            if !line.is_empty() && width_of(&line) + 1 + width_of(word) > room {
                lines.push(std::mem::take(&mut line));
            }
            while line.is_empty() && width_of(word) > room {
                let (head, tail) = word.split_at(fitting(word, room));
                lines.push(head.to_owned());
                word = tail;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    let indented = lines.iter().enumerate().map(|(place, line)| format!("{}{line}", if place == 0 { first } else { &blank }));
    indented.collect::<Vec<_>>().join("\n")
}

/// How many bytes of `word` fit into `room` columns; one letter at least.
fn fitting(word: &str, room: usize) -> usize {
    let ends = word.char_indices().map(|(place, letter)| place + letter.len_utf8());
    let fits = ends.clone().take_while(|end| word.get(..*end).is_some_and(|head| width_of(head) <= room)).last();
    fits.or_else(|| ends.take(1).last()).unwrap_or(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrapped("one two three\nfour", "  ", 11), "  one two\n  three\n  four");
        assert_eq!(wrapped("a0123456789012345", "- ", 10), "- a0123456\n  78901234\n  5");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_wide(text in "[a-z ]{0,80}", width in 12..60_usize) {
            let lines = wrapped(&text, "  ", width);
            prop_assert!(lines.lines().all(|line| width_of(line) <= width), "{lines}");
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines), letters(&text));
        }
    }
}
