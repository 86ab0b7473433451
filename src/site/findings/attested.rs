//! What people attest, and for how long that holds: updates, backups, the operations checklist.

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};

use super::{Found, info, warning};
use crate::site::model::{Environment, Maintenance, NextUpdate, Operations, Role};

const MAINTENANCE: &str = "Updates and maintenance";
const OPERATIONS: &str = "Operations checklist";

pub(super) fn look(today: Date, found: &mut Found<'_>) {
    if let Some(maintenance) = &found.site.surroundings.maintenance {
        updates(maintenance, today, found);
        backups(maintenance, found);
    }
    if let Some(operations) = &found.site.surroundings.operations {
        checklist(operations, today, found);
    }
}

/// Whether more than `days` have passed since `then`.
fn is_older(then: Date, days: i64, today: Date) -> bool {
    then.checked_add(days.days()).is_ok_and(|end| end < today)
}

fn updates(maintenance: &Maintenance, today: Date, found: &mut Found<'_>) {
    let days = found.site.figures.maintenance.major_update_days;
    let subject = "maintenance.last_major_update";
    match maintenance.last_major_update {
        Some(last) if is_older(last, days, today) => {
            let message = format!("the last major update was on {last}, more than {days} days ago");
            found.add(
                &warning("upd.age", MAINTENANCE),
                subject,
                message,
                "agree on a window for the update, and ask the vendor for the version",
            );
        }
        Some(_) => {}
        None => found.add(&warning("upd.age", MAINTENANCE), subject, "nobody says when it was".to_owned(), "name the day"),
    }
    if let Some(next) = &maintenance.next {
        next_update(next, today, found);
    }
}

fn next_update(next: &NextUpdate, today: Date, found: &mut Found<'_>) {
    let missing: Vec<&str> =
        [("ticket", next.ticket.is_none()), ("version", next.version.is_none()), ("at", next.at.is_none()), ("call", next.call.is_none())]
            .into_iter()
            .filter_map(|(key, is_missing)| is_missing.then_some(key))
            .collect();
    let ticket = warning("upd.ticket", MAINTENANCE);
    if !missing.is_empty() {
        let message = format!("it does not say: {}", missing.join(", "));
        found.add(&ticket, "maintenance.next", message, "complete it, as the vendor's ticket asks for it");
    }
    if let Some(at) = next.at.as_ref().filter(|at| at.parse::<Zoned>().is_err()) {
        let message = format!("`{at}` is no time with a time zone");
        found.add(&ticket, "maintenance.next.at", message, "write it as `2026-12-05T20:00+01:00[Europe/Berlin]`");
    }
    if next.snapshots != Some(true) {
        let message = "no snapshots are attested: an update cannot be undone".to_owned();
        let fix = "take a snapshot of every node, then write `snapshots: true`";
        found.add(&warning("upd.snapshot", MAINTENANCE), "maintenance.next.snapshots", message, fix);
    }
    let nodes = found.site.nodes.iter().filter(|node| node.role == Role::Node).count();
    if nodes > 1 && next.sequential != Some(true) {
        let message = "the nodes are not said to be updated one after the other: users are cut off for minutes".to_owned();
        let fix = "have the vendor tick sequential updates, then write `sequential: true`";
        found.add(&warning("upd.sequential", MAINTENANCE), "maintenance.next.sequential", message, fix);
    }
    if found.site.environment == Environment::Production {
        let days = found.site.figures.maintenance.development_days;
        let is_tried = next.development_since.is_some_and(|since| is_older(since, days - 1, today));
        if !is_tried {
            let message = format!("the development environment has not run this version for {days} days");
            let fix = "update it first, then write the day under `development_since`";
            found.add(&warning("upd.dev.first", MAINTENANCE), "maintenance.next.development_since", message, fix);
        }
    }
}

fn backups(maintenance: &Maintenance, found: &mut Found<'_>) {
    let rule = warning("bkp.role", MAINTENANCE);
    let subject = "maintenance.backup_nodes";
    let nodes = found.site.nodes.iter().filter(|node| node.role == Role::Node).count();
    match maintenance.backup_nodes.as_deref() {
        None | Some([]) => {
            found.add(&rule, subject, "no node is said to have the backup role".to_owned(), "give it to one node, and name it");
        }
        Some(names) => {
            if let Some(unknown) = names.iter().find(|name| found.site.node(name).is_none()) {
                found.add(&rule, subject, format!("`{unknown}` is no node of this site"), "name a node of the site");
            } else if nodes > 1 && names.len() >= nodes {
                let message = "every node has the backup role, so that a backup slows down all of them".to_owned();
                found.add(&rule, subject, message, "leave one node at least without it");
            }
        }
    }
}

fn checklist(operations: &Operations, today: Date, found: &mut Found<'_>) {
    let admins = warning("ops.admins", OPERATIONS);
    if operations.admins.len() < 2 {
        let message = format!("{} administers the appliance", operations.admins.first().map_or("nobody", String::as_str));
        found.add(&admins, "operations.admins", message, "name two persons at least");
    }
    if operations.security_contact.is_none() {
        let message = "nobody is told of security matters".to_owned();
        found.add(&admins, "operations.security_contact", message, "name a mail address that somebody reads every day");
    }
    let days = found.site.figures.maintenance.bulletin_days;
    if operations.bulletins_read.is_none_or(|last| is_older(last, days, today)) {
        let last = operations.bulletins_read.map_or_else(|| "never".to_owned(), |day| format!("on {day}"));
        let message = format!("the vendor's security bulletins were last read {last}");
        let fix = "read those that have come out since, then write the day under `bulletins_read`";
        found.add(&warning("ops.bulletins.review", OPERATIONS), "operations.bulletins_read", message, fix);
    }
    if operations.status_subscribed != Some(true) {
        let message = "nobody is said to hear of outages of what logins depend on".to_owned();
        let fix = "subscribe to the status pages of the identity providers and services in use";
        found.add(&info("ops.status.subscribed", OPERATIONS), "operations.status_subscribed", message, fix);
    }
}
