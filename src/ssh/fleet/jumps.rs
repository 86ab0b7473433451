//! `ProxyJump` of the operator's SSH configuration (`ssh_config(5)`), as hops. Text in, hops out.
//!
//! Followed only where the site file names no hops of its own: the route of a site is the site's business.

use crate::site::model::{Hop, Login};

/// The hops of a chain `[user@]host[:port],…` or `ssh://[user@]host[:port],…`; `None` where it is not one.
pub(super) fn parse(chain: &str) -> Option<Vec<Hop>> {
    chain.split(',').map(|hop| parse_hop(hop.trim())).collect()
}

fn parse_hop(text: &str) -> Option<Hop> {
    let text = text.strip_prefix("ssh://").map_or(text, |uri| uri.trim_end_matches('/'));
    // A user name may have an `@` in it (directory accounts); a host may not.
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (address, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        (address, rest.strip_prefix(':').or(rest.is_empty().then_some("22"))?)
    } else {
        match place.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, port),
            // More than one colon and no brackets: an IPv6 address alone.
            Some(_) | None => (place, "22"),
        }
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    if address.is_empty() || user.as_ref().is_some_and(String::is_empty) {
        return None;
    }
    let address = address.to_owned();
    let login = Login {
        address: address.clone(),
        port,
        user,
        identities: Vec::new(),
        passphrase: None,
        agent: true,
        password: None,
        one_time_code: None,
        host_keys: Vec::new(),
    };
    Some(Hop { name: address, login })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hops(chain: &str) -> Option<Vec<(Option<String>, String, u16)>> {
        let hops = parse(chain)?;
        Some(hops.into_iter().map(|hop| (hop.login.user, hop.login.address, hop.login.port)).collect())
    }

    #[test]
    fn every_form_of_a_jump_is_read() {
        let ops = || Some("ops".to_owned());
        for (chain, expected) in [
            ("jump", vec![(None, "jump", 22)]),
            ("ops@jump:2222", vec![(ops(), "jump", 2222)]),
            ("ssh://ops@jump:2222/, inner", vec![(ops(), "jump", 2222), (None, "inner", 22)]),
            ("[fd00::1]:2222,ops@[fd00::2]", vec![(None, "fd00::1", 2222), (ops(), "fd00::2", 22)]),
            ("fd00::1", vec![(None, "fd00::1", 22)]),
            ("me@corp.example@jump", vec![(Some("me@corp.example".to_owned()), "jump", 22)]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(user, host, port)| (user, host.to_owned(), port)).collect();
            assert_eq!(hops(chain), Some(expected), "{chain}");
        }
    }

    #[test]
    fn what_is_no_jump_is_not_taken_for_one() {
        for chain in ["", ",", "jump,", "jump:0", "jump:x", "@jump", "[fd00::1", "[fd00::1]x"] {
            assert_eq!(hops(chain), None, "{chain}");
        }
    }
}
