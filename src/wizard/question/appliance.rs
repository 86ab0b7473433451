//! Which environment it is, and the names by which users meet it.

use super::{Kind, Question, Section, optional, question};
use crate::wizard::document::{Answers, DOMAIN};

const NAMES_HELP: &str = "Names are fixed before deployment and cannot be changed afterwards.";

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        kind: Kind::Choice,
        default: |_| Some("production".to_owned()),
        more: "Each environment is a site of its own, with a certificate of its own. The kind decides how many nodes, \
               and how strong ones, `portcullis check` expects.",
        ..question(
            Section::Environment,
            "environment",
            "What kind of environment is it",
            "A production cluster has three nodes, others have one.",
        )
    },
    Question {
        kind: Kind::Choice,
        default: |_| Some("standard".to_owned()),
        more: "With a standard agreement access is arranged for each maintenance. A custom one needs access around the clock, \
               which standing windows give.",
        ..question(Section::Environment, "sla", "What support was agreed", "A custom SLA needs access around the clock.")
    },
    Question {
        default: |answers| answers.seen().site.clone(),
        origin: |answers| answers.seen().site.as_ref().map(|_| "the folder's name"),
        more: "It stands in reports, in the ledger and in windows' certificates, and tells your sites apart: `corp-production`, `corp-qa`.",
        ..question(Section::Environment, "site", "Name of this site", "Lower-case letters, digits, dashes.")
    },
    Question {
        when: |answers| domain_of(answers).is_none() && answers.seen().names.is_empty(),
        more: "All names of the appliance have one parent domain. It is not written to the site file by itself; an empty answer \
               means that you will type each name.",
        ..optional(Section::Names, DOMAIN, "Domain of the appliance", "Such as corp.example; the names that follow are proposed under it.")
    },
    Question {
        default: |answers| proposed(answers, &DASHBOARD),
        origin: |answers| origin(answers, &DASHBOARD),
        more: "Administrators work here. Three or four parts, all names under one domain.",
        ..question(Section::Names, "names.dashboard", "DNS name of the Management Dashboard", NAMES_HELP)
    },
    Question {
        default: |answers| proposed(answers, &CONFIGURATION),
        origin: |answers| origin(answers, &CONFIGURATION),
        more: "The root tenant authority. Changing this name later deletes every tenant.",
        ..question(Section::Names, "names.configuration", "DNS name of the configuration tenant", NAMES_HELP)
    },
    Question {
        default: |answers| proposed(answers, &WEBTASK),
        origin: |answers| origin(answers, &WEBTASK),
        more: "Rules and extensions run behind this name.",
        ..question(Section::Names, "names.webtask", "DNS name of webtask", NAMES_HELP)
    },
    Question {
        kind: Kind::List,
        default: tenants,
        origin: |answers| answers.seen().other_names().next().map(|_| CERTIFICATE),
        more: "The accounts in which your users log in. At least one; each has a name of its own.",
        ..question(Section::Names, "names.tenants", "DNS names of the app tenants", "Commas between. The certificate must cover them all.")
    },
    Question {
        kind: Kind::List,
        more: "A name that the certificate does not cover costs a new certificate on the day it is needed.",
        ..optional(
            Section::Names,
            "names.planned",
            "DNS names of app tenants to come",
            "The certificate must cover them already; empty if there are none.",
        )
    },
];

const CERTIFICATE: &str = "the certificate in this folder";

/// A name with a role: its key, its customary label, and what other labels tell.
struct Role {
    key: &'static str,
    label: &'static str,
    others: &'static [&'static str],
}

const DASHBOARD: Role = Role { key: "names.dashboard", label: "manage", others: &["manage", "dashboard", "admin", "console"] };
const CONFIGURATION: Role = Role { key: "names.configuration", label: "config", others: &["config", "configuration", "root", "rta"] };
const WEBTASK: Role = Role { key: "names.webtask", label: "webtask", others: &["webtask", "webtasks", "tasks", "wt"] };
const TENANTS: Role = Role { key: "names.tenants", label: "identity", others: &[] };

/// Labels by which names of a certificate tell what they are for.
pub(crate) fn has_role(label: &str) -> bool {
    [DASHBOARD, CONFIGURATION, WEBTASK].iter().any(|role| role.others.contains(&label))
}

/// The domain that was given, or the one of a name that was: all names have one parent.
pub(super) fn domain_of(answers: &Answers) -> Option<&str> {
    let parent = |role: &Role| answers.text(role.key).and_then(|name| name.split_once('.')).map(|(_, domain)| domain);
    answers.text(DOMAIN).or_else(|| [&DASHBOARD, &CONFIGURATION, &WEBTASK, &TENANTS].into_iter().find_map(parent))
}

fn seen(answers: &Answers, role: &Role) -> Option<String> {
    let label = |name: &&String| name.split('.').next().is_some_and(|label| role.others.contains(&label));
    answers.seen().names.iter().find(label).cloned()
}

fn origin(answers: &Answers, role: &Role) -> Option<&'static str> {
    seen(answers, role).map(|_| CERTIFICATE)
}

fn proposed(answers: &Answers, role: &Role) -> Option<String> {
    seen(answers, role).or_else(|| under_domain(answers, role.label))
}

fn under_domain(answers: &Answers, label: &str) -> Option<String> {
    domain_of(answers).map(|domain| format!("{label}.{domain}"))
}

fn tenants(answers: &Answers) -> Option<String> {
    let others: Vec<&str> = answers.seen().other_names().map(String::as_str).collect();
    if others.is_empty() { under_domain(answers, TENANTS.label) } else { Some(others.join(", ")) }
}
