//! Checks: requirements looked at before anything is touched, and the result proved after.
//!
//! Each subject stands in a folder of its own: a table of [`CheckSpec`]s and the code that looks. What crosses
//! a network works on a byte stream that the caller opened (directly, through the jumphost, from a node), so
//! the same check runs from anywhere. Nothing here changes a machine, prints, or reads the clock.

mod assessment;
pub mod health;
pub mod offline;
pub mod proxy;
pub mod reach;
pub mod smtp;
pub mod spec;
pub mod survey;
pub mod tls;

pub use assessment::{Assessment, Counts, NOT_RUN, Waived, WaivedFinding, assess, is_meant, merged};
pub use spec::{CheckSpec, Outcome, Vantage, Verdict};

/// Every check there is, by subject, in the order in which a person would look.
pub fn all() -> Vec<&'static CheckSpec> {
    [
        &[&NOT_RUN],
        offline::CHECKS,
        &[&offline::SECRETS],
        offline::SITE,
        offline::CERTIFICATE,
        survey::CHECKS,
        tls::CHECKS,
        smtp::CHECKS,
        proxy::CHECKS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_check_has_an_id_of_its_own_and_says_what_it_is_and_why() {
        let mut seen = HashSet::new();
        for spec in super::all() {
            assert!(seen.insert(spec.id), "{} stands twice", spec.id);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(spec.id.contains('.') && spec.id.split('.').all(|part| !part.is_empty() && part.chars().all(plain)), "{}", spec.id);
            assert!(!spec.title.is_empty() && !spec.title.ends_with('.'), "{}", spec.id);
            assert!(!spec.source.is_empty(), "{}", spec.id);
        }
    }
}
