//! Names as a node knows them: its resolvers, the site's names, the hosts that it needs.

use super::not_seen;
use crate::checks::catalogue::network::{NODE_NAMES, RESOLVERS};
use crate::checks::spec::{Outcome, Tally};
use crate::node::Facts;

/// What a node was asked to look up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The site's own names.
    pub own: Vec<String>,
    /// Hosts that it needs: mail server, proxy, time servers, and destinations where no proxy looks them up.
    pub hosts: Vec<String>,
}

/// Judges what a node's resolvers answer.
pub fn names(machine: &str, facts: &Facts, asked: &Asked, target: &str) -> Vec<Outcome> {
    let mut tally = Tally::of(machine);
    let known = |wanted: &String| {
        let line = facts.seen("name").find(|line| line.split(' ').next() == Some(wanted.as_str()))?;
        Some(line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>())
    };
    resolvers(facts, asked, &known, &mut tally);
    own_names(asked, target, &known, &mut tally);
    tally.complete(&[&NODE_NAMES, &RESOLVERS], &not_seen(facts))
}

fn resolvers(facts: &Facts, asked: &Asked, known: &impl Fn(&String) -> Option<Vec<String>>, tally: &mut Tally) {
    let servers: Vec<&str> = facts.seen("resolver").collect();
    if servers.is_empty() {
        if facts.seen("mount").next().is_some() {
            tally.found(&RESOLVERS, "no resolver is named in /etc/resolv.conf", "name the site's DNS servers there");
        }
        return;
    }
    let looked: Vec<(&String, Vec<String>)> = asked.hosts.iter().filter_map(|host| Some((host, known(host)?))).collect();
    let unknown: Vec<&str> = looked.iter().filter(|(_, addresses)| addresses.is_empty()).map(|(host, _)| host.as_str()).collect();
    if looked.is_empty() && !asked.hosts.is_empty() {
        tally.could_not_run(&RESOLVERS, not_seen(facts));
    } else if !looked.is_empty() && unknown.len() == looked.len() {
        let message = format!("its resolvers ({}) know none of the hosts that it needs: {}", servers.join(", "), unknown.join(", "));
        let fix = format!("let the node reach {} on port 53, UDP and TCP, and see that they answer", servers.join(", "));
        tally.found(&RESOLVERS, message, fix);
    } else if unknown.is_empty() {
        tally.passed(&RESOLVERS, format!("{} know {} hosts", servers.join(", "), looked.len()));
    } else {
        let message = format!("its resolvers ({}) do not know {}", servers.join(", "), unknown.join(", "));
        tally.found(&RESOLVERS, message, "have the resolvers answer for them, or forward to ones that do");
    }
}

fn own_names(asked: &Asked, target: &str, known: &impl Fn(&String) -> Option<Vec<String>>, tally: &mut Tally) {
    if asked.own.is_empty() {
        tally.not_applicable(&NODE_NAMES, "the site file names no DNS name");
        return;
    }
    let mut unknown = Vec::new();
    for name in &asked.own {
        match known(name) {
            Some(addresses) if addresses.is_empty() => unknown.push(name.as_str()),
            Some(addresses) => tally.passed(&NODE_NAMES, format!("{name}: {}", addresses.join(", "))),
            None => {}
        }
    }
    if !unknown.is_empty() {
        let message = format!("not known there: {}", unknown.join(", "));
        let fix = format!("have the nodes' resolvers know them: they lead to {target}, and rules and extensions call them from the nodes");
        tally.found(&NODE_NAMES, message, fix);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids};
    use super::*;

    fn judged(seen: &[(&str, &str)]) -> Vec<String> {
        let asked = Asked {
            own: vec!["manage.corp.example".to_owned()],
            hosts: vec!["mail.corp.example".to_owned(), "ntp.corp.example".to_owned()],
        };
        ids(&names("a0-1", &facts(seen), &asked, "10.0.0.9"))
    }

    #[test]
    fn unknown_names_and_deaf_resolvers_are_told_apart() {
        let (server, own) = (("resolver", "10.0.0.2"), ("name", "manage.corp.example 10.0.0.9"));
        let (mail, time) = (("name", "mail.corp.example 10.0.0.25"), ("name", "ntp.corp.example 10.0.0.26"));
        assert_eq!(judged(&[server, own, mail, time]), Vec::<String>::new());
        assert_eq!(judged(&[server, ("name", "manage.corp.example"), mail, time]), ["dns.nodes"]);
        assert_eq!(judged(&[server, own, mail, ("name", "ntp.corp.example")]), ["egress.dns"]);
        assert_eq!(judged(&[server, own, ("name", "mail.corp.example"), ("name", "ntp.corp.example")]), ["egress.dns"]);
        assert_eq!(judged(&[("mount", "/ ext4 rw"), own]), ["egress.dns"]);
        let asked = Asked { own: vec!["manage.corp.example".to_owned()], hosts: vec!["mail.corp.example".to_owned()] };
        for outcome in names("a0-1", &facts(&[server, ("lacks", "getent")]), &asked, "10.0.0.9") {
            let crate::checks::Verdict::CouldNotRun { why } = &outcome.verdict else { panic!("{outcome:?}") };
            assert!(why.contains("lacks `getent`"), "{why}");
        }
    }
}
