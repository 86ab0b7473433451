//! What stands on a machine and should not: a door that the ledger knows nothing of is shouted about.

use jiff::{SignedDuration, Timestamp};

use super::super::history::History;
use super::super::window::{State, Window, WindowId};
use super::door::Look;
use super::doorway::Doorway;
use super::principal::{Door, Recorder, principal_line};
use super::trust;
use crate::finding::{Finding, Severity};
use crate::node::sha256_hex;

// A closer needs a moment after the end: it looks twice.
const AFTER_THE_END: SignedDuration = SignedDuration::from_secs(15);

/// All that can be found so, with its weight and what it says in general.
pub const DOORS: [(&str, Severity, &str); 8] = [
    ("access.principal.unknown", Severity::Error, "A principal lets certificates in, and no open window accounts for it"),
    ("access.principal.missing", Severity::Error, "A window is open according to the ledger, and its principal is not there"),
    (
        "access.principal.altered",
        Severity::Error,
        "The principal of an open window is not as it was put there, or stands at another account",
    ),
    ("access.closer.missing", Severity::Error, "A window is open, and nothing on the machine would end its sessions"),
    ("access.window.unknown", Severity::Error, "A machine knows a window that is not open according to the ledger"),
    ("access.timer.unknown", Severity::Error, "A machine has a timer of a window that is not open according to the ledger"),
    ("access.authority.unknown", Severity::Error, "sshd trusts a user CA in Portcullis's place that is not this site's"),
    ("access.authority.other", Severity::Warning, "sshd trusts another user CA, whose certificates let in without any window"),
];

/// What is compared: one machine with the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Discovery<'a> {
    /// The machine, with what a window may do there.
    pub doorway: &'a Doorway,
    /// The account that windows log in to there.
    pub account: &'a str,
    /// How it stands.
    pub look: &'a Look,
    /// The windows that the ledger knows.
    pub history: &'a History,
    /// The site's user CA, where there is one.
    pub authority: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
}

/// Everything on a machine that no window of the ledger accounts for.
pub fn discover(discovery: &Discovery<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let look = discovery.look;
    for (account, line) in &look.principals {
        if !discovery.accounts_for(line.rsplit(' ').next().unwrap_or_default()) {
            let message = format!("a principal that no open window accounts for lets certificates in as `{account}`: {line}");
            let fix = format!("take the line out of /etc/ssh/portcullis/principals/{account}, and find out who put it there");
            findings.push(discovery.finding("access.principal.unknown", message, fix));
        }
    }
    for (window, _) in &look.windows {
        if !discovery.accounts_for(window) {
            let message = format!("a record of a window that is not open according to the ledger: {window}");
            findings.push(discovery.finding("access.window.unknown", message, close_hint(window)));
        }
    }
    for timer in &look.timers {
        let id = timer.trim_start_matches("portcullis-window-").trim_end_matches(".timer").trim_end_matches("-warn");
        if !discovery.accounts_for(id) {
            let message = format!("a timer of a window that is not open according to the ledger: {timer}");
            findings.push(discovery.finding("access.timer.unknown", message, close_hint(id)));
        }
    }
    findings.extend(look.principals.iter().filter_map(|(account, line)| discovery.altered(account, line)));
    findings.extend(discovery.unknown_trust());
    findings.extend(discovery.missing());
    findings.extend(discovery.disarmed());
    findings
}

fn close_hint(window: &str) -> String {
    format!("portcullis access close {window}, where the ledger knows it; else by hand, and find out who opened it")
}

impl Discovery<'_> {
    fn window(&self, name: &str) -> Option<&Window> {
        self.history.window(&WindowId::parse(name.trim_end_matches(".jump")).ok()?)
    }

    fn accounts_for(&self, name: &str) -> bool {
        let Some(window) = self.window(name) else { return false };
        match window.state(self.now) {
            State::Opening | State::Scheduled | State::Open => true,
            State::Closing => window.left().iter().any(|machine| machine == self.machine()),
            State::Ended => self.now.duration_since(window.span.end()) < AFTER_THE_END,
            State::Requested | State::Closed => false,
        }
    }

    // Who is root there may have given a window more than was agreed.
    fn altered(&self, account: &str, line: &str) -> Option<Finding> {
        let window = self.window(line.rsplit(' ').next()?)?;
        let is_in_force = matches!(window.state(self.now), State::Scheduled | State::Open);
        if !is_in_force || (account == self.account && self.is_as_put(window, line)) {
            return None;
        }
        let message = format!("the principal of window {} is not as it was put there, at account `{account}`: {line}", window.id);
        let fix = format!("close the window now (portcullis access close {}), and find out who changed it", window.id);
        Some(self.finding("access.principal.altered", message, fix))
    }

    fn is_as_put(&self, window: &Window, line: &str) -> bool {
        let (doors, recorders) = match &self.doorway.door {
            Door::Node if window.record => (Door::Node, vec![Some(Recorder::ByRoot), Some(Recorder::BySudo)]),
            Door::Node => (Door::Node, vec![None]),
            // The window has some of the nodes.
            Door::Hop(all) => {
                let stands = |(host, port): &&(String, u16)| {
                    let alone = Door::Hop(vec![(host.clone(), *port)]);
                    let alone = principal_line(&alone, &window.id, window.span.end(), None);
                    alone.split(',').find(|option| option.starts_with("permitopen=")).is_some_and(|option| line.contains(option))
                };
                (Door::Hop(all.iter().filter(stands).cloned().collect()), vec![None])
            }
        };
        recorders.into_iter().any(|recorder| principal_line(&doors, &window.id, window.span.end(), recorder) == line)
    }

    fn machine(&self) -> &str {
        &self.doorway.name
    }

    fn unknown_trust(&self) -> Option<Finding> {
        let trusted = self.look.sshd.get("trustedusercakeys").map(String::as_str).unwrap_or_default();
        if !matches!(trusted, "" | "none") && trusted != trust::CA {
            // It may well be the customer's own; whoever looks for ways in wants to know it.
            let message = format!("sshd trusts another user CA, by `TrustedUserCAKeys {trusted}`");
            let fix = format!("see whose it is (ssh-keygen -lf {trusted}); certificates of it let in without any window");
            return Some(self.finding("access.authority.other", message, fix));
        }
        let sum = self.look.files.get(trust::CA).cloned().flatten()?;
        let ours = self.authority.map(|line| sha256_hex(format!("{line}\n").as_bytes()));
        (trusted == trust::CA && ours != Some(sum)).then(|| {
            let message = format!("sshd trusts a user CA in {} that is not this site's", trust::CA);
            let fix = format!("see whose it is (ssh-keygen -lf {}); remove it where nobody knows", trust::CA);
            self.finding("access.authority.unknown", message, fix)
        })
    }

    // The other way round: a door that should be open and is not.
    fn missing(&self) -> Vec<Finding> {
        let open =
            self.history.windows().iter().filter(|window| window.lets_in(self.now) && window.machines().any(|name| name == self.machine()));
        let principal =
            |window: &Window, line: &str| line.rsplit(' ').next().is_some_and(|name| name.trim_end_matches(".jump") == window.id.as_str());
        let gone = open.filter(|window| !self.look.principals.iter().any(|(_, line)| principal(window, line)));
        gone.map(|window| {
            let message = format!("window {} is open according to the ledger, and its principal is not there", window.id);
            self.finding("access.principal.missing", message, format!("close it and open another: portcullis access close {}", window.id))
        })
        .collect()
    }

    // Who is root there may have taken its closer away.
    fn disarmed(&self) -> Vec<Finding> {
        let open =
            self.history.windows().iter().filter(|window| window.lets_in(self.now) && window.machines().any(|name| name == self.machine()));
        let timer = |window: &Window| format!("portcullis-window-{}.timer", window.id);
        let is_armed = |window: &Window| {
            self.look.windows.iter().any(|(name, _)| name == window.id.as_str()) && !self.look.stopped.contains(&timer(window))
        };
        let disarmed = open.filter(|window| !is_armed(window));
        disarmed
            .map(|window| {
                let message =
                    format!("window {} is open, and nothing on the machine would end its sessions: its closer is gone", window.id);
                let fix = format!("close it now (portcullis access close {}), and find out who took the closer away", window.id);
                self.finding("access.closer.missing", message, fix)
            })
            .collect()
    }

    fn finding(&self, id: &str, message: String, fix: String) -> Finding {
        Finding {
            id: id.to_owned(),
            severity: DOORS.iter().find(|(known, _, _)| *known == id).map_or(Severity::Error, |(_, severity, _)| *severity),
            subject: self.machine().to_owned(),
            message,
            fix,
            source: "Security and Access".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::window::Span;
    use super::super::doorway::Way;
    use super::*;

    fn doorway(door: Door) -> Doorway {
        Doorway { name: "a0-1".to_owned(), way: Way::Hop(0), address: String::new(), port: 22, account: None, door, has_account: false }
    }

    #[test]
    fn a_principal_that_gives_more_than_was_agreed_is_not_as_it_was_put() {
        let id = WindowId::parse("w-20261122-3f9a1c").unwrap();
        let span = Span::recorded(Timestamp::UNIX_EPOCH, "2026-11-22T22:30:05Z".parse().unwrap()).unwrap();
        let mut window = Window::new(id, crate::access::Person::parse("ada").unwrap(), crate::access::Kind::Initial, span);
        let is_as_put = |window: &Window, door: &Door, line: &str| {
            let (look, history, doorway) = (Look::default(), History::default(), doorway(door.clone()));
            let discovery =
                Discovery { doorway: &doorway, account: "admin", look: &look, history: &history, authority: None, now: span.start() };
            discovery.is_as_put(window, line)
        };
        let put = |door: &Door, recorder| principal_line(door, &WindowId::parse("w-20261122-3f9a1c").unwrap(), span.end(), recorder);
        let node = put(&Door::Node, None);
        assert!(is_as_put(&window, &Door::Node, &node));
        assert!(!is_as_put(&window, &Door::Node, "w-20261122-3f9a1c") && !is_as_put(&window, &Door::Node, &node.replace("2026", "2036")));
        let one = ("10.77.0.11".to_owned(), 22);
        let all = Door::Hop(vec![one.clone(), ("10.77.0.12".to_owned(), 22)]);
        let hop = put(&Door::Hop(vec![one]), None);
        assert!(is_as_put(&window, &all, &hop) && is_as_put(&window, &all, &put(&all, None)));
        assert!(!is_as_put(&window, &all, &hop.replace(",permitopen=", ",permitopen=\"*:22\",permitopen=")));
        assert!(!is_as_put(&window, &all, &hop.replace("192.0.2.1:1", "*:1")));
        window.record = true;
        assert!(is_as_put(&window, &Door::Node, &put(&Door::Node, Some(Recorder::BySudo))) && !is_as_put(&window, &Door::Node, &node));
    }

    fn found(look: &Look, authority: Option<&str>) -> Vec<String> {
        let history = History::default();
        let doorway = doorway(Door::Node);
        let discovery = Discovery { doorway: &doorway, account: "admin", look, history: &history, authority, now: Timestamp::UNIX_EPOCH };
        discover(&discovery).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn what_was_made_by_hand_is_shouted_about() {
        let mut look = Look::default();
        assert_eq!(found(&look, None), [""; 0]);
        look.principals = vec![("root".to_owned(), "w-20261122-000001".to_owned()), ("admin".to_owned(), "eve".to_owned())];
        look.timers = vec!["portcullis-window-w-20261122-000001-warn.timer".to_owned()];
        look.windows = vec![("w-20261122-000001".to_owned(), None)];
        look.sshd.insert("trustedusercakeys".to_owned(), trust::CA.to_owned());
        look.files.insert(trust::CA.to_owned(), Some(sha256_hex(b"ssh-ed25519 EVE\n")));
        assert_eq!(
            found(&look, Some("ssh-ed25519 OURS")),
            [
                "access.principal.unknown",
                "access.principal.unknown",
                "access.window.unknown",
                "access.timer.unknown",
                "access.authority.unknown"
            ]
        );
        look.files.insert(trust::CA.to_owned(), Some(sha256_hex(b"ssh-ed25519 OURS\n")));
        assert!(!found(&look, Some("ssh-ed25519 OURS")).contains(&"access.authority.unknown".to_owned()));
        look.sshd.insert("trustedusercakeys".to_owned(), "/etc/ssh/own_ca.pub".to_owned());
        assert!(found(&look, None).contains(&"access.authority.other".to_owned()));
    }
}
