//! What a site stands on and beside, as it is written, and what people attest.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;

/// A site that is kept from the internet, and who accepts that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InternetInput {
    /// Whether the nodes reach the internet for updates alone.
    pub(crate) restricted: bool,
    /// Who accepts what is lost by that: analytics, extensions, hooks, the hosted Lock, quickstarts, social logins.
    pub(crate) accepted_by: Option<Text>,
}

/// Another environment of yours, which this one must not touch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherEnvironmentInput {
    /// Its name.
    pub(crate) name: Text,
    /// Addresses of its machines and of its load balancer.
    pub(crate) addresses: Option<Vec<Text>>,
    /// Files with its certificates.
    pub(crate) certificates: Option<Vec<Text>>,
}

/// The update that is to come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextUpdateInput {
    /// The vendor's ticket.
    pub(crate) ticket: Option<Text>,
    /// To which version.
    pub(crate) version: Option<Text>,
    /// When, with its offset and time zone, such as `2026-12-05T20:00+01:00[Europe/Berlin]`.
    pub(crate) at: Option<Text>,
    /// Whether a conference call was agreed on.
    pub(crate) call: Option<bool>,
    /// Whether a snapshot of every node was taken.
    pub(crate) snapshots: Option<bool>,
    /// Whether the nodes are updated one after the other.
    pub(crate) sequential: Option<bool>,
    /// The day since which the development environment runs that version.
    #[schemars(extend("format" = "date"))]
    pub(crate) development_since: Option<Text>,
}

/// Updates and backups, as you attest them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaintenanceInput {
    /// The day of the last major update.
    #[schemars(extend("format" = "date"))]
    pub(crate) last_major_update: Option<Text>,
    /// The update that is to come.
    pub(crate) next: Option<NextUpdateInput>,
    /// The nodes that have the backup role.
    pub(crate) backup_nodes: Option<Vec<Text>>,
}

/// The operations checklist, as you attest it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsInput {
    /// Who administers the appliance.
    pub(crate) admins: Option<Vec<Text>>,
    /// The mail address that is told of security matters.
    pub(crate) security_contact: Option<Text>,
    /// The day on which the vendor's security bulletins were read last.
    #[schemars(extend("format" = "date"))]
    pub(crate) bulletins_read: Option<Text>,
    /// Whether somebody is told of outages of what logins depend on.
    pub(crate) status_subscribed: Option<bool>,
}
