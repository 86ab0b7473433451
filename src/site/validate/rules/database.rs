//! The URL of a database: libpq's form, with a reference in the place of the password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::RuleError;
use crate::site::model::{Database, SecretRef, SslMode};

/// Begins with one of these.
const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];
/// The parameters of a URL that are taken out of it, and never handed to the driver.
const OWN: [&str; 5] = ["password", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/// A `PostgreSQL` URL. A password in it is refused; `password=env:NAME` and the like say where it is to be had.
pub fn postgres_url(text: &str) -> Result<Database, RuleError> {
    let read = read(text);
    // No later error may repeat a password that stands where none belongs, nor a part of one.
    if read.is_err() && may_hold_password(text) { Err(RuleError::DatabasePassword) } else { read }
}

fn may_hold_password(text: &str) -> bool {
    let before = text.rsplit_once('@').map(|(before, _)| before.split_once("://").map_or(before, |(_, rest)| rest));
    before.is_some_and(|before| before.contains(':')) || text.to_lowercase().contains("password")
}

fn read(text: &str) -> Result<Database, RuleError> {
    let schemes = "`postgresql://` or `postgres://`";
    let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or_else(|| RuleError::Scheme { text: text.to_owned(), schemes })?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split_once('/').map_or(place, |(authority, _)| authority);
    // The last one: a password may hold an `@` that was not written as `%40`.
    if place.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return Err(RuleError::DatabasePassword);
    }
    let wrong = |problem: String| RuleError::Database { problem };
    let mut own: [Option<String>; OWN.len()] = Default::default();
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong("a parameter has no value".to_owned()))?;
        match OWN.iter().position(|known| *known == name).and_then(|index| own.get_mut(index)) {
            Some(slot) => *slot = Some(decode(value).ok_or_else(|| wrong(format!("`{name}` is not encoded as URLs are")))?),
            None if name.to_lowercase().contains("password") => return Err(RuleError::DatabasePassword),
            None => others.push(pair),
        }
    }
    let scheme = "postgresql://";
    let url = if others.is_empty() { format!("{scheme}{place}") } else { format!("{scheme}{place}?{}", others.join("&")) };
    let config = Config::from_str(&url).map_err(|error| wrong(reason(&error)))?;
    let [password, sslmode, root, certificate, key] = own;
    let password = password.map(|text| SecretRef::from_str(&text).map_err(|_not_shown| RuleError::DatabasePassword)).transpose()?;
    let sslmode = sslmode.map_or_else(|| Ok(default_mode(authority, &config)), |word| mode(&word))?;
    let client_certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => return Err(wrong("`sslcert` and `sslkey` belong together, and one is missing".to_owned())),
    };
    Ok(Database { url, password, sslmode, root_certificates: root.map(PathBuf::from), client_certificate })
}

fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn mode(word: &str) -> Result<SslMode, RuleError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        _ => Err(RuleError::Database {
            problem: format!("`sslmode={word}` is not known: disable, prefer, require, verify-ca and verify-full are"),
        }),
    }
}

/// Nobody listens on the way to this machine itself; everywhere else the server has to prove who it is.
fn default_mode(authority: &str, config: &Config) -> SslMode {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let no_host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).is_empty();
    let all_here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if all_here && (no_host || !config.get_hosts().is_empty()) { SslMode::Prefer } else { SslMode::VerifyFull }
}

/// What `%xx` stands for; `None` where that is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_refused_wherever_it_stands_and_never_repeated() {
        for text in [
            "postgres://p:hunter2@h/d",
            "postgresql://p:hun/ter2@h/d",
            "postgresql://p:hun?ter2@h/d",
            "postgresql://p:hun@ter2@h/d",
            "postgresql://h/d?password=hunter2",
            "postgresql://h/d?PASSWORD=env:X",
            "postgresql://h/d?sslpassword=hunter2",
            "postgresql://h/d?sslmode=p:hunter2@x",
            "p:hunter2@h",
        ] {
            assert_eq!(postgres_url(text), Err(RuleError::DatabasePassword), "{text}");
        }
    }

    #[test]
    fn a_reference_says_where_the_password_is_and_leaves_the_url() {
        let database = postgres_url("postgres://p@h:5433/d?password=cmd:pass%20show%20db&connect_timeout=3").unwrap();
        assert_eq!(database.password, Some(SecretRef::Cmd("pass show db".into())));
        assert_eq!(database.to_string(), "postgresql://p@h:5433/d?connect_timeout=3");
    }

    #[test]
    fn a_server_elsewhere_has_to_prove_who_it_is_unless_something_else_is_said() {
        let mode = |text| postgres_url(text).unwrap().sslmode;
        assert_eq!(mode("postgresql://db.corp.example/d"), SslMode::VerifyFull);
        assert_eq!(mode("postgresql://localhost,db.corp.example/d"), SslMode::VerifyFull);
        assert_eq!(mode("postgresql://db.corp.example/d?hostaddr=127.0.0.1"), SslMode::VerifyFull);
        assert_eq!(mode("postgresql://db.corp.example/d?sslmode=require"), SslMode::Require);
        for here in ["postgresql://localhost/d", "postgresql://[::1]/d", "postgresql:///d", "postgresql:///d?host=/run/postgresql"] {
            assert_eq!(mode(here), SslMode::Prefer, "{here}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let problem = |text| postgres_url(text).unwrap_err().to_string();
        assert_eq!(problem("postgresql://h/d?colour=red"), "the database's URL cannot be used: unknown option `colour`");
        assert!(problem("postgresql://h/d?sslmode=allow").contains("verify-ca and verify-full are"));
        assert!(problem("postgresql://h/d?sslcert=a.pem").contains("belong together"));
        assert!(problem("mysql://h/d").contains("no URL that begins with"));
    }
}
