//! Progress in a terminal: a line a node, redrawn in place, and one for all; on standard error.
//!
//! Standard output belongs to the answer. Where there is no terminal, [`PlainSink`](super::PlainSink) is for it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Board, Standing};
use super::text::Look;
use crate::event::{Event, Sink, State};

/// Columns for the seconds at the end of a line.
const CLOCK_WIDTH: usize = 8;
/// How often the seconds are brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// Redraws a line a node, and one for all, in a terminal.
///
/// Where the terminal has fewer rows than there are nodes, those at work are shown; failures are then printed once
/// and stay. The lines stay as they are after the [`Event::Summary`], or when the sink is dropped.
pub struct ProgressSink {
    shared: Arc<Shared>,
    ticker: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    stage: Mutex<Stage>,
    ended: Condvar,
}

struct Stage {
    board: Board,
    multi: MultiProgress,
    slots: Vec<Slot>,
    total: Option<ProgressBar>,
    look: Look,
    rows: usize,
    began: Instant,
    ended: bool,
}

struct Slot {
    bar: ProgressBar,
    node: usize,
    since: Option<Instant>,
    /// What a node took that is not at work any more.
    took: Option<Duration>,
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProgressSink").finish_non_exhaustive()
    }
}

impl ProgressSink {
    /// Draws on standard error, which has `rows` rows; hidden where that is no terminal.
    pub fn new(look: Look, rows: usize) -> Self {
        Self::on(ProgressDrawTarget::stderr(), look, rows)
    }

    /// Draws on `target`.
    pub fn on(target: ProgressDrawTarget, look: Look, rows: usize) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let began = Instant::now();
        let board = Board::default();
        let stage = Stage { board, multi, slots: Vec::new(), total: None, look, rows, began, ended: false };
        let shared = Arc::new(Shared { stage: Mutex::new(stage), ended: Condvar::new() });
        let ticking = Arc::clone(&shared);
        // Without its thread the seconds stand still; everything else works.
        let ticker = std::thread::Builder::new().name("progress".to_owned()).spawn(move || ticking.tick()).ok();
        Self { shared, ticker }
    }

    /// Takes the lines away while `print` writes to the terminal or asks a question.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        // Not under our own lock: events go on being taken until they want to draw.
        let multi = self.shared.lock().multi.clone();
        multi.suspend(print)
    }
}

impl Drop for ProgressSink {
    fn drop(&mut self) {
        self.shared.lock().end();
        self.shared.ended.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // It cannot panic; and if it did, there would be nothing to do about it here.
            drop(ticker.join());
        }
    }
}

impl Sink for ProgressSink {
    fn emit(&self, event: &Event) {
        self.shared.lock().take(event);
        if matches!(event, Event::Summary { .. }) {
            self.shared.ended.notify_all();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let mut stage = self.lock();
        while !stage.ended {
            stage = self.ended.wait_timeout(stage, TICK).unwrap_or_else(PoisonError::into_inner).0;
            stage.redraw();
        }
    }
}

impl Stage {
    fn take(&mut self, event: &Event) {
        let changed = self.board.take(event);
        if self.ended {
            return;
        }
        self.make_room();
        if let Some(node) = changed {
            self.show(node, matches!(event, Event::Node { state: State::Failed, .. }));
        }
        self.draw_total();
        if matches!(event, Event::Summary { .. }) {
            self.end();
        }
    }

    /// As many lines as there are nodes, but never so many that the terminal scrolls.
    fn make_room(&mut self) {
        let wanted = self.board.len().min(self.rows.saturating_sub(2).max(1));
        while self.slots.len() < wanted {
            let slot = Slot { bar: self.bar(self.slots.len()), node: self.slots.len(), since: None, took: None };
            slot.bar.set_message(self.board.line(slot.node, &self.look));
            self.slots.push(slot);
        }
        if self.total.is_none() && wanted > 0 {
            self.total = Some(self.bar(self.slots.len()));
        }
    }

    fn bar(&self, place: usize) -> ProgressBar {
        let bar = self.multi.insert(place, ProgressBar::new_spinner());
        // The template is fixed and known to be good; indicatif's own style would do as well.
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    }

    fn show(&mut self, node: usize, failed: bool) {
        let crowded = self.board.len() > self.slots.len();
        if failed && crowded {
            // A terminal that is gone is no reason to stop the work.
            drop(self.multi.println(self.board.line(node, &self.look)));
        }
        let active = self.board.standing(node) == Standing::Active;
        if !self.slots.iter().any(|slot| slot.node == node) && active {
            self.seat(node);
        }
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.node == node) else { return };
        if active {
            slot.since = slot.since.or_else(|| Some(Instant::now()));
            slot.took = None;
        } else {
            slot.took = slot.since.map(|since| since.elapsed());
            if crowded {
                let shown: Vec<_> = self.slots.iter().map(|slot| slot.node).collect();
                if let Some(next) = self.board.first_hidden_active(&shown) {
                    self.seat(next);
                }
            }
        }
        self.redraw();
    }

    /// Gives `node` the line of one that is not at work.
    fn seat(&mut self, node: usize) {
        let board = &self.board;
        if let Some(slot) = self.slots.iter_mut().find(|slot| board.standing(slot.node) != Standing::Active) {
            (slot.node, slot.since, slot.took) = (node, Some(Instant::now()), None);
        }
    }

    fn redraw(&mut self) {
        let narrow = Look { width: self.look.width.saturating_sub(CLOCK_WIDTH), ..self.look };
        for slot in &self.slots {
            let line = self.board.line(slot.node, &narrow);
            let took = slot.took.or_else(|| slot.since.map(|since| since.elapsed()));
            slot.bar.set_message(match took {
                Some(took) if took.as_secs() > 0 => format!("{line}  {}", seconds(took)),
                Some(_) | None => line,
            });
        }
        self.draw_total();
    }

    fn draw_total(&self) {
        if let Some(total) = &self.total {
            let narrow = Look { width: self.look.width.saturating_sub(CLOCK_WIDTH), ..self.look };
            total.set_message(format!("{}  {}", self.board.total(&narrow), seconds(self.began.elapsed())));
        }
    }

    fn end(&mut self) {
        if self.ended {
            return;
        }
        self.redraw();
        self.ended = true;
        let crowded = self.board.len() > self.slots.len();
        for slot in &self.slots {
            if crowded {
                slot.bar.finish_and_clear();
            } else {
                slot.bar.abandon();
            }
        }
        if let Some(total) = &self.total {
            total.abandon();
        }
    }
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{}:{:02}", seconds / 60, seconds % 60) }
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

    /// A terminal that remembers what was written to it.
    #[derive(Debug, Clone, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl indicatif::TermLike for Recorder {
        fn width(&self) -> u16 {
            60
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.write_str(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> std::io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(rows: usize, events: &[Event]) -> String {
        let terminal = Recorder::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
        let sink = ProgressSink::on(target, Look { colour: false, width: 60 }, rows);
        for event in events {
            sink.emit(event);
        }
        drop(sink);
        terminal.0.lock().unwrap().clone()
    }

    #[test]
    fn each_node_has_its_line_and_the_last_state_stays() {
        let nodes = ["a0-1".into(), "a0-2".into()];
        let text = shown(
            24,
            &[
                started(&nodes),
                node("a0-1", Phase::Commit, State::Started, None),
                node("a0-1", Phase::Commit, State::Done, None),
                node("a0-2", Phase::Connect, State::Failed, Some("refused")),
                summary(),
            ],
        );
        assert!(text.contains("\u{2713} a0-1  changed"), "{text}");
        assert!(text.contains("\u{2717} a0-2  could not connect: refused"), "{text}");
        assert!(text.contains("1 of 2 nodes done, 1 failed  0 s"), "{text}");
    }

    #[test]
    fn fifty_nodes_in_a_low_terminal_show_those_at_work_and_keep_failures() {
        let nodes: Vec<_> = (1..=50).map(|number| format!("a0-{number}")).collect();
        let mut events = vec![started(&nodes)];
        events.extend(nodes.iter().map(|name| node(name, Phase::Connect, State::Started, None)));
        events.extend(nodes.iter().take(40).map(|name| node(name, Phase::Connect, State::Done, None)));
        events.push(node("a0-50", Phase::Connect, State::Failed, Some("refused")));
        events.push(summary());
        let text = shown(10, &events);
        assert!(text.contains("\u{25b8} a0-45  connecting"), "those at work move up");
        assert!(text.contains("\u{2717} a0-50  could not connect: refused"), "{text}");
        assert!(text.contains("40 of 50 nodes done, 9 at work, 1 failed"), "{text}");
    }

    #[test]
    fn seconds_become_minutes() {
        assert_eq!(seconds(Duration::from_secs(59)), "59 s");
        assert_eq!(seconds(Duration::from_secs(61)), "1:01");
    }
}
