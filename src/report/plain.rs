//! Progress where there is no terminal, and for screen readers: plain lines that follow each other.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::board::{Board, describe};
use super::text::{Look, escape, escape_lines};
use crate::event::{Event, Sink, State};

/// Writes one plain line for each thing a node begins, and for what came of it where that is worth a line.
///
/// For pipes, log files and screen readers: nothing is redrawn.
pub struct PlainSink<W> {
    inner: Mutex<(W, Board)>,
}

impl<W> fmt::Debug for PlainSink<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PlainSink").finish_non_exhaustive()
    }
}

impl<W: Write + Send> PlainSink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { inner: Mutex::new((out, Board::default())) }
    }
}

impl<W: Write + Send> Sink for PlainSink<W> {
    fn emit(&self, event: &Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, board) = &mut *inner;
        board.take(event);
        if let Some(line) = plain_line(event, board) {
            // In one write, so that no other's words come between. Nobody reads any more: the work goes on all the same.
            drop(out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()));
        }
    }
}

// What a step said in several lines stays in several, set in under the node's.
fn indented(text: &str) -> String {
    escape_lines(text.trim_end()).replace('\n', "\n    ")
}

fn plain_line(event: &Event, board: &Board) -> Option<String> {
    match event {
        Event::Node { node, phase, state, detail } => {
            if *state == State::Done && detail.is_none() {
                return None;
            }
            let work = describe(*phase, *state);
            let detail = detail.as_ref().map(|detail| format!(": {}", indented(detail))).unwrap_or_default();
            Some(format!("{}: {work}{detail}", escape(node)))
        }
        Event::Changed { node, step, subject } => Some(format!("{}: {}: {} changed", escape(node), escape(step), escape(subject))),
        Event::Summary { .. } if board.len() > 0 => Some(board.total(&Look { colour: false, width: usize::MAX })),
        Event::Started { .. } | Event::Finding { .. } | Event::Error { .. } | Event::Summary { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;

    fn node(node: &str, phase: Phase, state: State, detail: Option<&str>) -> Event {
        Event::Node { node: node.into(), phase, state, detail: detail.map(str::to_owned) }
    }

    fn started(nodes: &[String]) -> Event {
        Event::Started { command: "apply".into(), site: "north".into(), run: None, nodes: nodes.to_vec() }
    }

    fn summary() -> Event {
        Event::Summary { command: "apply".into(), exit_code: 0, results: serde_json::Map::new() }
    }

    #[test]
    fn plain_lines_follow_each_other_without_escapes() {
        let sink = PlainSink::new(Vec::new());
        sink.emit(&started(&["a0-1".into()]));
        sink.emit(&node("a0-1", Phase::Connect, State::Started, None));
        sink.emit(&node("a0-1", Phase::Connect, State::Done, None));
        sink.emit(&node("a0-1", Phase::Plan, State::Unchanged, None));
        sink.emit(&node("a0-1", Phase::Verify, State::Failed, Some("\u{1b}]0;x\u{7}")));
        sink.emit(&node("a0-1", Phase::Commit, State::Failed, Some("it said:\nno\u{1b}\n")));
        sink.emit(&summary());
        let text = String::from_utf8(sink.inner.into_inner().unwrap().0).unwrap();
        assert_eq!(
            text,
            "a0-1: connecting\na0-1: nothing to change\na0-1: could not verify: \\u{1b}]0;x\\u{7}\na0-1: could not change: it said:\n    no\\u{1b}\n0 of 1 node done, 1 failed\n"
        );
    }
}
