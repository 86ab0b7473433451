//! The site's names, looked up from here as a user's machine would. That they are not known here is a warning:
//! many operators sit elsewhere than the users.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;

use super::outside::{targets, unresolved};
use crate::checks::catalogue::network::{LOOKED_UP, RESOLVE};
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::Site;

/// Looks up every name of the site but wildcards, all at once, and sees where they lead.
pub async fn resolve(site: &Site, patience: Duration) -> Vec<Outcome> {
    let mut tally = Tally::of("this machine");
    let mut names = site.names.required();
    names.extend(site.names.custom_domains.iter().map(|custom| custom.domain.clone()));
    names.retain(|name| !name.starts_with("*."));
    if names.is_empty() {
        tally.not_applicable(&RESOLVE, "the site file names no DNS name");
        unresolved(&mut tally);
        return tally.complete(LOOKED_UP, "");
    }
    let looking = join_all(names.iter().map(|name| look_up(name, patience)));
    let balancing = async {
        match &site.load_balancer {
            Some(balancer) => look_up(&balancer.address, patience).await.unwrap_or_default(),
            None => Vec::new(),
        }
    };
    let (looked_up, balancer) = futures_util::join!(looking, balancing);
    let mut known = Vec::new();
    let mut unknown: Vec<(String, Vec<String>)> = Vec::new();
    for (name, answer) in names.into_iter().zip(looked_up) {
        match answer {
            Ok(addresses) => {
                tally.passed(&RESOLVE, format!("{name}: {}", addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")));
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
    tally.complete(LOOKED_UP, "not looked at")
}

async fn look_up(name: &str, patience: Duration) -> Result<Vec<IpAddr>, String> {
    match tokio::time::timeout(patience, tokio::net::lookup_host((name, 443))).await {
        Err(_elapsed) => Err(format!("no answer within {patience:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            addresses.sort();
            addresses.dedup();
            Ok(addresses)
        }
    }
}
