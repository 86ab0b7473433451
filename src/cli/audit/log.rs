//! `audit log` and `audit show`: what was done, by whom, when; the reading is an event itself.

use clap::Args;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::record::ledger_failure;
use super::Opened;
use crate::ledger::LogQuery;
use crate::report;

/// Arguments of `audit log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// At most so many events
    #[arg(long, short = 'L', value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// None before this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<jiff::Timestamp>,
    /// None at or after this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<jiff::Timestamp>,
    /// By this user of portcullis, or about this person
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// Of this kind, such as `run.finished`, or of a family of kinds, such as `run` or `window`
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Of this run or window alone; the beginning of its id is enough
    #[arg(long, value_name = "ID", visible_aliases = ["window", "run"])]
    pub(crate) subject: Option<String>,
}

impl LogArgs {
    fn query(&self) -> LogQuery {
        LogQuery {
            limit: Some(self.limit),
            since: self.since,
            until: self.until,
            seq: None,
            who: self.who.clone(),
            subject: self.subject.clone(),
            kind: self.kind.clone(),
        }
    }

    /// The query in words, for the record.
    fn describe(&self) -> String {
        let mut words = vec![format!("newest {}", self.limit)];
        words.extend(self.subject.as_ref().map(|id| format!("of {id}")));
        words.extend(self.kind.as_ref().map(|kind| format!("kind {kind}")));
        words.extend(self.who.as_ref().map(|who| format!("who {who}")));
        words.extend(self.since.map(|since| format!("since {since}")));
        words.extend(self.until.map(|until| format!("until {until}")));
        words.join(" ")
    }
}

/// Arguments of `audit show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The event's number, as `audit log` shows it
    #[arg(value_name = "EVENT")]
    pub(crate) seq: u64,
}

pub(super) fn run(args: &LogArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let events = opened.ledger.log(&args.query()).map_err(ledger_failure)?;
    opened.append(&opened.origin.audit_read(clock::now(), events.len() as u64, &args.describe()))?;
    if context.is_json() {
        context.print_json(&report::audit::log_json(&events))?;
    } else {
        context.report(|out, look| report::audit::write_log(out, &events, look))?;
    }
    Ok(Exit::Done)
}

pub(super) fn show(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let query = LogQuery { seq: Some(args.seq), ..LogQuery::default() };
    let events = opened.ledger.log(&query).map_err(ledger_failure)?;
    opened.append(&opened.origin.audit_read(clock::now(), events.len() as u64, &format!("event {}", args.seq)))?;
    let Some(event) = events.first() else {
        return Err(Failure::usage(format!("the ledger has no event {}", args.seq), "`portcullis audit log` shows their numbers"));
    };
    if context.is_json() {
        context.print_json(&report::audit::event_json(event))?;
    } else {
        context.report(|out, look| report::audit::write_event(out, event, look))?;
    }
    Ok(Exit::Done)
}
