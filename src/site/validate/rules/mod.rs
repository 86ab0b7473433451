//! Rules for single values: names, addresses, URLs, mail addresses. Pure; used by the site file and by `init` alike.
//!
//! Each gives back the value in the form in which the model holds it. No error repeats credentials.

mod database;
mod error;

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use database::postgres_url;
pub use error::RuleError;

use crate::site::model::WeeklyHours;

/// A DNS name with a domain, lower case, in its ASCII form (RFC 1123, RFC 5891).
pub fn dns_name(text: &str) -> Result<String, RuleError> {
    let given = || text.to_owned();
    if text.starts_with("*.") {
        return Err(RuleError::Wildcard { text: given() });
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(RuleError::Address { text: given() });
    }
    let name = label_list(text)?;
    if name.contains('.') { Ok(name) } else { Err(RuleError::NoDomain { text: given() }) }
}

/// An IP address or a DNS name, which need not have a domain.
pub fn host(text: &str) -> Result<String, RuleError> {
    if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    if text.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return Err(RuleError::UserWithPassword);
    }
    if text.contains(':') && !text.contains("::") {
        return Err(RuleError::Port { text: text.to_owned(), problem: "has a key of its own" });
    }
    label_list(text)
}

/// `host` or `host:port`; an IPv6 address stands in brackets where a port follows.
pub fn host_and_port(text: &str) -> Result<(String, Option<u16>), RuleError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, after) = match bracketed {
        Some((name, "")) => (name, None),
        Some((name, after)) => (name, Some(after.trim_start_matches(':'))),
        None if text.parse::<IpAddr>().is_ok() => (text, None),
        None => text.rsplit_once(':').map_or((text, None), |(name, after)| (name, Some(after))),
    };
    Ok((host(name)?, after.map(port).transpose()?))
}

/// A port, from 1.
pub fn port(text: &str) -> Result<u16, RuleError> {
    let number = text.parse::<u16>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| RuleError::Port { text: text.to_owned(), problem: "is none" })
}

fn label_list(text: &str) -> Result<String, RuleError> {
    let given = || text.to_owned();
    if text.trim().is_empty() {
        return Err(RuleError::Empty);
    }
    // Before IDNA, which would complain of the same letters in its own way.
    if let Some(letter) = text.chars().find(|letter| letter.is_ascii() && !letter.is_ascii_alphanumeric() && !"-.".contains(*letter)) {
        return Err(RuleError::Letter { text: given(), letter });
    }
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY);
    let Ok(ascii) = ascii else { return Err(RuleError::NotInternational { text: given() }) };
    let name = ascii.strip_suffix('.').unwrap_or(&ascii).to_lowercase();
    if let Some(letter) = name.chars().find(|letter| !(letter.is_ascii_alphanumeric() || "-.".contains(*letter))) {
        return Err(RuleError::Letter { text: given(), letter });
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(RuleError::EmptyLabel { text: given() });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(RuleError::Dash { text: given() });
        }
    }
    if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        return Err(RuleError::TooLong { text: given() });
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.chars().all(|letter| letter.is_ascii_digit()) {
        return Err(RuleError::NoAddress { text: given() });
    }
    Ok(name)
}

/// The URL of an HTTP proxy: scheme, host, port, and nothing else.
pub fn proxy_url(text: &str) -> Result<String, RuleError> {
    if text.trim_end().to_lowercase().rsplit('.').next() == Some("pac") {
        return Err(RuleError::Script { text: text.to_owned() });
    }
    bare_url(text, &["http", "https"], "`http://` or `https://`")
}

/// The URL of a directory: `ldap://` or `ldaps://`, host and port.
pub fn ldap_url(text: &str) -> Result<String, RuleError> {
    bare_url(text, &["ldap", "ldaps"], "`ldap://` or `ldaps://`")
}

fn bare_url(text: &str, known: &[&str], schemes: &'static str) -> Result<String, RuleError> {
    let parts = text.split_once("://");
    // Looked at first: no later error may repeat what stands before the `@`.
    if let Some((user, _)) = parts.map_or(text, |(_, rest)| rest).rsplit_once('@') {
        return Err(if user.contains(':') { RuleError::Credentials } else { RuleError::User });
    }
    let (scheme, rest) = parts
        .filter(|(scheme, _)| known.contains(&scheme.to_lowercase().as_str()))
        .ok_or_else(|| RuleError::Scheme { text: text.to_owned(), schemes })?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return Err(RuleError::Path { text: text.to_owned() });
    }
    let (name, number) = host_and_port(authority)?;
    let name = if name.contains(':') { format!("[{name}]") } else { name };
    let number = number.map(|number| format!(":{number}")).unwrap_or_default();
    Ok(format!("{}://{name}{number}", scheme.to_lowercase()))
}

/// A bare mail address (RFC 5321).
pub fn mail_address(text: &str) -> Result<String, RuleError> {
    let wrong = || RuleError::Mail { text: text.to_owned() };
    let Ok(address) = lettre::Address::from_str(text) else { return Err(wrong()) };
    let Ok(domain) = dns_name(address.domain()) else { return Err(wrong()) };
    Ok(format!("{}@{domain}", address.user()))
}

/// The name of a site: lower-case letters, digits, dashes; at most 63.
pub fn site_name(text: &str) -> Result<String, RuleError> {
    let sound = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let ends = text.starts_with('-') || text.ends_with('-');
    if text.is_empty() || text.len() > 63 || ends || !text.chars().all(sound) {
        let rule = "lower-case letters, digits, and dashes between them, at most 63";
        return Err(RuleError::Name { text: text.to_owned(), what: "site's name", rule });
    }
    Ok(text.to_owned())
}

/// The name of a machine: letters, digits, dashes, dots; at most 63.
pub fn machine_name(text: &str) -> Result<String, RuleError> {
    let sound = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let first = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if !first || text.len() > 63 || !text.chars().all(sound) {
        let rule = "letters, digits, dashes, dots and underscores, the first a letter or digit, at most 63";
        return Err(RuleError::Name { text: text.to_owned(), what: "machine's name", rule });
    }
    Ok(text.to_owned())
}

/// A login user: anything that neither a shell nor an option parser would take for something else.
pub fn user_name(text: &str) -> Result<String, RuleError> {
    if text.contains(':') {
        return Err(RuleError::UserWithPassword);
    }
    let sound = |letter: char| letter.is_alphanumeric() || "-._@\\+$".contains(letter);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(sound) {
        return Err(RuleError::UserName { text: text.to_owned() });
    }
    Ok(text.to_owned())
}

/// A network, or an address as the network of itself.
pub fn network(text: &str) -> Result<IpNet, RuleError> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(|network| network.trunc()).ok_or_else(|| RuleError::Network { text: text.to_owned() })
}

/// What the nodes reach past the proxy: a name, `.domain`, an address or a network.
pub fn bypass(text: &str) -> Result<String, RuleError> {
    if let Ok(network) = network(text) {
        return Ok(if text.contains('/') { network.to_string() } else { network.addr().to_string() });
    }
    match text.strip_prefix("*.").or_else(|| text.strip_prefix('.')) {
        Some(domain) => label_list(domain).map(|domain| format!(".{domain}")),
        None => host(text),
    }
}

/// What the proxy must let pass: `host` or `host:port`, in that form.
pub fn destination(text: &str) -> Result<String, RuleError> {
    if text.starts_with('*') || text.starts_with('.') {
        return Err(RuleError::Wildcard { text: text.to_owned() });
    }
    let (name, number) = host_and_port(text)?;
    Ok(match number {
        Some(number) if name.contains(':') => format!("[{name}]:{number}"),
        Some(number) => format!("{name}:{number}"),
        None => name,
    })
}

/// A regular expression, as it was given.
pub fn pattern(text: &str) -> Result<String, RuleError> {
    match regex::Regex::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let shown = error.to_string();
            let reason = shown.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(RuleError::Pattern { text: text.to_owned(), reason })
        }
    }
}

/// A pinned host key: `SHA256:` with 43 letters of base64, or a line of a public key file.
pub fn host_key(text: &str) -> Result<String, RuleError> {
    let base64 = |letter: char| letter.is_ascii_alphanumeric() || "+/=".contains(letter);
    let fingerprint = text.strip_prefix("SHA256:").is_some_and(|rest| rest.trim_end_matches('=').len() == 43 && rest.chars().all(base64));
    let mut words = text.split_whitespace();
    let kinds = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    let kind = words.next().is_some_and(|word| kinds.iter().any(|kind| word.starts_with(kind)));
    let line = kind && words.next().is_some_and(|key| key.starts_with("AAAA") && key.chars().all(base64));
    if fingerprint || line { Ok(text.to_owned()) } else { Err(RuleError::HostKey { text: text.to_owned() }) }
}

/// A person's public SSH key, the line of a `.pub` file; its comment is left out. A key that proves nothing is none.
pub fn public_key(text: &str) -> Result<String, RuleError> {
    let key = crate::sshsig::parse_public_key(text).ok_or(RuleError::PublicKey)?;
    if matches!(key.algorithm(), russh::keys::Algorithm::Dsa) {
        return Err(RuleError::PublicKey);
    }
    key.to_openssh().ok().ok_or(RuleError::PublicKey)
}

/// A syslog receiver: whether by TLS, host, port. The ports are those of RFC 5425 and RFC 6587 unless given.
pub fn syslog_url(text: &str) -> Result<(bool, String, u16), RuleError> {
    let (tls, rest) = match (text.strip_prefix("tls://"), text.strip_prefix("tcp://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(RuleError::Scheme { text: text.to_owned(), schemes: "`tls://` or `tcp://`" }),
    };
    let (host, port) = host_and_port(rest)?;
    Ok((tls, host, port.unwrap_or(if tls { 6514 } else { 601 })))
}

/// Hours of the week, such as `mon-fri 18:00-06:00`.
pub fn hours(text: &str) -> Result<WeeklyHours, RuleError> {
    WeeklyHours::parse(text).ok_or_else(|| RuleError::Hours { text: text.to_owned() })
}

/// A time zone by its name in the database of zones.
pub fn zone(text: &str) -> Result<TimeZone, RuleError> {
    TimeZone::get(text).map_err(|_unknown| RuleError::Zone { text: text.to_owned() })
}

/// A day, as in 2026-12-31.
pub fn day(text: &str) -> Result<Date, RuleError> {
    text.parse::<Date>().ok().ok_or_else(|| RuleError::Day { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_syslog_receiver_is_taken_apart() {
        assert_eq!(syslog_url("tls://siem.corp.example"), Ok((true, "siem.corp.example".into(), 6514)));
        assert_eq!(syslog_url("tcp://10.0.0.9:1514"), Ok((false, "10.0.0.9".into(), 1514)));
        assert_eq!(syslog_url("tls://[fd00::9]:6514").map(|(_, _, port)| port), Ok(6514));
        for text in ["siem.corp.example", "udp://siem.corp.example", "tcp://siem:0", "tcp://siem:x", "tls://", "tls://a b"] {
            assert!(syslog_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_key_is_one_that_can_be_read() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS";
        assert_eq!(public_key(&format!("{key} ada@desk\n")), Ok(key.into()));
        for text in ["ssh-ed25519 AAAA", "SHA256:x", "-----BEGIN OPENSSH PRIVATE KEY-----", ""] {
            assert!(matches!(public_key(text), Err(RuleError::PublicKey)), "{text}");
        }
    }

    #[test]
    fn dns_names_come_in_the_form_of_dns() {
        assert_eq!(dns_name("Manage.Corp.Example."), Ok("manage.corp.example".into()));
        assert_eq!(dns_name("bücher.example"), Ok("xn--bcher-kva.example".into()));
        assert_eq!(dns_name("3com.example"), Ok("3com.example".into()));
    }

    #[test]
    fn each_mistake_in_a_name_is_called_by_its_kind() {
        let long = format!("{}.example", "a".repeat(64));
        assert!(matches!(dns_name(&long), Err(RuleError::TooLong { .. })));
        for text in ["a..example", ".a.example"] {
            assert!(matches!(dns_name(text), Err(RuleError::EmptyLabel { .. })), "{text}");
        }
        for text in ["-a.example", "a-.example"] {
            assert!(matches!(dns_name(text), Err(RuleError::Dash { .. })), "{text}");
        }
        for text in ["a_b.example", "a b.example", "a/b.example", "https://a.example", "a.example:443"] {
            assert!(matches!(dns_name(text), Err(RuleError::Letter { .. })), "{text}");
        }
        for text in ["", "  "] {
            assert_eq!(dns_name(text), Err(RuleError::Empty));
        }
        assert!(matches!(dns_name("a.1"), Err(RuleError::NoAddress { .. })));
        assert!(matches!(dns_name("xn--\u{0}.example"), Err(RuleError::Letter { .. })));
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, expected) in [("10.0.0.1", "10.0.0.1"), ("2001:DB8::1", "2001:db8::1"), ("[::1]", "::1"), ("jump", "jump")] {
            assert_eq!(host(text).as_deref(), Ok(expected));
        }
        for text in ["10.0.0", "10.0.0.256", "1.2.3.4.5"] {
            assert!(matches!(host(text), Err(RuleError::NoAddress { .. })), "{text}");
        }
        assert_eq!(host_and_port("[::1]:22"), Ok(("::1".into(), Some(22))));
        assert_eq!(host_and_port("::1"), Ok(("::1".into(), None)));
        assert!(host_and_port("a.example:").is_err() && host_and_port("a.example:0").is_err() && host_and_port("[::1]x").is_err());
    }

    #[test]
    fn a_password_with_a_user_is_told_and_not_repeated() {
        for text in ["ops:canary@jump.example", "ops:can@ary@jump.example:22"] {
            assert_eq!(host(text), Err(RuleError::UserWithPassword));
        }
        assert_eq!(user_name("ops:canary"), Err(RuleError::UserWithPassword));
        let said = format!("{}{:?}", RuleError::UserWithPassword, RuleError::UserWithPassword.help());
        assert!(!said.contains("canary"));
    }

    #[test]
    fn urls_have_a_host_and_no_secret() {
        assert_eq!(proxy_url("HTTP://Proxy.Example:3128/"), Ok("http://proxy.example:3128".into()));
        assert_eq!(proxy_url("http://[::1]:3128"), Ok("http://[::1]:3128".into()));
        assert_eq!(proxy_url("http://joe:pw@p.example"), Err(RuleError::Credentials));
        assert_eq!(proxy_url("joe:p@w@p.example"), Err(RuleError::Credentials));
        assert_eq!(proxy_url("http://joe@p.example"), Err(RuleError::User));
        assert!(matches!(proxy_url("proxy.example:3128"), Err(RuleError::Scheme { .. })));
    }

    #[test]
    fn host_keys_are_fingerprints_or_lines() {
        assert!(host_key("SHA256:uNiVztksCsDhcc0u9e8BrYS5UGpSHPmcXoLmZzlXsQw").is_ok());
        assert!(host_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlW6hM1uq8qCQ root@jump").is_ok());
        for text in ["SHA256:short", "MD5:aa:bb", "ssh-ed25519", "AAAAC3Nz"] {
            assert!(host_key(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_rule_panics_and_names_are_stable(text in "[a-zA-Z0-9.:/@\\[\\]-]{0,20}|\\PC{0,12}") {
            if let Ok(name) = dns_name(&text) {
                prop_assert_eq!(dns_name(&name), Ok(name.clone()));
                prop_assert_eq!(host(&name), Ok(name));
            }
            for rule in [host, proxy_url, ldap_url, mail_address, site_name, machine_name, user_name, bypass, destination, pattern, host_key] {
                drop(rule(&text));
            }
            drop((postgres_url(&text), host_and_port(&text), network(&text), day(&text), port(&text)));
        }
    }
}
