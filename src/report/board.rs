//! What every node is doing now: events in, lines out. Knows nothing of the terminal that shows them.

use super::text::{Look, Tone, counted, escape, padded};
use crate::event::{Event, Phase, State};
use crate::finding::Severity;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Waiting,
    Active,
    Done,
    Failed,
}

#[derive(Debug)]
struct Row {
    node: String,
    /// The newest phase and where it stands; `None`: nothing happened yet.
    now: Option<(Phase, State)>,
    /// A node that failed stays one, also while it is put back.
    failed: bool,
    detail: Option<String>,
}

impl Row {
    fn standing(&self) -> Standing {
        match self.now {
            None | Some((_, State::Skipped)) => Standing::Waiting,
            Some((_, State::Started)) => Standing::Active,
            Some((_, State::Failed)) => Standing::Failed,
            Some((_, State::Done | State::Unchanged)) if self.failed => Standing::Failed,
            Some((_, State::Done | State::Unchanged)) => Standing::Done,
        }
    }
}

/// All nodes of a command, in the order in which it named them.
#[derive(Debug, Default)]
pub(super) struct Board {
    rows: Vec<Row>,
    errors: usize,
    warnings: usize,
}

impl Board {
    /// Takes an event in; gives the index of the node that it was about.
    pub(super) fn take(&mut self, event: &Event) -> Option<usize> {
        match event {
            Event::Started { nodes, .. } => {
                for node in nodes {
                    self.index_of(node);
                }
                None
            }
            Event::Node { node, phase, state, detail } => {
                let index = self.index_of(node);
                let row = self.rows.get_mut(index)?;
                row.now = Some((*phase, *state));
                row.failed |= *state == State::Failed;
                row.detail.clone_from(detail);
                Some(index)
            }
            Event::Changed { node, subject, .. } => {
                let index = self.index_of(node);
                self.rows.get_mut(index)?.detail = Some(subject.clone());
                Some(index)
            }
            Event::Finding { finding } => {
                match finding.severity {
                    Severity::Error => self.errors += 1,
                    Severity::Warning => self.warnings += 1,
                    Severity::Info => {}
                }
                None
            }
            Event::Error { .. } | Event::Summary { .. } => None,
        }
    }

    fn index_of(&mut self, node: &str) -> usize {
        self.rows.iter().position(|row| row.node == node).unwrap_or_else(|| {
            self.rows.push(Row { node: node.to_owned(), now: None, failed: false, detail: None });
            self.rows.len() - 1
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn standing(&self, index: usize) -> Standing {
        self.rows.get(index).map_or(Standing::Waiting, Row::standing)
    }

    /// The first node that is at work and not among `shown`.
    pub(super) fn first_hidden_active(&self, shown: &[usize]) -> Option<usize> {
        (0..self.rows.len()).find(|index| self.standing(*index) == Standing::Active && !shown.contains(index))
    }

    /// One line about a node: a mark, its name, what it is doing, and a detail.
    pub(super) fn line(&self, index: usize, look: &Look) -> String {
        let Some(row) = self.rows.get(index) else { return String::new() };
        let names = self.rows.iter().map(|row| console::measure_text_width(&row.node)).max().unwrap_or(0).min(24);
        let standing = row.standing();
        let (mark, tone) = match standing {
            Standing::Waiting => ("\u{b7}", Tone::Quiet),
            Standing::Active if row.failed => ("\u{2717}", Tone::Bad),
            Standing::Active => ("\u{25b8}", Tone::Mark),
            Standing::Done => ("\u{2713}", Tone::Good),
            Standing::Failed => ("\u{2717}", Tone::Bad),
        };
        let work = row.now.map_or("waiting", |(phase, state)| describe(phase, state));
        let mut line = format!("{} {}  {work}", look.paint(tone, mark), padded(&escape(&row.node), names));
        if let Some(detail) = &row.detail {
            line.push_str(if standing == Standing::Active { " " } else { ": " });
            line.push_str(&escape(&in_one_line(detail)));
        }
        look.shorten(&line).into_owned()
    }

    /// One line about all nodes, and about what was found so far.
    pub(super) fn total(&self, look: &Look) -> String {
        let count = |standing: Standing| self.rows.iter().filter(|row| row.standing() == standing).count();
        let mut parts = vec![format!("{} of {} done", count(Standing::Done), counted(self.rows.len(), "node"))];
        let counts = [
            (count(Standing::Active), "at work", Tone::Strong),
            (count(Standing::Failed), "failed", Tone::Bad),
            (self.errors, if self.errors == 1 { "error" } else { "errors" }, Tone::Bad),
            (self.warnings, if self.warnings == 1 { "warning" } else { "warnings" }, Tone::Warning),
        ];
        for (number, word, tone) in counts {
            if number > 0 {
                parts.push(look.paint(tone, &format!("{number} {word}")));
            }
        }
        look.shorten(&parts.join(", ")).into_owned()
    }
}

/// What was said in several lines, on one: the row of a node has no more.
fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" \u{b7} ")
}

/// What a node does, or did, in a phase.
pub(super) fn describe(phase: Phase, state: State) -> &'static str {
    let (doing, done, failed) = match phase {
        Phase::Connect => ("connecting", "connected", "could not connect"),
        Phase::Probe => ("gathering facts", "facts gathered", "could not gather facts"),
        Phase::Plan => ("comparing", "compared", "could not compare"),
        Phase::Wait => ("waiting for", "waited for", "could not wait for"),
        Phase::Stage => ("bringing files", "files brought", "could not bring files"),
        Phase::Commit => ("changing", "changed", "could not change"),
        Phase::Verify => ("verifying", "verified", "could not verify"),
        Phase::Undo => ("putting back", "put back", "could not put back"),
        Phase::Close => ("closing", "closed", "could not close"),
        Phase::Record => ("recording", "recorded", "could not record"),
    };
    match state {
        State::Started => doing,
        State::Done => done,
        State::Unchanged => "nothing to change",
        State::Skipped => "left out",
        State::Failed => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: &str, phase: Phase, state: State, detail: Option<&str>) -> Event {
        Event::Node { node: node.into(), phase, state, detail: detail.map(str::to_owned) }
    }

    fn board(events: &[Event]) -> Board {
        let mut board = Board::default();
        let nodes = vec!["a0-1".into(), "a0-10".into()];
        board.take(&Event::Started { command: "apply".into(), site: "north".into(), run: None, nodes });
        for event in events {
            board.take(event);
        }
        board
    }

    #[test]
    fn a_line_says_what_a_node_is_doing_and_on_what() {
        let board = board(&[
            node("a0-1", Phase::Stage, State::Started, None),
            Event::Changed { node: "a0-1".into(), step: "s".into(), subject: "/etc/hosts".into() },
        ]);
        assert_eq!(board.line(0, &Look::plain()), "\u{25b8} a0-1   bringing files /etc/hosts");
        assert_eq!(board.line(1, &Look::plain()), "\u{b7} a0-10  waiting");
        assert_eq!(board.total(&Look::plain()), "0 of 2 nodes done, 1 at work");
    }

    #[test]
    fn a_node_that_was_put_back_still_counts_as_failed() {
        let mut board = board(&[node("a0-1", Phase::Commit, State::Failed, Some("nginx -t: \u{1b}[2J"))]);
        assert_eq!(board.line(0, &Look::plain()), "\u{2717} a0-1   could not change: nginx -t: \\u{1b}[2J");
        board.take(&node("a0-1", Phase::Undo, State::Started, None));
        assert_eq!(board.line(0, &Look::plain()), "\u{2717} a0-1   putting back");
        board.take(&node("a0-1", Phase::Undo, State::Done, None));
        assert_eq!(board.line(0, &Look::plain()), "\u{2717} a0-1   put back");
        assert_eq!(board.total(&Look::plain()), "0 of 2 nodes done, 1 failed");
    }

    #[test]
    fn what_a_step_said_in_several_lines_stands_in_one() {
        let board = board(&[node("a0-1", Phase::Commit, State::Failed, Some("nginx -t failed: a\n\n  b\n"))]);
        assert_eq!(board.line(0, &Look::plain()), "\u{2717} a0-1   could not change: nginx -t failed: a \u{b7} b");
    }

    #[test]
    fn a_node_whose_turn_did_not_come_is_neither_done_nor_failed() {
        let board = board(&[node("a0-1", Phase::Commit, State::Skipped, Some("not begun"))]);
        assert_eq!(board.line(0, &Look::plain()), "\u{b7} a0-1   left out: not begun");
        assert_eq!(board.total(&Look::plain()), "0 of 2 nodes done");
    }

    #[test]
    fn a_narrow_terminal_gets_a_shorter_line() {
        let board = board(&[node("a0-1", Phase::Connect, State::Failed, Some("no route to host"))]);
        let line = board.line(0, &Look { colour: true, width: 20 });
        assert_eq!(console::strip_ansi_codes(&line), "\u{2717} a0-1   could not \u{2026}");
    }
}
