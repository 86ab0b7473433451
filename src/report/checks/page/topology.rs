//! Who talks to whom, as a picture: boxes and lines with the worst that was found of each. Pure; drawn by the template.

use serde::Serialize;

use super::super::Standing;
use crate::checks::{Outcome, is_meant};
use crate::site::model::{ProxyKind, Role, Site};

const BOX_WIDTH: u32 = 170;
const BOX_HEIGHT: u32 = 46;
const GAP: u32 = 22;
const TOP: u32 = 34;
const LEFT: u32 = 12;
const MIDDLE: u32 = 262;
const NODES: u32 = 512;
const RIGHT: u32 = 778;
/// From the nodes' frame to the line that leaves it.
const TRUNK: u32 = 14;
/// More nodes than these are drawn as one box, by the worst of them.
const MOST_NODES: usize = 9;

/// A machine, or whom it talks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    name: String,
    /// The whole name, by which findings are looked for.
    #[serde(skip)]
    machine: String,
    about: String,
    class: &'static str,
    mark: &'static str,
}

impl Place {
    fn new(x: u32, y: u32, name: &str, about: &str, standing: Standing) -> Self {
        let (class, mark) = shown(standing);
        Self {
            x,
            y,
            width: BOX_WIDTH,
            height: BOX_HEIGHT,
            name: short(name, 18),
            machine: name.to_owned(),
            about: short(about, 24),
            class,
            mark,
        }
    }

    fn middle(&self) -> u32 {
        self.y + self.height / 2
    }
}

/// Who talks to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    x1: u32,
    y1: u32,
    x2: u32,
    y2: u32,
    /// Where its label stands.
    x: u32,
    y: u32,
    label: String,
    class: &'static str,
    mark: &'static str,
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Topology {
    width: u32,
    height: u32,
    places: Vec<Place>,
    lines: Vec<Line>,
    /// The frame around the nodes: what holds among them.
    frame: Place,
    /// The picture in words, for those who cannot see it.
    words: String,
}

/// A class for colours, and a mark that needs none.
fn shown(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Passed => ("passed", "\u{2713}"),
        Standing::Reserved => ("warning", "!"),
        Standing::Failed => ("error", "\u{2717}"),
        Standing::Unknown => ("unknown", "?"),
        Standing::NotAsked => ("quiet", ""),
    }
}

/// As much of a name as a box holds: its beginning and its end, by which machines of a cluster differ.
fn short(text: &str, most: usize) -> String {
    let text = crate::report::text::escape(text).into_owned();
    let length = text.chars().count();
    if length <= most {
        return text;
    }
    let end = (most - 1) / 2;
    text.chars().take(most - 1 - end).chain(['\u{2026}']).chain(text.chars().skip(length - end)).collect()
}

/// On which side of its line a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

struct Drawing<'d> {
    outcomes: &'d [Outcome],
    topology: Topology,
}

/// Draws the site with what was found.
pub(super) fn topology(site: &Site, outcomes: &[Outcome]) -> Topology {
    let frame = Place::new(0, 0, "", "", Standing::NotAsked);
    let topology = Topology { width: 960, height: 0, places: Vec::new(), lines: Vec::new(), frame, words: String::new() };
    let mut drawing = Drawing { outcomes, topology };
    let nodes = drawing.nodes(site);
    drawing.way_in(site, &nodes);
    drawing.users(site, &nodes);
    drawing.outside(site);
    drawing.finish()
}

impl Drawing<'_> {
    /// The worst that was found under these beginnings of ids, of `machine` alone where one is named.
    fn standing(&self, ids: &[&str], machine: Option<&str>) -> Standing {
        let is_its = |outcome: &&Outcome| {
            let words = || outcome.subject.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')));
            ids.iter().any(|id| is_meant(id, outcome.spec.id)) && machine.is_none_or(|name| words().any(|word| word == name))
        };
        Standing::of(self.outcomes.iter().filter(is_its))
    }

    /// The worst of two.
    fn worst(standings: impl IntoIterator<Item = Standing>) -> Standing {
        let order = [Standing::Failed, Standing::Unknown, Standing::Reserved, Standing::Passed];
        let all: Vec<Standing> = standings.into_iter().collect();
        order.into_iter().find(|standing| all.contains(standing)).unwrap_or(Standing::NotAsked)
    }

    fn line(&mut self, from: &Place, to: &Place, label: &str, standing: Standing) {
        self.straight((from.x + from.width, from.middle()), (to.x, to.middle()), label, standing);
    }

    /// One of many lines that end at the nodes; its mark stands before its own node, where those from the other place have none.
    fn fan(&mut self, from: &Place, to: &Place, side: Side, standing: Standing) {
        const OFF_MIDDLE: u32 = 9;
        let (class, mark) = shown(standing);
        let before = if side == Side::Above { 34 } else { 21 };
        let (x1, y1, x2) = (from.x + from.width, from.middle(), to.x);
        let y2 = if side == Side::Above { to.middle() - OFF_MIDDLE } else { to.middle() + OFF_MIDDLE };
        // As high as the line is there.
        let share = |one: u32, other: u32| (one * before + other * (x2 - x1 - before)) / (x2 - x1);
        let y = if side == Side::Above { share(y1, y2).saturating_sub(5) } else { share(y1, y2) + 13 };
        self.topology.lines.push(Line { x1, y1, x2, y2, x: x2 - before, y, label: String::new(), class, mark });
    }

    fn straight(&mut self, (x1, y1): (u32, u32), (x2, y2): (u32, u32), label: &str, standing: Standing) {
        let (class, mark) = shown(standing);
        let (x, y) = (u32::midpoint(x1, x2), u32::midpoint(y1, y2).saturating_sub(6));
        self.topology.lines.push(Line { x1, y1, x2, y2, x, y, label: label.to_owned(), class, mark });
    }

    fn place(&mut self, place: Place) -> Place {
        self.topology.height = self.topology.height.max(place.y + place.height + GAP);
        self.topology.places.push(place.clone());
        place
    }

    fn nodes(&mut self, site: &Site) -> Vec<Place> {
        const OWN: &[&str] = &["node", "time", "access.sudo", "access.passwords", "access.root-login", "access.startups"];
        let mut nodes = Vec::new();
        let machines: Vec<_> = site.nodes.iter().filter(|node| node.role != Role::LoadBalancer).collect();
        let mut y = TOP;
        if machines.len() > MOST_NODES {
            let standing = Self::worst(machines.iter().map(|node| self.standing(OWN, Some(&node.name))));
            let first = machines.first().map_or("", |node| node.name.as_str());
            nodes.push(self.place(Place::new(NODES, y, &format!("{} nodes", machines.len()), &format!("{first} and others"), standing)));
        } else {
            for node in machines {
                let standing = self.standing(OWN, Some(&node.name));
                nodes.push(self.place(Place::new(NODES, y, &node.name, &node.login.address, standing)));
                y += BOX_HEIGHT + GAP;
            }
        }
        let cluster = self.standing(&["cluster", "env.isolation", "time.pairwise"], None);
        let (class, mark) = shown(cluster);
        let last = nodes.last().map_or(y, |node| node.y + node.height);
        self.topology.frame = Place {
            x: NODES - 14,
            y: TOP - 24,
            width: BOX_WIDTH + 28,
            height: last.saturating_sub(TOP) + 38,
            name: "nodes, and among each other".to_owned(),
            machine: String::new(),
            about: String::new(),
            class,
            mark,
        };
        nodes
    }

    fn way_in(&mut self, site: &Site, nodes: &[Place]) {
        let y = nodes.last().map_or(TOP, |node| node.y).max(TOP + 2 * (BOX_HEIGHT + GAP));
        let mut from = self.place(Place::new(LEFT, y, "operator", "with Portcullis", Standing::NotAsked));
        if let Some(hop) = site.route.hops.first() {
            let standing = self.standing(&["access.path", "access.jump"], Some(&hop.name));
            let about =
                if site.route.hops.len() > 1 { format!("and {} more", site.route.hops.len() - 1) } else { hop.login.address.clone() };
            let jump = self.place(Place::new(MIDDLE, y, &hop.name, &about, standing));
            self.line(&from, &jump, "SSH", standing);
            from = jump;
        }
        for node in nodes {
            let machine = if nodes.len() == 1 && site.nodes.len() > 1 { None } else { Some(node.machine.as_str()) };
            let standing = self.standing(&["access.path", "access.jump.hostkey"], machine);
            self.fan(&from, node, Side::Below, standing);
        }
    }

    fn users(&mut self, site: &Site, nodes: &[Place]) {
        let users = self.place(Place::new(LEFT, TOP, "users", "browsers, applications", self.standing(&["dns"], None)));
        let served = ["tls", "health"];
        let Some(balancer) = &site.load_balancer else {
            if let Some(first) = nodes.first() {
                let standing = self.standing(&served, None);
                self.line(&users, &first.clone(), "TLS", standing);
            }
            return;
        };
        // What the site file says of it makes it red, and never green: that takes somebody who was there.
        let met = self.standing(&["lb.tcp", "lb.host", "lb.testall", "lb.ws", "lb.plain-http", "cluster.hairpin"], None);
        let told = self.standing(&["lb"], None);
        let standing = if matches!(told, Standing::Failed | Standing::Reserved) { Self::worst([told, met]) } else { met };
        let place = self.place(Place::new(MIDDLE, TOP, "load balancer", &balancer.address, standing));
        let names = self.standing(&["dns.target", "lb.tcp", "lb.host", "lb.plain-http"], None);
        self.line(&users, &place, "TLS", names);
        for node in nodes {
            let machine = if nodes.len() == 1 && site.nodes.len() > 1 { None } else { Some(node.machine.as_str()) };
            let standing = self.standing(&served, machine);
            self.fan(&place, node, Side::Above, standing);
        }
    }

    fn outside(&mut self, site: &Site) {
        let mut y = TOP;
        let frame = self.topology.frame.clone();
        // All of them leave by one trunk, so that no line crosses another's label.
        let trunk = frame.x + frame.width + TRUNK;
        let mut all: Vec<(String, String, &'static str, Vec<&'static str>)> = Vec::new();
        if let Some(smtp) = &site.smtp {
            all.push(("mail server".to_owned(), format!("{}:{}", smtp.host, smtp.port), "mail", vec!["smtp"]));
        }
        let way = match site.proxy.kind {
            ProxyKind::None => "directly",
            ProxyKind::Explicit => site.proxy.url.as_deref().map_or("by the proxy", |url| url.trim_start_matches("http://")),
            ProxyKind::Transparent => "by a transparent proxy",
        };
        all.push(("internet".to_owned(), way.to_owned(), "443", vec!["proxy", "egress"]));
        if !site.ntp_servers.is_empty() {
            all.push(("time servers".to_owned(), site.ntp_servers.join(", "), "123", vec!["time.ntp"]));
        }
        for connector in &site.connectors {
            all.push((connector.name.clone(), connector.ldap_url.clone(), "LDAP", vec!["conn"]));
        }
        for (name, about, label, ids) in all {
            let machine = ids.contains(&"conn").then_some(name.as_str());
            let standing = self.standing(&ids, machine);
            let place = self.place(Place::new(RIGHT, y, &name, &about, standing));
            self.straight((trunk, place.middle()), (place.x, place.middle()), label, standing);
            y += BOX_HEIGHT + GAP;
        }
        let (first, last) = (TOP + BOX_HEIGHT / 2, y.saturating_sub(GAP + BOX_HEIGHT / 2));
        self.straight((trunk, first), (trunk, last), "", Standing::NotAsked);
        self.straight((frame.x + frame.width, first), (trunk, first), "", Standing::NotAsked);
    }

    fn finish(mut self) -> Topology {
        let frame = &self.topology.frame;
        self.topology.height = self.topology.height.max(frame.y + frame.height + GAP / 2);
        self.topology.words = words(&self.topology);
        self.topology
    }
}

/// What the picture shows, for those who cannot see it, or see a part.
fn words(topology: &Topology) -> String {
    let of = |class: &str| {
        let mut names: Vec<&str> = topology.places.iter().filter(|place| place.class == class).map(|place| place.name.as_str()).collect();
        names.extend((topology.frame.class == class).then_some("between the nodes"));
        names.join(", ")
    };
    let said = [(of("error"), "Something fails at: "), (of("unknown"), "Could not be looked at: ")];
    let said: Vec<String> = said.iter().filter(|(names, _)| !names.is_empty()).map(|(names, what)| format!("{what}{names}.")).collect();
    if said.is_empty() { "Nothing fails between them.".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CheckSpec, Verdict};

    static PATH: CheckSpec = CheckSpec::new("access.path", "t", "s");

    #[test]
    fn nodes_of_long_names_keep_their_lines_verdicts_and_the_ends_by_which_they_differ() {
        let names = ["frankfurt-production-authentication-node-1", "frankfurt-production-authentication-node-2"];
        let nodes = names.map(|name| format!("{{name: {name}, address: 10.0.0.1}}")).join(", ").replacen("10.0.0.1}", "10.0.0.2}", 1);
        let text = format!("site: a\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{nodes}]\n");
        let site = crate::site::parse(&text, std::path::Path::new("site.yaml")).unwrap();
        let outcome = |name: &str| Outcome { spec: &PATH, subject: name.to_owned(), verdict: Verdict::Passed, evidence: Vec::new() };
        let drawn = topology(&site, &names.map(outcome));
        assert_eq!(drawn.lines.iter().filter(|line| line.class == "passed").count(), 2, "{:?}", drawn.lines);
        let shown: Vec<&str> = drawn.places.iter().map(|place| place.name.as_str()).filter(|name| name.contains('\u{2026}')).collect();
        assert!(shown.len() == 2 && shown[0].ends_with("node-1") && shown[1].ends_with("node-2"), "{shown:?}");
        assert!(drawn.places.iter().all(|place| place.name.chars().count() <= 18 && place.about.chars().count() <= 24));
    }
}
