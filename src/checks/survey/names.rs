//! The site's names, looked up from here as a user's machine would, and compared with what the nodes mean by them. That
//! they are not known here is a warning: many operators sit elsewhere than the users.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;

use super::node::Seen;
use super::outside::{targets, unresolved};
use crate::checks::catalogue::network::{LOOKED_UP, NODE_NAMES, RESOLVE};
use crate::checks::machine::{Known, shown};
use crate::checks::spec::{Outcome, Tally, Verdict};
use crate::site::model::Site;

/// Looks up every name of the site but wildcards, all at once, and sees where they lead.
pub async fn resolve(site: &Site, patience: Duration) -> (Vec<Outcome>, Known) {
    let mut tally = Tally::of("this machine");
    let mut names = site.names.required();
    names.extend(site.names.custom_domains.iter().map(|custom| custom.domain.clone()));
    names.retain(|name| !name.starts_with("*."));
    if names.is_empty() {
        tally.not_applicable(&RESOLVE, "the site file names no DNS name");
        unresolved(&mut tally);
        return (tally.complete(LOOKED_UP, ""), Known::new());
    }
    let looking = join_all(names.iter().map(|name| look_up(name, patience)));
    let balancing = async {
        match &site.load_balancer {
            Some(balancer) => look_up(&balancer.address, patience).await.unwrap_or_default(),
            None => Vec::new(),
        }
    };
    let (looked_up, balancer) = futures_util::join!(looking, balancing);
    let mut known = Known::new();
    let mut unknown: Vec<(String, Vec<String>)> = Vec::new();
    for (name, answer) in names.into_iter().zip(looked_up) {
        match answer {
            Ok(addresses) => {
                tally.passed(&RESOLVE, format!("{name}: {}", shown(&addresses)));
                known.push((name, addresses));
            }
            Err(why) => match unknown.iter_mut().find(|(known, _)| *known == why) {
                Some((_, others)) => others.push(name),
                None => unknown.push((why, vec![name])),
            },
        }
    }
    for (why, names) in unknown {
        let target = site.load_balancer.as_ref().map_or("the appliance's address", |balancer| balancer.address.as_str());
        let fix = format!("ask the DNS team: they must lead to {target}; nobody can log in before they do");
        tally.found(&RESOLVE, format!("not known here: {} ({why})", names.join(", ")), fix);
    }
    targets(site, &known, &balancer, &mut tally);
    (tally.complete(LOOKED_UP, "not looked at"), known)
}

/// A view of the names that is another on a node than here is told of the node, unless it is known which of the two is right.
pub fn compare_names(here: &Known, seen: &mut [Seen]) {
    for node in seen {
        let Some(outcome) = node.outcomes.iter_mut().find(|outcome| outcome.spec.id == NODE_NAMES.id) else { continue };
        let differ = node.names.iter().filter_map(|(name, there)| {
            let (_, here) = here.iter().find(|(known, _)| known == name)?;
            (!there.iter().any(|address| here.contains(address))).then(|| format!("{name} ({} there, {} here)", shown(there), shown(here)))
        });
        let differ: Vec<String> = differ.collect();
        if differ.is_empty() || outcome.verdict != Verdict::Passed {
            continue;
        }
        let message = format!("names mean something else there than on this machine: {}", differ.join(", "));
        let fix = "ask the DNS team which of the two is right, and have both views (the nodes' and the users') answer alike; `load_balancer` in the site file says where the names must lead";
        outcome.verdict = Verdict::Found { findings: vec![NODE_NAMES.finding(&node.machine, message, fix)] };
    }
}

/// The resolver library's words without the standard library's before them; the least telling of them explained.
fn why(words: &str) -> String {
    let words = words.rsplit(": ").next().unwrap_or(words);
    if words.starts_with("Temporary failure") {
        return format!("{words}: this machine's resolver does not answer, or fails at the name itself, as at aliases in a circle");
    }
    words.to_owned()
}

async fn look_up(name: &str, patience: Duration) -> Result<Vec<IpAddr>, String> {
    match tokio::time::timeout(patience, tokio::net::lookup_host((name, 443))).await {
        Err(_elapsed) => Err(format!("no answer within {patience:?}")),
        Ok(Err(error)) => Err(why(&error.to_string())),
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            addresses.sort();
            addresses.dedup();
            Ok(addresses)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn a_name_that_is_not_there_is_told_from_a_resolver_that_fails() {
        assert_eq!(why("failed to lookup address information: Name or service not known"), "Name or service not known");
        let failed = why("failed to lookup address information: Temporary failure in name resolution");
        assert!(failed.starts_with("Temporary failure in name resolution: this machine's resolver"), "{failed}");
    }
}
