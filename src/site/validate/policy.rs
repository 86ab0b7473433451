//! Access, ledger, waivers.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::rules::RuleError;
use super::{Values, rules, some_text};
use crate::site::duration::parse_duration;
use crate::site::file::input::SiteFile;
use crate::site::model::{AccessPolicy, LedgerLocation, Waiver};

/// Where the ledger is unless a site says otherwise; beside the site file.
const DEFAULT_LEDGER: &str = "ledger.sqlite";

pub(super) fn access(file: &SiteFile, values: &mut Values<'_, '_>) -> AccessPolicy {
    let defaults = AccessPolicy::default();
    let Some(input) = &file.access else { return defaults };
    let longest = values.optional(input.longest_window.as_ref(), "access.longest_window", some_time);
    AccessPolicy {
        longest_window: longest.unwrap_or(defaults.longest_window),
        ticket_pattern: values.optional(input.ticket_pattern.as_ref(), "access.ticket_pattern", rules::pattern),
        persons: values.texts(input.persons.as_deref(), "access.persons", some_text),
        approvals: input.approvals.unwrap_or(defaults.approvals),
        sources: values.texts(input.sources.as_deref(), "access.sources", rules::network),
        record: input.record.unwrap_or(defaults.record),
        account: values.optional(input.account.as_ref(), "access.account", rules::user_name),
        ca_key: values.path(input.ca_key.as_ref(), "access.ca_key"),
        ca_passphrase: values.secret(input.ca_passphrase.as_ref()),
    }
}

fn some_time(text: &str) -> Result<SignedDuration, RuleError> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err(RuleError::NoTime { text: text.to_owned() }) } else { Ok(duration) }
}

pub(super) fn ledger(file: &SiteFile, values: &mut Values<'_, '_>) -> LedgerLocation {
    let beside = LedgerLocation::File(PathBuf::from(DEFAULT_LEDGER));
    let Some(input) = &file.ledger else { return beside };
    match (&input.value.file, &input.value.postgres) {
        (Some(path), None) => values.path(Some(path), "ledger.file").map_or(beside, LedgerLocation::File),
        (None, Some(url)) => values.text(url, "ledger.postgres", rules::postgres_url).map_or(beside, LedgerLocation::Postgres),
        (Some(_), Some(url)) => {
            values.problem(&url.span, "`ledger` has both `file` and `postgres`", "keep the one that is so");
            beside
        }
        (None, None) => {
            values.problem(&input.span, "`ledger` says no place", "write `file: ledger.sqlite` or `postgres: postgresql://…`");
            beside
        }
    }
}

pub(super) fn waivers(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<Waiver> {
    let inputs = file.waivers.iter().flatten().enumerate();
    let waiver = |(index, input): (usize, &crate::site::file::input::policy::WaiverInput)| {
        let path = format!("waivers[{index}]");
        let check = values.text(&input.check, &format!("{path}.check"), some_text);
        let reason = values.text(&input.reason, &format!("{path}.reason"), some_text);
        let until = values.text(&input.until, &format!("{path}.until"), rules::day);
        Some(Waiver { check: check?, reason: reason?, until: until? })
    };
    inputs.filter_map(waiver).collect()
}
