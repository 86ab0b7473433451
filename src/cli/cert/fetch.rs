//! `--fetch-missing`: getting a missing issuer from the address that the certificate below it names (AIA, RFC 5280,
//! 4.2.2.1). Only where asked, small, briefly, without following redirections; what comes is used only if it signed.

use std::time::Duration;

use super::input::Input;
use super::{CertContext, CertError, check};
use crate::certs::{self, Source};
use crate::site::model::{Proxy, ProxyKind};

/// Largest answer that is taken; intermediates have some 2 KB, their bundles some 10.
const MAX_ANSWER: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest row of missing issuers that is followed.
const MAX_ROUNDS: usize = 5;

/// Fetches issuers until the chain is whole or no more can be had; each attempt is told on `err`.
pub(super) fn complete(input: &mut Input, names: &[String], now: jiff::Timestamp, context: &mut CertContext<'_>) -> Result<(), CertError> {
    let mut tried = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let Ok(chain) = check::chain(input, names, now, false) else { return Ok(()) };
        let urls = chain.missing().map(|missing| missing.urls.clone()).unwrap_or_default();
        let Some(url) = urls.into_iter().find(|url| !tried.contains(url)) else { return Ok(()) };
        tried.push(url.clone());
        let text = match get(&url, context.site.map(|site| &site.proxy)) {
            Ok(bytes) => {
                let text = format!("fetched {url} ({} bytes)", bytes.len());
                input.sources.push(Source { name: url, bytes });
                let earlier = std::mem::take(&mut input.bag.findings);
                input.bag = certs::read(&input.sources, &input.passwords.or_ask(context));
                // Files that could not be opened are not among the sources, and stay findings.
                let kept: Vec<_> = earlier.into_iter().filter(|finding| !input.bag.findings.contains(finding)).collect();
                input.bag.findings.splice(..0, kept);
                text
            }
            Err(reason) => format!("cannot fetch {url}: {reason}"),
        };
        writeln!(context.err, "{text}").map_err(|source| CertError::Output { source })?;
    }
    Ok(())
}

fn get(url: &str, proxy: Option<&Proxy>) -> Result<Vec<u8>, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("only http and https addresses are fetched".to_owned());
    }
    let mut config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0);
    // A site's word about its proxy goes before this machine's environment.
    if let Some(proxy) = proxy {
        config = config.proxy(proxy_for(url, proxy)?);
    }
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent.get(url).call().map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the server answers {}", answer.status()));
    }
    answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(|error| error.to_string())
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
