//! Durations as people write them: `90m`, `4h`, `1d12h`. A day is 24 hours, whatever the clocks do.

use jiff::SignedDuration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing.
    #[error("a duration is missing")]
    Empty,
    /// It is not numbers with units.
    #[error("`{text}` is not a duration")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// Units twice or in the wrong order.
    #[error("`{text}` has its units twice or out of order")]
    OutOfOrder {
        /// What was given.
        text: String,
    },
    /// Longer than can be reckoned with.
    #[error("`{text}` is too long")]
    TooLong {
        /// What was given.
        text: String,
    },
}

impl DurationError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("write days, hours, minutes and seconds in that order: `90m`, `4h`, `1d12h`".to_owned())
    }
}

/// Units with their seconds, longest first: the order in which they may stand.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A hundred years: beyond it, sums with time stamps overflow.
const LONGEST_SECONDS: i64 = 100 * 366 * 86_400;

/// Reads `90m`, `4h`, `1d12h`. Each unit once, longest first, whole numbers.
pub fn parse_duration(text: &str) -> Result<SignedDuration, DurationError> {
    let malformed = || DurationError::Malformed { text: text.to_owned() };
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut seconds = 0_i64;
    let mut remaining = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(malformed)?;
        let unit = after.chars().next().ok_or_else(malformed)?;
        if number.is_empty() || !UNITS.iter().any(|(letter, _)| *letter == unit) {
            return Err(malformed());
        }
        let Some((_, length)) = remaining.find(|(letter, _)| *letter == unit) else {
            return Err(DurationError::OutOfOrder { text: text.to_owned() });
        };
        let sum = number.parse::<i64>().ok().and_then(|number| number.checked_mul(*length)).and_then(|part| seconds.checked_add(part));
        seconds = sum.filter(|sum| *sum <= LONGEST_SECONDS).ok_or_else(|| DurationError::TooLong { text: text.to_owned() })?;
        rest = after.strip_prefix(unit).unwrap_or_default();
    }
    Ok(SignedDuration::from_secs(seconds))
}

/// Writes a duration as [`parse_duration`] reads it; parts of a second are left out.
pub fn format_duration(duration: SignedDuration) -> String {
    let mut rest = duration.as_secs().max(0);
    let mut text = String::new();
    for (unit, length) in UNITS {
        let number = rest / length;
        rest %= length;
        if number > 0 {
            text.push_str(&number.to_string());
            text.push(unit);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_contracts_examples_are_read() {
        assert_eq!(parse_duration("90m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(parse_duration("4h"), Ok(SignedDuration::from_hours(4)));
        assert_eq!(parse_duration("1d12h"), Ok(SignedDuration::from_hours(36)));
    }

    #[test]
    fn nonsense_is_refused_by_its_kind() {
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        for text in ["h", "4", "4x", "-4h", "4.5h", "4 h", "h4", "4hours", "４h"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Malformed { .. })), "{text}");
        }
        for text in ["4h4h", "30m1h"] {
            assert!(matches!(parse_duration(text), Err(DurationError::OutOfOrder { .. })), "{text}");
        }
        for text in ["999999999999d", "99999999999999999999s"] {
            assert!(matches!(parse_duration(text), Err(DurationError::TooLong { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0..LONGEST_SECONDS) {
            let duration = SignedDuration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            drop(parse_duration(&text));
        }
    }
}
