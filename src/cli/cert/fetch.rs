//! `--fetch-missing`: getting a missing issuer from the address that the certificate below it names (AIA, RFC 5280,
//! 4.2.2.1). Only where asked, small, briefly, redirected within one host alone; what comes is used only if it signed.

use std::io::Read as _;
use std::time::{Duration, Instant};

use super::input::Input;
use super::proxied::{self, Answer};
use super::{CertContext, CertError, check};
use crate::certs::{self, Source, is_http};
use crate::finding::Finding;
use crate::site::model::{Proxy, ProxyKind};

/// Largest answer that is taken; intermediates have some 2 KB, their bundles some 10.
const MAX_ANSWER: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest row of missing issuers that is followed.
const MAX_ROUNDS: usize = 5;
/// Most redirections of one address that are followed.
const MAX_REDIRECTIONS: usize = 3;

/// Fetches issuers until the chain is whole or no more can be had; each attempt is told on `err`.
pub(super) fn complete(input: &mut Input, names: &[String], now: jiff::Timestamp, context: &mut CertContext<'_>) -> Result<(), CertError> {
    let mut tried = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let Ok(Ok(chain)) = check::chain(input, names, now, false) else { return Ok(()) };
        let mut urls = chain.missing().map(|missing| missing.urls.clone()).unwrap_or_default();
        // Windows' CAs name a directory first, which is tried where there is nothing else.
        urls.sort_by_key(|url| !is_http(url));
        let Some(url) = urls.into_iter().find(|url| !tried.contains(url)) else { return Ok(()) };
        tried.push(url.clone());
        let text = match get(&url, context.site.map(|site| &site.proxy), context.patience.unwrap_or(TIMEOUT)) {
            Ok(bytes) => {
                let text = format!("fetched {url} ({} bytes)", bytes.len());
                input.sources.push(Source { name: url, bytes });
                let earlier = std::mem::take(&mut input.bag.findings);
                input.bag = certs::read(&input.sources, &input.passwords.or_ask(context));
                // Files that could not be opened are not among the sources, and stay findings.
                let kept: Vec<_> = earlier.into_iter().filter(|finding| !input.bag.findings.contains(finding)).collect();
                input.bag.findings.splice(..0, kept);
                input.key_is_decided();
                text
            }
            Err(reason) => format!("cannot fetch {url}: {reason}"),
        };
        tracing::info!("{text}");
        writeln!(context.err, "{text}").map_err(|source| CertError::Output { source })?;
    }
    Ok(())
}

/// After fetching, a hint to fetch is of no use: what is still missing could not be had so.
pub(super) fn without_fetch_hints(findings: &mut [Finding]) {
    for finding in findings {
        finding.fix = finding.fix.replace(", or get them with `--fetch-missing`,", "");
        let Some(rest) = finding.fix.strip_prefix("run the command again with `--fetch-missing`") else { continue };
        let own = rest.split_once("give it too").map_or("", |(_, own)| own);
        finding.fix =
            format!("fetching did not help (see what was said of it): get it from the CA's web page or support and give it too{own}");
    }
}

/// The content behind `url`, where need be over redirections: CAs send from one path to another, and from HTTP to HTTPS.
/// Another host is not asked, since the certificate does not name it, and nothing leads back from HTTPS to HTTP.
fn get(url: &str, proxy: Option<&Proxy>, patience: Duration) -> Result<Vec<u8>, String> {
    let mut place = url.to_owned();
    let end = Instant::now() + patience;
    for _ in 0..=MAX_REDIRECTIONS {
        let answer = ask(&place, proxy, end.saturating_duration_since(Instant::now()))?;
        if answer.body.len() as u64 > MAX_ANSWER {
            return Err(format!("the answer is larger than {} KB, which no issuer's certificate is", MAX_ANSWER >> 10));
        }
        match (answer.status, answer.location) {
            (200..=299, _) => return Ok(answer.body),
            (status @ (301 | 302 | 303 | 307 | 308), Some(to)) => {
                place = redirected(&place, &to)
                    .ok_or_else(|| format!("the server answers {status} and points to {}, which is not followed", printable(&to)))?;
            }
            (status, _) => return Err(format!("the server answers {status}")),
        }
    }
    Err(format!("the server answers with more than {MAX_REDIRECTIONS} redirections"))
}

/// Where a redirection leads: to another path of the same host and port, or to its HTTPS. `None`: elsewhere.
fn redirected(from: &str, to: &str) -> Option<String> {
    let (scheme, rest) = from.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    if to.starts_with('/') && !to.starts_with("//") {
        return Some(format!("{scheme}://{host}{to}"));
    }
    let (new_scheme, new_rest) = to.split_once("://")?;
    let new_host = new_rest.split(['/', '?', '#']).next()?;
    let (secure, new_secure) = (scheme.eq_ignore_ascii_case("https"), new_scheme.eq_ignore_ascii_case("https"));
    // A port of its own says nothing of where TLS is served.
    let upgraded = new_secure && !host.contains(':');
    (is_http(to) && new_host.eq_ignore_ascii_case(host) && (new_secure == secure || upgraded)).then(|| to.to_owned())
}

fn ask(url: &str, proxy: Option<&Proxy>, patience: Duration) -> Result<Answer, String> {
    if !is_http(url) {
        return Err("only http and https addresses are fetched".to_owned());
    }
    // A site's word about its proxy goes before this machine's environment.
    let proxy = match proxy {
        Some(proxy) => proxy_for(url, proxy)?,
        None => ureq::Proxy::try_from_env().filter(|proxy| url.parse().is_ok_and(|address| !proxy.is_no_proxy(&address))),
    };
    match &proxy {
        Some(proxy) if is_plain(url) && proxy.protocol() == ureq::ProxyProtocol::Http => proxied::get(proxy, url, MAX_ANSWER, patience),
        Some(_) | None => direct(url, proxy, patience),
    }
}

fn is_plain(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

/// As `ureq` does it: without a proxy, or through a tunnel.
fn direct(url: &str, proxy: Option<ureq::Proxy>, patience: Duration) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder().timeout_global(Some(patience)).max_redirects(0).http_status_as_error(false).proxy(proxy);
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent.get(url).call().map_err(|error| reason(&error))?;
    let location = answer.headers().get("location").and_then(|place| place.to_str().ok()).map(ToOwned::to_owned);
    let mut body = Vec::new();
    answer.body_mut().as_reader().take(MAX_ANSWER + 1).read_to_end(&mut body).map_err(|error| error.to_string())?;
    Ok(Answer { status: answer.status().as_u16(), location, body })
}

/// Why there was no answer, in the words of the field.
fn reason(error: &ureq::Error) -> String {
    if matches!(error, ureq::Error::Timeout(_)) {
        return "it does not answer in time (`--timeout` gives it longer)".to_owned();
    }
    if matches!(error, ureq::Error::HostNotFound) {
        return "its name cannot be resolved".to_owned();
    }
    if matches!(error, ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused) {
        return "the connection is refused".to_owned();
    }
    error.to_string()
}

/// What a server says goes to a terminal.
fn printable(text: &str) -> String {
    certs::printable(&text.chars().take(200).collect::<String>())
}

/// The explicit proxy of the site, unless the address is on its list of those that bypass it.
fn proxy_for(url: &str, proxy: &Proxy) -> Result<Option<ureq::Proxy>, String> {
    let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    let bypassed = proxy.bypass.iter().any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    });
    match &proxy.url {
        Some(address) if proxy.kind == ProxyKind::Explicit && !bypassed => {
            // The address may hold a login, so that the error must not repeat it.
            ureq::Proxy::new(address).map(Some).map_err(|_error| "the site's proxy address cannot be used".to_owned())
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_stay_at_the_host_that_the_certificate_names() {
        let from = "http://ca.example.com/a.cer";
        for (to, place) in [
            ("/b.cer", "http://ca.example.com/b.cer"),
            ("http://CA.example.com/b.cer", "http://CA.example.com/b.cer"),
            ("https://ca.example.com/a.cer", "https://ca.example.com/a.cer"),
        ] {
            assert_eq!(redirected(from, to).as_deref(), Some(place));
        }
        for to in [
            "//evil.example/",
            "http://evil.example/",
            "http://ca.example.com:8080/",
            "ldap://ca.example.com/",
            "b.cer",
            "",
            "https://ca.example.com@evil.example/",
        ] {
            assert_eq!(redirected(from, to), None, "{to}");
        }
        assert_eq!(redirected("https://ca.example.com/", "http://ca.example.com/"), None, "a downgrade");
        assert_eq!(redirected("http://ca.example.com:8080/", "https://ca.example.com:8080/"), None, "another port's TLS");
    }
}
