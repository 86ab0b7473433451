//! Names as a node knows them: its resolvers, the site's names, the hosts that it needs.

use std::net::IpAddr;

use super::not_seen;
use crate::checks::catalogue::network::{NODE_NAMES, RESOLVERS};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::node::Facts;
use crate::site::model::Site;

/// What a node was asked to look up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The site's own names.
    pub own: Vec<String>,
    /// Hosts that it needs: mail server, proxy, time servers, and destinations where no proxy looks them up.
    pub hosts: Vec<String>,
}

/// Why names have no address on a node, as its resolvers say when they are asked for one alone.
pub type Reasons = Vec<(String, String)>;

/// Names with the addresses that they have for somebody.
pub type Known = Vec<(String, Vec<IpAddr>)>;

/// Judges what a node's resolvers answer; and what the site's names mean there, where the site does not say what they must mean.
pub fn names(machine: &str, facts: &Facts, asked: &Asked, reasons: &Reasons, site: &Site) -> (Vec<Outcome>, Known) {
    let mut tally = Tally::of(machine);
    let known = |wanted: &str| {
        let line = facts.seen("name").find(|line| line.split(' ').next() == Some(wanted))?;
        Some(line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>())
    };
    resolvers(facts, asked, reasons, &known, &mut tally);
    let target = Target::of(site, &known);
    let own = own_names(asked, &target, reasons, &known, &mut tally);
    let texts: Vec<(&str, Vec<String>)> = asked.own.iter().filter_map(|name| Some((name.as_str(), known(name)?))).collect();
    beyond(facts, texts.iter().map(|(name, addresses)| (*name, addresses.as_slice())), &NODE_NAMES, &mut tally);
    astray(facts, &target, &own, &mut tally);
    (tally.complete(&[&NODE_NAMES, &RESOLVERS], &not_seen(facts)), if target.addresses.is_empty() { own } else { Vec::new() })
}

/// Where the site's names have to lead.
struct Target {
    words: String,
    /// Empty where the site file does not say.
    addresses: Vec<IpAddr>,
    /// Whether the node is the whole appliance, and may call itself by its loopback.
    is_itself: bool,
}

impl Target {
    fn of(site: &Site, known: &impl Fn(&str) -> Option<Vec<String>>) -> Self {
        let parsed = |text: &String| text.parse().ok();
        if let Some(balancer) = &site.load_balancer {
            let own: Option<IpAddr> = balancer.address.parse().ok();
            let looked_up = || known(&balancer.address).unwrap_or_default().iter().filter_map(parsed).collect();
            let addresses = own.map_or_else(looked_up, |address| vec![address]);
            return Self { words: format!("the load balancer ({})", balancer.address), addresses, is_itself: false };
        }
        let single = site.nodes.first().filter(|_| site.nodes.len() == 1).and_then(|node| node.login.address.parse().ok());
        Self { words: "the appliance's address".to_owned(), addresses: single.into_iter().collect(), is_itself: true }
    }

    fn is_met(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || (self.is_itself && address.is_loopback())
    }
}

fn resolvers(facts: &Facts, asked: &Asked, reasons: &Reasons, known: &impl Fn(&str) -> Option<Vec<String>>, tally: &mut Tally) {
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
        let message =
            format!("its resolvers ({}) know none of the hosts that it needs: {}", servers.join(", "), with_reasons(&unknown, reasons));
        let fix = format!("let the node reach {} on port 53, UDP and TCP, and see that they answer", servers.join(", "));
        tally.found(&RESOLVERS, message, fix);
    } else if unknown.is_empty() {
        tally.passed(&RESOLVERS, format!("{} know {} hosts", servers.join(", "), looked.len()));
    } else {
        let message = format!("its resolvers ({}) do not know {}", servers.join(", "), with_reasons(&unknown, reasons));
        tally.found(&RESOLVERS, message, "have the resolvers answer for them, or forward to ones that do");
    }
    beyond(facts, looked.iter().map(|(host, addresses)| (host.as_str(), addresses.as_slice())), &RESOLVERS, tally);
}

/// Names that lead to IPv6 alone, where the machine has no such address to reach them from.
fn beyond<'n>(facts: &Facts, known: impl Iterator<Item = (&'n str, &'n [String])>, spec: &'static CheckSpec, tally: &mut Tally) {
    let names: Vec<&str> = known.filter(|(_, addresses)| is_beyond(facts, addresses)).map(|(name, _)| name).collect();
    if !names.is_empty() {
        let message = format!("{} can be reached by IPv6 alone, and the node has no such address", names.join(", "));
        let fix = "ask the DNS team for IPv4 addresses (A records) of them, where they have such; else the nodes need IPv6";
        tally.found(spec, message, fix);
    }
}

/// Whether there are IPv6 addresses alone, and the machine has none of its own to reach them from.
fn is_beyond(facts: &Facts, addresses: &[String]) -> bool {
    let own = || facts.seen("address").any(|line| line.split(' ').nth(1).is_some_and(|address| address.contains(':')));
    !addresses.is_empty() && addresses.iter().all(|address| address.contains(':')) && facts.seen("address").next().is_some() && !own()
}

fn own_names(asked: &Asked, target: &Target, reasons: &Reasons, known: &impl Fn(&str) -> Option<Vec<String>>, tally: &mut Tally) -> Known {
    let mut all = Known::new();
    if asked.own.is_empty() {
        tally.not_applicable(&NODE_NAMES, "the site file names no DNS name");
        return all;
    }
    let mut unknown = Vec::new();
    for name in &asked.own {
        match known(name) {
            Some(addresses) if addresses.is_empty() => unknown.push(name.as_str()),
            Some(addresses) => {
                tally.passed(&NODE_NAMES, format!("{name}: {}", addresses.join(", ")));
                all.push((name.clone(), addresses.iter().filter_map(|address| address.parse().ok()).collect()));
            }
            None => {}
        }
    }
    if !unknown.is_empty() {
        let message = format!("not known there: {}", with_reasons(&unknown, reasons));
        let fix = format!(
            "have the nodes' resolvers know them: they lead to {}, and rules and extensions call them from the nodes",
            target.words
        );
        tally.found(&NODE_NAMES, message, fix);
    }
    all
}

/// Names, those with the same reason together, and the reason behind them.
fn with_reasons(names: &[&str], reasons: &Reasons) -> String {
    let mut groups: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for name in names {
        let reason = reasons.iter().find(|(known, _)| known == name).map(|(_, reason)| reason.as_str());
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, alike)) => alike.push(name),
            None => groups.push((reason, vec![name])),
        }
    }
    let shown = |(reason, names): (Option<&str>, Vec<&str>)| {
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{}{reason}", names.join(", "))
    };
    groups.into_iter().map(shown).collect::<Vec<_>>().join("; ")
}

/// What of that was asked of the node has no address there.
pub fn unknown<'a>(facts: &'a Facts, asked: &'a Asked) -> impl Iterator<Item = &'a str> {
    let has_none = |name: &&String| facts.seen("name").any(|line| line == name.as_str());
    asked.own.iter().chain(&asked.hosts).filter(has_none).map(String::as_str)
}

/// Names that lead elsewhere than they must, those that lead to the same place together.
fn astray(facts: &Facts, target: &Target, known: &Known, tally: &mut Tally) {
    let is_astray = |(_, addresses): &&(String, Vec<IpAddr>)| !addresses.iter().all(|address| target.is_met(*address));
    let mut places: Vec<(&[IpAddr], Vec<&str>)> = Vec::new();
    for (name, addresses) in known.iter().filter(|_| !target.addresses.is_empty()).filter(is_astray) {
        match places.iter_mut().find(|(known, _)| *known == addresses) {
            Some((_, names)) => names.push(name),
            None => places.push((addresses, vec![name])),
        }
    }
    for (addresses, names) in places {
        let message = format!("{} lead to {} there, and must lead to {}", names.join(", "), shown(addresses), target.words);
        let is_own = facts.seen("hosts").any(|line| line.split_whitespace().skip(1).any(|word| names.contains(&word)));
        let fix = if is_own {
            "ask the virtual machine team: its own /etc/hosts says so; correct the line there, or take it out".to_owned()
        } else {
            let servers = facts.seen("resolver").collect::<Vec<_>>().join(", ");
            format!("ask the DNS team: the resolvers that the node asks ({servers}) must answer with {}, as everybody's do", target.words)
        };
        tally.found(&NODE_NAMES, message, fix);
    }
}

/// Addresses in words.
pub fn shown(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids, site};
    use super::*;
    use crate::checks::spec::findings;

    const BALANCER: &str = "load_balancer: {address: 10.0.0.9}\n";

    fn judged(seen: &[(&str, &str)]) -> Vec<String> {
        let asked = Asked {
            own: vec!["manage.corp.example".to_owned()],
            hosts: vec!["mail.corp.example".to_owned(), "ntp.corp.example".to_owned()],
        };
        ids(&names("a0-1", &facts(seen), &asked, &Reasons::new(), &site(BALANCER)).0)
    }

    /// What is told of the site's own names, and what the node means by them where nothing says what they must mean.
    fn led(more: &str, seen: &[(&str, &str)]) -> (Vec<String>, Known) {
        let own = ["manage", "config", "identity"].map(|label| format!("{label}.corp.example"));
        let asked = Asked { own: own.to_vec(), hosts: vec!["lb.corp.example".to_owned()] };
        let seen = [&[("resolver", "10.0.0.2")], seen].concat();
        let (outcomes, known) = names("a0-1", &facts(&seen), &asked, &Reasons::new(), &site(more));
        let told = findings(&outcomes).into_iter().filter(|finding| finding.id == "dns.nodes");
        (told.map(|finding| format!("{} -> {}", finding.message, finding.fix)).collect(), known)
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
        for outcome in names("a0-1", &facts(&[server, ("lacks", "getent")]), &asked, &Reasons::new(), &site(BALANCER)).0 {
            let crate::checks::Verdict::CouldNotRun { why } = &outcome.verdict else { panic!("{outcome:?}") };
            assert!(why.contains("lacks `getent`"), "{why}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_on_the_node_are_told_with_who_says_so() {
        let right =
            [("name", "manage.corp.example 10.0.0.9"), ("name", "config.corp.example 10.0.0.9"), ("name", "lb.corp.example 10.0.0.9")];
        assert_eq!(led(BALANCER, &right), (vec![], vec![]));
        assert_eq!(led("load_balancer: {address: lb.corp.example}\n", &right), (vec![], vec![]));
        let inner = [
            ("name", "manage.corp.example 10.9.9.9"),
            ("name", "config.corp.example 10.9.9.9"),
            ("name", "identity.corp.example 10.0.0.9"),
        ];
        let (told, _) = led(BALANCER, &inner);
        assert_eq!(told.len(), 1, "those that lead to the same place are told together: {told:?}");
        assert!(
            told[0].starts_with(
                "manage.corp.example, config.corp.example lead to 10.9.9.9 there, and must lead to the load balancer (10.0.0.9)"
            ) && told[0].contains("ask the DNS team: the resolvers that the node asks (10.0.0.2)"),
            "{told:?}"
        );
        let table = [&inner[..], &[("hosts", "10.9.9.9 manage.corp.example config.corp.example")]].concat();
        assert!(led(BALANCER, &table).0[0].contains("ask the virtual machine team: its own /etc/hosts"));
        let (told, known) = led("", &inner);
        assert!(told.is_empty() && known.len() == 3, "nothing says where they must lead: {told:?}");
    }

    #[test]
    fn hosts_of_ipv6_alone_are_told_to_nodes_that_have_none() {
        let (server, own) = (("resolver", "10.0.0.2"), ("name", "manage.corp.example 10.0.0.9"));
        let (mail, time) = (("name", "mail.corp.example 2001:db8::25"), ("name", "ntp.corp.example 10.0.0.26 2001:db8::26"));
        let (four, six) = (("address", "eth0 10.0.0.1/24 static"), ("address", "eth0 2001:db8::1/64 static"));
        assert_eq!(judged(&[server, own, mail, time, four]), ["egress.dns"]);
        assert_eq!(judged(&[server, own, mail, time, four, six]), Vec::<String>::new());
    }

    #[test]
    fn what_the_resolver_says_of_a_name_stands_behind_it() {
        let names = ["manage.corp.example", "config.corp.example", "identity.corp.example"];
        let reasons = vec![(names[0].to_owned(), "no such name".to_owned()), (names[2].to_owned(), "no such name".to_owned())];
        assert_eq!(with_reasons(&names, &reasons), "manage.corp.example, identity.corp.example (no such name); config.corp.example");
        let asked = Asked { own: names.map(str::to_owned).to_vec(), hosts: Vec::new() };
        let facts = facts(&[("name", names[0]), ("name", "config.corp.example 10.0.0.9")]);
        assert_eq!(unknown(&facts, &asked).collect::<Vec<_>>(), [names[0]]);
    }
}
