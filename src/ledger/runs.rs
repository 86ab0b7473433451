//! What the ledger knows of runs: how each began, how it ended, what was learnt later, and which one is broken off.
//!
//! Pure: events in, answers out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Actor, EventKind};
use super::store::LoggedEvent;

/// What a run was asked for. Another run takes it up only where it is asked for the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// The playbooks, in order.
    pub playbooks: Vec<String>,
    /// `--limit`, sorted; empty: all nodes.
    pub limit: Vec<String>,
    /// `--skip`, sorted.
    pub skip: Vec<String>,
    /// `--rolling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling: Option<u16>,
    /// `--all-or-nothing`.
    pub all_or_nothing: bool,
}

impl RunOptions {
    /// Where `other` differs, each option with what it was in `self` and what it is in `other`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let list = |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(",") };
        let number = |rolling: Option<u16>| rolling.map_or_else(|| "not given".to_owned(), |number| number.to_string());
        let given = |given: bool| if given { "given" } else { "not given" }.to_owned();
        let options = [
            ("the playbook", list(&self.playbooks, "none"), list(&other.playbooks, "none")),
            ("--limit", list(&self.limit, "not given"), list(&other.limit, "not given")),
            ("--skip", list(&self.skip, "not given"), list(&other.skip, "not given")),
            ("--rolling", number(self.rolling), number(other.rolling)),
            ("--all-or-nothing", given(self.all_or_nothing), given(other.all_or_nothing)),
        ];
        options.into_iter().filter(|(_, was, is)| was != is).map(|(name, was, is)| format!("{name} was {was}, now {is}")).collect()
    }

    /// The command that asks for this.
    pub fn command_line(&self) -> String {
        let mut words = vec!["portcullis apply".to_owned()];
        words.extend(self.playbooks.iter().cloned());
        for (flag, names) in [("--limit", &self.limit), ("--skip", &self.skip)] {
            if !names.is_empty() {
                words.push(format!("{flag} {}", names.join(",")));
            }
        }
        words.extend(self.rolling.map(|rolling| format!("--rolling {rolling}")));
        if self.all_or_nothing {
            words.push("--all-or-nothing".to_owned());
        }
        words.join(" ")
    }
}

/// What stands in place of a playbook where opening a window had sshd trust windows.
pub const WINDOWS: &str = "windows";

/// How a run began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Beginning {
    /// What it was asked for.
    #[serde(flatten)]
    pub options: RunOptions,
    /// The nodes it looked at.
    pub nodes: Vec<String>,
    /// Those on which there was something to do.
    pub to_change: Vec<String>,
    /// Broken-off runs that it takes up, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takes_up: Vec<String>,
}

impl Beginning {
    /// A run of `playbooks`, without further options, on `nodes`.
    pub fn new(playbooks: &[&str], nodes: &[&str]) -> Self {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let options = RunOptions { playbooks: texts(playbooks), ..RunOptions::default() };
        Self { options, nodes: texts(nodes), to_change: texts(nodes), takes_up: Vec::new() }
    }
}

/// One run, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// When it was last heard of.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Actor,
    /// How it began; `None` where that lies too far back.
    pub beginning: Option<Beginning>,
    /// How it ended, in a word; `None`: nothing says that it did.
    pub outcome: Option<String>,
    /// How it ended on each node, by what was learnt last.
    pub nodes: BTreeMap<String, String>,
    /// What was learnt after it had ended, or been broken off, by node.
    pub settled: BTreeMap<String, String>,
    /// Whether it was put back on request.
    pub is_rolled_back: bool,
}

impl RunRecord {
    /// Nodes of which nobody knows yet how it ended there.
    pub fn unsettled(&self) -> Vec<&str> {
        let open = self.nodes.iter().filter(|(_, outcome)| *outcome == "unknown").map(|(node, _)| node.as_str());
        let untold = self.beginning.iter().filter(|_| self.outcome.is_none()).flat_map(|beginning| &beginning.to_change);
        open.chain(untold.map(String::as_str).filter(|node| !self.nodes.contains_key(*node))).collect()
    }

    /// Whether it made sshd trust windows. The next opening does what is left of it, and nothing takes it up.
    pub fn is_of_windows(&self) -> bool {
        self.beginning.as_ref().is_some_and(|beginning| beginning.options.playbooks == [WINDOWS])
    }

    /// Whether it was broken off, and not all of it came about all the same.
    pub fn is_broken_off(&self) -> bool {
        let Some(beginning) = &self.beginning else { return false };
        let is_done = |node: &String| self.nodes.get(node).is_some_and(|outcome| outcome == "changed");
        let has_ended = self.outcome.as_deref().is_some_and(|outcome| outcome != "interrupted");
        let came_about = !beginning.to_change.is_empty() && beginning.to_change.iter().all(is_done);
        !(has_ended || self.is_rolled_back || came_about)
    }
}

/// A playbook that is in place on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPlace {
    /// Its name.
    pub playbook: String,
    /// Steps that its newest run left out.
    pub skip: Vec<String>,
}

/// Runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runs(Vec<RunRecord>);

impl Runs {
    /// What `events`, the newest first, say of runs.
    pub fn of(events: &[LoggedEvent]) -> Self {
        let mut runs: Vec<RunRecord> = Vec::new();
        for event in events.iter().rev().map(|logged| &logged.event) {
            let Some(id) = event.subject.as_deref().filter(|_| event.kind.name().starts_with("run.")) else { continue };
            let place = runs.iter().position(|run| run.id == id).unwrap_or_else(|| {
                let (at, actor) = (event.at, event.actor.clone());
                let (nodes, id) = (BTreeMap::new(), id.to_owned());
                runs.push(RunRecord {
                    id,
                    at,
                    actor,
                    beginning: None,
                    outcome: None,
                    nodes,
                    settled: BTreeMap::new(),
                    is_rolled_back: false,
                });
                runs.len() - 1
            });
            let Some(run) = runs.get_mut(place) else { continue };
            let outcome = event.details.get("outcome").and_then(Value::as_str);
            let nodes = event.details.get("nodes").and_then(Value::as_array).into_iter().flatten();
            let nodes = nodes.filter_map(|node| Some((node.get("node")?.as_str()?.to_owned(), node.get("outcome")?.as_str()?.to_owned())));
            match event.kind {
                EventKind::RunStarted => run.beginning = serde_json::from_value(Value::Object(event.details.clone())).ok(),
                EventKind::RunFinished => {
                    run.outcome = outcome.map(str::to_owned);
                    run.nodes.extend(nodes);
                }
                EventKind::RunSettled => {
                    run.settled.extend(nodes);
                    run.nodes.extend(run.settled.clone());
                }
                EventKind::RunRolledBack => {
                    run.nodes.extend(nodes.filter(|(_, outcome)| outcome == "rolled-back"));
                    // A part of it put back leaves the rest standing.
                    run.is_rolled_back = outcome == Some("rolled-back") && !run.nodes.values().any(|outcome| outcome == "changed");
                }
                EventKind::WindowRequested
                | EventKind::WindowApproved
                | EventKind::WindowWithdrawn
                | EventKind::WindowOpening
                | EventKind::WindowOpened
                | EventKind::WindowExtended
                | EventKind::WindowClosing
                | EventKind::WindowClosed
                | EventKind::WindowEvidence
                | EventKind::AuditRead
                | EventKind::AuditVerified
                | EventKind::AuditExported
                | EventKind::CheckpointCountersigned
                | EventKind::CheckpointReplaced
                | EventKind::KeyAdmitted
                | EventKind::KeyRetired
                | EventKind::CheckWaived
                | EventKind::Unknown(_) => {}
            }
            run.at = event.at;
        }
        // Their ids begin with the time.
        runs.sort_by(|one, other| other.id.cmp(&one.id));
        Self(runs)
    }

    /// All of them, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &RunRecord> {
        self.0.iter()
    }

    /// The run with this id.
    pub fn find(&self, id: &str) -> Option<&RunRecord> {
        self.0.iter().find(|run| run.id == id)
    }

    /// The run that is broken off: the newest that began, where it did not come to its end.
    pub fn broken_off(&self) -> Option<&RunRecord> {
        self.0.iter().find(|run| run.beginning.is_some() && !run.is_of_windows()).filter(|run| run.is_broken_off())
    }

    /// The playbooks that are in place on `node`, the newest first: those of runs that ended well there and were not put back.
    pub fn in_place(&self, node: &str) -> Vec<InPlace> {
        let mut found: Vec<InPlace> = Vec::new();
        let is_there = |run: &&RunRecord| {
            !run.is_of_windows() && run.nodes.get(node).is_some_and(|outcome| matches!(outcome.as_str(), "changed" | "unchanged"))
        };
        for options in self.0.iter().filter(is_there).filter_map(|run| run.beginning.as_ref()).map(|beginning| &beginning.options) {
            // Within a run the later playbook is the newer one.
            for playbook in options.playbooks.iter().rev() {
                if !found.iter().any(|known| known.playbook == *playbook) {
                    found.push(InPlace { playbook: playbook.clone(), skip: options.skip.clone() });
                }
            }
        }
        found
    }

    /// Whether nobody saw the newest run of these playbooks that changed `node` to its end there: what became of it was learnt
    /// only afterwards, or is not known. What was to be looked at once the node was changed may not have been.
    pub fn is_unseen(&self, node: &str, playbooks: &[String]) -> bool {
        let of_these = |run: &&RunRecord| run.beginning.as_ref().is_some_and(|beginning| beginning.options.playbooks == playbooks);
        let outcome = |run: &RunRecord| Some((run.nodes.get(node)?.clone(), run.settled.contains_key(node)));
        let mut outcomes = self.0.iter().filter(of_these).filter(|run| !run.is_rolled_back).filter_map(outcome);
        let changed = outcomes.find(|(outcome, _)| matches!(outcome.as_str(), "changed" | "broken" | "unknown" | "left-changed"));
        changed.is_some_and(|(outcome, was_settled)| was_settled || outcome != "changed")
    }

    /// A run and those that it took up, the newest first: together they are what was asked for.
    pub fn chain(&self, id: &str) -> Vec<String> {
        let took_up = self.find(id).and_then(|run| run.beginning.as_ref()).map(|beginning| beginning.takes_up.clone());
        std::iter::once(id.to_owned()).chain(took_up.unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::Hash;
    use super::super::event::tests::{noon, origin};
    use super::super::event::{LedgerEvent, NodeOutcome};
    use super::*;

    fn newest_first(events: &[LedgerEvent]) -> Vec<LoggedEvent> {
        let hash = Hash::parse_bytes(&[0; 32]).unwrap();
        let mut logged: Vec<_> = (1..).zip(events).map(|(seq, event)| LoggedEvent { seq, hash, event: event.clone() }).collect();
        logged.reverse();
        logged
    }

    fn beginning(limit: &[&str]) -> Beginning {
        let mut beginning = Beginning::new(&["tls"], &["a", "b"]);
        beginning.options.limit = limit.iter().map(|word| (*word).to_owned()).collect();
        beginning
    }

    #[test]
    fn what_made_sshd_trust_windows_is_not_taken_up_and_hides_nothing() {
        let events = [
            origin().run_started(noon(0), "r1", &beginning(&["a", "b"])),
            origin().run_started(noon(1), "r2", &Beginning::new(&[WINDOWS], &["a"])),
        ];
        assert_eq!(Runs::of(&newest_first(&events)).broken_off().map(|run| run.id.as_str()), Some("r1"));
        assert!(Runs::of(&newest_first(&events[1..])).broken_off().is_none());
    }

    fn outcome(node: &str, word: &str) -> NodeOutcome {
        NodeOutcome { node: node.into(), outcome: word.into(), detail: None, files: vec![] }
    }

    #[test]
    fn a_run_without_an_end_is_broken_off_until_its_nodes_say_that_they_did_it() {
        let started = origin().run_started(noon(0), "r1", &beginning(&["a", "b"]));
        let runs = Runs::of(&newest_first(std::slice::from_ref(&started)));
        let broken = runs.broken_off().unwrap();
        assert_eq!((broken.id.as_str(), broken.unsettled()), ("r1", vec!["a", "b"]));
        assert_eq!(broken.beginning, Some(beginning(&["a", "b"])));
        let half = origin().run_settled(noon(1), "r1", &[outcome("a", "changed")]);
        let runs = Runs::of(&newest_first(&[started.clone(), half.clone()]));
        assert_eq!(runs.broken_off().unwrap().unsettled(), ["b"]);
        let rest = origin().run_settled(noon(2), "r1", &[outcome("b", "changed")]);
        assert_eq!(Runs::of(&newest_first(&[started, half, rest])).broken_off(), None);
    }

    #[test]
    fn a_run_that_failed_has_ended_and_one_that_was_interrupted_has_not() {
        let ended = |word: &str| {
            let started = origin().run_started(noon(0), "r1", &beginning(&[]));
            let finished = origin().run_finished(noon(1), "r1", word, &[outcome("a", "changed"), outcome("b", "unknown")]);
            Runs::of(&newest_first(&[started, finished]))
        };
        assert_eq!(ended("failed").broken_off(), None);
        assert_eq!(ended("failed").find("r1").unwrap().unsettled(), ["b"]);
        assert_eq!(ended("interrupted").broken_off().unwrap().id, "r1");
        assert_eq!(ended("failed").chain("r1"), ["r1"]);
    }

    #[test]
    fn what_was_put_back_or_begun_afresh_is_not_taken_up() {
        let first = origin().run_started(noon(0), "r1", &beginning(&[]));
        let back = origin().run_rolled_back(noon(1), "r1", "rolled-back", &[outcome("a", "rolled-back")]);
        assert_eq!(Runs::of(&newest_first(&[first.clone(), back])).broken_off(), None);
        let second = origin().run_started(noon(1), "r2", &Beginning { takes_up: vec!["r1".into()], ..beginning(&[]) });
        let ended = origin().run_finished(noon(2), "r2", "done", &[]);
        let runs = Runs::of(&newest_first(&[first, second, ended]));
        assert_eq!(runs.broken_off(), None);
        assert_eq!(runs.chain("r2"), ["r2", "r1"]);
    }

    #[test]
    fn each_option_that_differs_is_named_with_both_values() {
        let was = beginning(&["a"]).options;
        let now = RunOptions { rolling: Some(2), limit: Vec::new(), ..was.clone() };
        assert_eq!(was.differences(&now), ["--limit was a, now not given", "--rolling was not given, now 2"]);
        assert_eq!(was.differences(&was), Vec::<String>::new());
        assert_eq!(now.command_line(), "portcullis apply tls --rolling 2");
    }
}
