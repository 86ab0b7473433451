//! Who holds a machine's lock, and for how long already.

use std::fmt;
use std::time::Duration;

/// Who holds a machine's lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Person, machine, command and run; empty where the holder left no word.
    pub owner: String,
    /// For how long, by the machine's clock, where it tells.
    pub age: Option<Duration>,
}

impl Holder {
    /// Reads the owner's line and the age in seconds, as the machine tells them.
    pub(super) fn parse(owner: &str, age: &str) -> Self {
        Self { owner: owner.trim_end().to_owned(), age: age.parse().ok().map(Duration::from_secs) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.owner.is_empty() { "somebody who left no name" } else { &self.owner })?;
        match self.age.map(|age| age.as_secs()) {
            None => Ok(()),
            Some(seconds @ 0..=119) => write!(formatter, ", for {seconds} s"),
            Some(seconds @ 120..=7199) => write!(formatter, ", for {} min", seconds / 60),
            Some(seconds) => write!(formatter, ", for {} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Holder;

    #[test]
    fn a_holder_is_told_with_the_age_of_the_lock() {
        let told = |owner: &str, age: &str| Holder::parse(owner, age).to_string();
        assert_eq!(told("ada@desk (portcullis apply, run 1)", "7"), "ada@desk (portcullis apply, run 1), for 7 s");
        assert_eq!(told("ada@desk\n", "185"), "ada@desk, for 3 min");
        assert_eq!(told("ada@desk", "90000"), "ada@desk, for 25 h");
        assert_eq!(told("", "-4"), "somebody who left no name");
    }
}
