//! Names: RFC 9525 (which replaced RFC 6125). A wildcard stands for one whole label on the left; the common name is
//! not looked at by anybody since 2017.

use std::net::IpAddr;

use super::subject_of;
use crate::certs::certificate::{Certificate, SubjectName};
use crate::certs::verdict::{SERVICE_IDENTITY, Verdict};
use crate::finding::Finding;

const MISSING: Verdict<'_> = Verdict::new("cert.name.missing", SERVICE_IDENTITY);
const DEPTH: Verdict<'_> = Verdict::new("cert.name.wildcard-depth", SERVICE_IDENTITY);

/// Whether the certificate is for `name`: a DNS name in any case, in Unicode or punycode; a wildcard; or an address.
pub fn covers(certificate: &Certificate, name: &str) -> bool {
    if let Ok(address) = name.parse::<IpAddr>() {
        return certificate.extensions.names.contains(&SubjectName::Ip(address));
    }
    let Some(wanted) = ascii(name) else { return false };
    certificate.extensions.dns_names().any(|presented| matches(presented, &wanted))
}

/// A DNS name as certificates hold it: lower case, punycode, without the final dot. `None`: not a name.
pub(crate) fn ascii(name: &str) -> Option<String> {
    let name = name.trim().strip_suffix('.').unwrap_or(name.trim());
    let (star, rest) = name.strip_prefix("*.").map_or(("", name), |rest| ("*.", rest));
    let plain = idna::domain_to_ascii(rest).ok().filter(|plain| !plain.is_empty())?;
    Some(format!("{star}{plain}"))
}

/// A host name, wildcard or address that a certificate can be asked for or checked against, as certificates hold it.
/// `None`: something else, such as an address with scheme, port or path. Underscores and names of one label are no DNS
/// host names, but stand in private certificates.
pub fn host_name(text: &str) -> Option<String> {
    if let Ok(address) = text.trim().parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let plain = ascii(text)?;
    let sound = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels = plain.strip_prefix("*.").unwrap_or(&plain);
    // Four numbers that are no address are a mistyped one.
    let address = labels.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    (plain.len() <= 253 && !address && labels.split('.').all(sound)).then_some(plain)
}

/// `wanted` is in the form of [`ascii`]; `presented` as the certificate has it, where a final dot has no place (RFC 5280,
/// 4.2.1.6: the preferred name syntax), so that clients find no match.
fn matches(presented: &str, wanted: &str) -> bool {
    if presented.eq_ignore_ascii_case(wanted) {
        return true;
    }
    // A wildcard for a whole top-level domain is none (browsers refuse it).
    let base = presented.strip_prefix("*.").filter(|base| base.contains('.') && !base.contains('*'));
    let below = wanted.split_once('.').filter(|(label, _)| *label != "*" && !label.is_empty());
    matches!((base, below), (Some(base), Some((_, rest))) if base.eq_ignore_ascii_case(rest))
}

pub(super) fn review(leaf: &Certificate, names: &[String], findings: &mut Vec<Finding>) {
    if names.is_empty() && leaf.extensions.names.iter().all(|name| matches!(name, SubjectName::Other(_))) {
        let message = format!("{}, so that no client accepts it for any name", without_names(leaf));
        let fix = "ask the CA to issue it again with all names that the site needs among its subject alternative names (SAN): `portcullis cert csr` makes the request";
        findings.push(MISSING.error(&subject_of(leaf), message, fix));
    }
    for name in names.iter().filter(|name| !covers(leaf, name)) {
        let wanted = ascii(name).unwrap_or_else(|| name.clone());
        findings.push(MISSING.error(name, missing_message(leaf, &wanted), missing_fix(&wanted)));
        if let Some(wildcard) = wildcard_of_other_depth(leaf, &wanted) {
            let base = wildcard.trim_start_matches("*.");
            let message = if wanted.eq_ignore_ascii_case(base) {
                format!("{wildcard} does not cover {wanted} itself: a wildcard stands for exactly one label")
            } else {
                format!("{wildcard} does not reach down to {wanted}: a wildcard stands for exactly one label")
            };
            let parent = wanted.split_once('.').map_or("", |(_, rest)| rest);
            let fix = if wanted.eq_ignore_ascii_case(base) || wanted.starts_with("*.") {
                format!("ask the CA to add {wanted} beside {wildcard}")
            } else {
                format!("ask the CA to add *.{parent} (or {wanted}) beside {wildcard}")
            };
            findings.push(DEPTH.error(name, message, fix));
        }
    }
}

/// Names of the certificate that a message lists.
const SHOWN: usize = 8;

fn missing_fix(wanted: &str) -> String {
    if wanted.parse::<IpAddr>().is_ok() {
        let entry = format!("an entry `IP Address: {wanted}` among its subject alternative names (SAN)");
        return format!(
            "let people and machines use a name that the certificate covers; or ask for a certificate with {entry}: `portcullis cert csr --name {wanted}` makes the request, and public CAs certify public addresses alone"
        );
    }
    format!(
        "ask the CA to issue it again with {wanted} among its subject alternative names (SAN), and all others that the site needs: `portcullis cert csr` makes the request"
    )
}

fn missing_message(leaf: &Certificate, wanted: &str) -> String {
    let presented: Vec<&str> = leaf.extensions.dns_names().collect();
    let addresses = leaf.extensions.names.iter().filter(|name| matches!(name, SubjectName::Ip(_))).map(ToString::to_string);
    let listed: Vec<String> = presented.iter().map(ToString::to_string).chain(addresses).collect();
    if leaf.subject.common_name().is_some_and(|common| matches(common, wanted)) {
        return format!(
            "{wanted} stands in the common name of {} alone; clients look at the subject alternative names only",
            subject_of(leaf)
        );
    }
    if listed.is_empty() {
        return format!("{}, so no client accepts it for {wanted}", without_names(leaf));
    }
    if wanted.parse::<IpAddr>().is_ok_and(|wanted| presented.iter().any(|name| name.parse() == Ok(wanted))) {
        return format!("the certificate holds {wanted} as a DNS name, where clients look for an entry of the kind IP Address");
    }
    if let Some(raw) = presented.iter().find(|name| !name.is_ascii() && ascii(name).as_deref() == Some(wanted)) {
        return format!("the certificate holds {raw} in Unicode, where {wanted} must stand");
    }
    if let Some(dotted) = presented.iter().find(|name| name.strip_suffix('.').is_some_and(|plain| matches(plain, wanted))) {
        return format!("the certificate holds {dotted} with a final dot, which no client takes for {wanted}");
    }
    if let Some(wide) = presented.iter().find(|name| name.strip_prefix("*.").is_some_and(|top| is_below_top(wanted, top))) {
        return format!("the certificate holds {wide}, a wildcard for a whole top-level domain, which no client takes for {wanted}");
    }
    let more = listed.len().saturating_sub(SHOWN);
    let shown = listed.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("no name of {} covers {wanted}; it is for {shown}{more}", subject_of(leaf))
}

/// That it has no name that a client looks at; there may be others.
fn without_names(leaf: &Certificate) -> String {
    let others: Vec<String> = leaf.extensions.names.iter().take(SHOWN).map(ToString::to_string).collect();
    if others.is_empty() {
        return format!("{} has no subject alternative name at all", subject_of(leaf));
    }
    format!("{} has no DNS name and no address among its subject alternative names, only {}", subject_of(leaf), others.join(", "))
}

/// Whether `top` is a top-level domain and `wanted` stands directly below it.
fn is_below_top(wanted: &str, top: &str) -> bool {
    !top.contains('.') && wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(top))
}

/// A wildcard whose base is `wanted` itself, or stands two labels or more above it.
fn wildcard_of_other_depth<'a>(leaf: &'a Certificate, wanted: &str) -> Option<&'a str> {
    let below = |base: &str| {
        let base = base.to_ascii_lowercase();
        wanted == base || wanted.strip_suffix(&base).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
    };
    let bases = leaf.extensions.dns_names().filter_map(|name| name.strip_prefix("*.").map(|base| (name, base)));
    // The nearest one explains most.
    bases.filter(|(_, base)| below(base) && base.contains('.')).max_by_key(|(_, base)| base.len()).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(presented: &str, wanted: &str) -> bool {
        ascii(wanted).is_some_and(|wanted| matches(presented, &wanted))
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        assert!(covered("*.dev.example.com", "a.dev.example.com"));
        assert!(!covered("*.dev.example.com", "dev.example.com"));
        assert!(!covered("*.dev.example.com", "a.wt.dev.example.com"));
        assert!(!covered("*.com", "example.com"));
        assert!(!covered("f*.example.com", "foo.example.com"));
        assert!(!covered("a.*.example.com", "a.b.example.com"));
        assert!(!covered("*.*.example.com", "a.b.example.com"));
    }

    #[test]
    fn what_is_no_host_name_is_told_from_what_is() {
        for (text, plain) in [("A.Example.com.", "a.example.com"), ("*.bücher.example", "*.xn--bcher-kva.example"), ("::1", "::1")] {
            assert_eq!(host_name(text).as_deref(), Some(plain));
        }
        for (text, plain) in [("10.0.0.1", "10.0.0.1"), ("intranet", "intranet"), ("a_b.example.com", "a_b.example.com")] {
            assert_eq!(host_name(text).as_deref(), Some(plain));
        }
        for text in ["bad name", "https://a.example.com", "a.example.com:443", "", "a..b", "*.*.b.com", "10.0.0.256", "-a.b"] {
            assert_eq!(host_name(text), None, "{text}");
        }
    }

    #[test]
    fn case_final_dots_and_punycode_do_not_matter() {
        assert!(covered("Manage.Example.COM", "manage.example.com."));
        assert!(covered("xn--bcher-kva.example", "bücher.example"));
        assert!(covered("XN--BCHER-KVA.example", "BÜCHER.example"));
        assert!(covered("*.example.com", "xn--bcher-kva.example.com"));
        assert!(!covered("bücher.example", "bücher.example"));
    }

    #[test]
    fn a_final_dot_in_the_certificate_is_no_match_and_is_named() {
        assert!(!covered("a.example.com.", "a.example.com") && !covered("a.example.com.", "a.example.com."));
        let made = crate::certs::testing::leaf(&["a.example.com."]);
        let leaf = Certificate::from_der(&made.der, crate::certs::Origin::default()).unwrap();
        let mut findings = Vec::new();
        review(&leaf, &["a.example.com".to_owned()], &mut findings);
        assert!(matches!(findings.as_slice(), [one] if one.id == "cert.name.missing" && one.message.contains("final dot")), "{findings:?}");
    }

    #[test]
    fn a_wildcard_that_is_wanted_is_covered_by_itself_alone() {
        assert!(covered("*.example.com", "*.example.com"));
        assert!(!covered("*.example.com", "*.a.example.com"));
        assert!(!covered("a.example.com", "*.example.com"));
    }

    /// Message and fix of each finding about `wanted`, for a certificate with these names.
    fn told(names: &[&str], wanted: &str) -> String {
        let made = crate::certs::testing::leaf(names);
        let leaf = Certificate::from_der(&made.der, crate::certs::Origin::default()).unwrap();
        let mut findings = Vec::new();
        review(&leaf, &[wanted.to_owned()], &mut findings);
        findings.iter().map(|one| format!("{}: {} | {}", one.id, one.message, one.fix)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn addresses_are_listed_and_asked_for_as_such() {
        let text = told(&["a.example.com", "192.0.2.1"], "192.0.2.2");
        assert!(text.contains("it is for a.example.com, 192.0.2.1") && text.contains("IP Address: 192.0.2.2"), "{text}");
        assert_eq!(told(&["192.0.2.1"], "192.0.2.1"), "");
    }

    #[test]
    fn an_address_that_stands_there_as_a_dns_name_is_told_as_what_it_is() {
        let names = [SubjectName::Dns("10.0.0.1".to_owned())];
        let text = told_of(&names, &["10.0.0.1"]);
        assert!(text.contains("holds 10.0.0.1 as a DNS name") && text.contains("IP Address: 10.0.0.1"), "{text}");
    }

    #[test]
    fn a_certificate_without_any_name_that_clients_look_at_is_a_finding_whatever_is_asked() {
        let mail = SubjectName::Other("admin@example.com".to_owned());
        for names in [&[][..], &["a.example.com"]] {
            let text = told_of(&[], names);
            assert!(text.contains("cert.name.missing") && text.contains("no subject alternative name at all"), "{text}");
            let text = told_of(std::slice::from_ref(&mail), names);
            assert!(text.contains("only admin@example.com") && !text.contains("at all"), "{text}");
        }
        assert_eq!(told_of(&[SubjectName::Dns("a.example.com".to_owned())], &[]), "");
    }

    /// As `told`, of names that no test certificate is made with.
    fn told_of(names: &[SubjectName], wanted: &[&str]) -> String {
        let made = crate::certs::testing::leaf(&["a.example.com"]);
        let mut leaf = Certificate::from_der(&made.der, crate::certs::Origin::default()).unwrap();
        leaf.extensions.names = names.to_vec();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let mut findings = Vec::new();
        review(&leaf, &wanted, &mut findings);
        findings.iter().map(|one| format!("{}: {} | {}", one.id, one.message, one.fix)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_fix_asks_for_a_wildcard_that_no_ca_issues() {
        let text = told(&["*.com"], "example.com");
        assert!(text.contains("a wildcard for a whole top-level domain") && !text.contains("wildcard-depth"), "{text}");
        let text = told(&["*.example.com"], "*.a.example.com");
        assert!(text.contains("add *.a.example.com beside *.example.com"), "{text}");
    }
}
