//! Access, ledger, waivers.

use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::rules::RuleError;
use super::{Values, rules, some_text};
use crate::site::duration::parse_duration;
use crate::site::file::input::SiteFile;
use crate::site::file::input::policy::{AccessInput, SignatoryInput};
use crate::site::model::{AccessPolicy, AllowedHours, Forward, LedgerLocation, Signatory, Waiver};

/// Where the ledger is unless a site says otherwise; beside the site file.
const DEFAULT_LEDGER: &str = "ledger.sqlite";

pub(super) fn access(file: &SiteFile, values: &mut Values<'_, '_>) -> AccessPolicy {
    let defaults = AccessPolicy::default();
    let Some(input) = &file.access else { return defaults };
    let longest = values.optional(input.longest_window.as_ref(), "access.longest_window", some_time);
    let approvers = signatories(input.approvers.as_deref(), "access.approvers", values);
    let requesters = signatories(input.requesters.as_deref(), "access.requesters", values);
    refuse_one_key_for_two(input, values);
    let zone = values.optional(input.zone.as_ref(), "access.zone", rules::zone).unwrap_or(TimeZone::UTC);
    let weekly = values.texts(input.hours.as_deref(), "access.hours", rules::hours);
    AccessPolicy {
        longest_window: longest.unwrap_or(defaults.longest_window),
        ticket_pattern: values.optional(input.ticket_pattern.as_ref(), "access.ticket_pattern", rules::pattern),
        persons: values.texts(input.persons.as_deref(), "access.persons", some_text),
        hours: input.hours.is_some().then_some(AllowedHours { zone, weekly }),
        approvals: input.approvals.unwrap_or(defaults.approvals),
        approvers,
        requesters,
        sources: values.texts(input.sources.as_deref(), "access.sources", rules::network),
        record: input.record.unwrap_or(defaults.record),
        account: values.optional(input.account.as_ref(), "access.account", rules::user_name),
        ca_key: values.path(input.ca_key.as_ref(), "access.ca_key"),
        ca_passphrase: values.secret(input.ca_passphrase.as_ref()),
    }
}

fn signatories(inputs: Option<&[SignatoryInput]>, path: &str, values: &mut Values<'_, '_>) -> Vec<Signatory> {
    let mut signatories = Vec::new();
    for (index, input) in inputs.unwrap_or_default().iter().enumerate() {
        let name = values.text(&input.name, &format!("{path}[{index}].name"), some_text);
        let key = values.text(&input.key, &format!("{path}[{index}].key"), rules::public_key);
        signatories.extend(name.zip(key).map(|(name, key)| Signatory { name: name.trim().to_owned(), key }));
    }
    signatories
}

/// A key under two names would let one person be two.
fn refuse_one_key_for_two(input: &AccessInput, values: &mut Values<'_, '_>) {
    let mut seen: Vec<(String, &str)> = Vec::new();
    for signatory in [&input.approvers, &input.requesters].into_iter().flatten().flatten() {
        let Ok(key) = rules::public_key(&signatory.key.value) else { continue };
        let name = signatory.name.value.trim();
        match seen.iter().find(|(known, _)| *known == key) {
            Some((_, other)) if !other.eq_ignore_ascii_case(name) => {
                let message = format!("this key is given for {other} and for {name}: one person would count as two");
                values.problem(&signatory.key.span, &message, "give each person keys of their own");
            }
            Some(_) => {}
            None => seen.push((key, name)),
        }
    }
}

pub(super) fn witnesses(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<Signatory> {
    let inputs = file.ledger.as_ref().and_then(|input| input.value.witnesses.as_deref());
    signatories(inputs, "ledger.witnesses", values)
}

pub(super) fn forward(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Forward> {
    let input = file.ledger.as_ref()?.value.forward.as_ref()?;
    let ca_certificates = values.paths(input.ca_certificates.as_deref(), "ledger.forward.ca_certificates");
    let (tls, host, port) = values.text(&input.to, "ledger.forward.to", rules::syslog_url)?;
    if !tls && !ca_certificates.is_empty() {
        let message = "`ledger.forward` names CA certificates, and plain TCP has no use for them";
        values.problem(&input.to.span, message, "write `tls://…`, or leave `ca_certificates` out");
    }
    Some(Forward { host, port, tls, ca_certificates })
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
        let machine = values.optional(input.machine.as_ref(), &format!("{path}.machine"), some_text);
        let reason = values.text(&input.reason, &format!("{path}.reason"), some_text);
        let until = values.text(&input.until, &format!("{path}.until"), rules::day);
        Some(Waiver { check: check?, machine, reason: reason?, until: until? })
    };
    inputs.filter_map(waiver).collect()
}
