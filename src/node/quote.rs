//! Quoting for a POSIX shell. One function, because a second opinion on quoting is how commands get injected.

/// `text` as one word for a POSIX shell, whatever bytes it holds but NUL.
///
/// Single quotes protect everything but themselves (POSIX.1-2017, Shell Command Language, 2.2.2).
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;
    use proptest::prelude::*;

    #[expect(clippy::disallowed_methods, reason = "the shells themselves are the judges")]
    fn echoed_by(shell: &[&str], word: &str) -> String {
        let script = format!("printf %s {}", quote(word));
        let output = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(quote("/etc/nginx/nginx.conf"), "/etc/nginx/nginx.conf");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_word_survives_dash_and_busybox(word in "[^\\x00]{0,40}") {
            prop_assert_eq!(echoed_by(&["dash"], &word), word.clone());
            prop_assert_eq!(echoed_by(&["busybox", "sh"], &word), word);
        }
    }
}
