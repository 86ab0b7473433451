//! What a site stands on and beside, and what people attest.

use super::{Values, rules, some_text};
use crate::site::file::input::SiteFile;
use crate::site::file::input::surroundings::{MaintenanceInput, NextUpdateInput, OperationsInput, OtherEnvironmentInput};
use crate::site::model::{Maintenance, NextUpdate, Operations, OtherEnvironment, Surroundings};

pub(super) fn surroundings(file: &SiteFile, values: &mut Values<'_, '_>) -> Surroundings {
    let others = file.other_environments.iter().flatten().enumerate();
    Surroundings {
        platform: file.platform.as_ref().map(|platform| platform.value),
        is_restricted: file.internet.as_ref().is_some_and(|internet| internet.restricted),
        restriction_accepted_by: values.optional(
            file.internet.as_ref().and_then(|internet| internet.accepted_by.as_ref()),
            "internet.accepted_by",
            some_text,
        ),
        features: file.features.as_deref().map(|features| values.texts(Some(features), "features", some_text)),
        other_environments: others
            .filter_map(|(index, other)| other_environment(other, &format!("other_environments[{index}]"), values))
            .collect(),
        maintenance: file.maintenance.as_ref().map(|input| maintenance(input, values)),
        operations: file.operations.as_ref().map(|input| operations(input, values)),
        health_key: values.secret(file.health_key.as_ref()),
    }
}

fn other_environment(input: &OtherEnvironmentInput, path: &str, values: &mut Values<'_, '_>) -> Option<OtherEnvironment> {
    Some(OtherEnvironment {
        name: values.text(&input.name, &format!("{path}.name"), some_text)?,
        addresses: values.texts(input.addresses.as_deref(), &format!("{path}.addresses"), rules::host),
        certificates: values.paths(input.certificates.as_deref(), &format!("{path}.certificates")),
    })
}

fn maintenance(input: &MaintenanceInput, values: &mut Values<'_, '_>) -> Maintenance {
    Maintenance {
        last_major_update: values.optional(input.last_major_update.as_ref(), "maintenance.last_major_update", rules::day),
        next: input.next.as_ref().map(|next| next_update(next, values)),
        backup_nodes: input.backup_nodes.as_deref().map(|nodes| values.texts(Some(nodes), "maintenance.backup_nodes", rules::machine_name)),
    }
}

fn next_update(input: &NextUpdateInput, values: &mut Values<'_, '_>) -> NextUpdate {
    NextUpdate {
        ticket: values.optional(input.ticket.as_ref(), "maintenance.next.ticket", some_text),
        version: values.optional(input.version.as_ref(), "maintenance.next.version", some_text),
        at: values.optional(input.at.as_ref(), "maintenance.next.at", some_text),
        call: input.call,
        snapshots: input.snapshots,
        sequential: input.sequential,
        development_since: values.optional(input.development_since.as_ref(), "maintenance.next.development_since", rules::day),
    }
}

fn operations(input: &OperationsInput, values: &mut Values<'_, '_>) -> Operations {
    Operations {
        admins: values.texts(input.admins.as_deref(), "operations.admins", some_text),
        security_contact: values.optional(input.security_contact.as_ref(), "operations.security_contact", rules::mail_address),
        bulletins_read: values.optional(input.bulletins_read.as_ref(), "operations.bulletins_read", rules::day),
        status_subscribed: input.status_subscribed,
    }
}
