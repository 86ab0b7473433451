//! What the ledger knows of windows: those that are open, and what is to be done about the others.

use crate::access::{State, Window, read_history};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::record::{ledger_failure, ledger_to_read};
use crate::ledger::LogQuery;
use crate::report::status::OpenWindow;
use crate::site::model::Site;

/// Open windows, and what to do next, each in a line.
#[derive(Debug, Default)]
pub(super) struct Doors {
    pub(super) open: Vec<OpenWindow>,
    pub(super) next: Vec<String>,
}

/// Reads the ledger, where there is one.
pub(super) fn doors(site: &Site, context: &Context) -> Result<Doors, Failure> {
    let Some(ledger) = ledger_to_read(context, site)? else { return Ok(Doors::default()) };
    let mut events = ledger.log(&LogQuery { kind: Some("window.".to_owned()), ..LogQuery::default() }).map_err(ledger_failure)?;
    events.reverse();
    let history = read_history(&events);
    let open = history.windows().iter().filter(|window| window.lets_in(context.now));
    let told = |window: &Window| OpenWindow { id: window.id.to_string(), who: window.who.to_string(), until: window.span.end() };
    let next = history.windows().iter().filter_map(|window| next(window, context.now));
    Ok(Doors { open: open.map(told).collect(), next: next.collect() })
}

/// What is to be done about a window; `None` where it is as it should be.
fn next(window: &Window, now: jiff::Timestamp) -> Option<String> {
    let why = match window.state(now) {
        State::Opening => "its opening was broken off".to_owned(),
        State::Ended => "its end has passed; this proves that it is shut".to_owned(),
        State::Closing => format!("not proven shut on {}", window.left().join(", ")),
        State::Requested | State::Scheduled | State::Open | State::Closed => return None,
    };
    Some(format!("portcullis access close {}    {why}", window.id))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::access::{Kind, Person, Span, Step, WindowId};

    #[test]
    fn a_window_is_spoken_of_until_it_is_proven_shut() {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let later = at + SignedDuration::from_hours(2);
        let span = Span::between(at, at + SignedDuration::from_hours(1), at).unwrap();
        let mut window = Window::new(WindowId::new(at, 1), Person::parse("Ada").unwrap(), Kind::Initial, span);
        let says = |window: &Window, now, what: &str| next(window, now).is_some_and(|line| line.contains(what));
        assert_eq!(next(&window, at), None, "only asked for");
        window.take(Step::BeginOpening).unwrap();
        assert!(says(&window, at, "broken off") && says(&window, at, "portcullis access close w-20261122-000001"));
        window.take(Step::Opened { missing: Vec::new() }).unwrap();
        assert_eq!(next(&window, at), None);
        assert!(says(&window, later, "end has passed"));
        window.take(Step::BeginClosing).unwrap();
        window.take(Step::Closed { left: vec!["a0-2".into()] }).unwrap();
        assert!(says(&window, later, "not proven shut on a0-2"));
        window.take(Step::Closed { left: Vec::new() }).unwrap();
        assert_eq!(next(&window, later), None);
    }
}
