//! The site file as it is written. The texts of these fields are the help: of the schema, of editors, of `init`.
//!
//! What the schema demands may still be absent here (`required`): the shape has told of it by then.

pub(crate) mod appliance;
pub(crate) mod machines;
pub(crate) mod policy;
pub(crate) mod surroundings;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::read::Located;
use crate::site::model::{Environment, Platform, Sla};
use crate::site::profile::Profile;

/// A text with its place.
pub(crate) type Text = Located<String>;

/// Marks secret references in the schema.
pub(crate) const SECRET_FORMAT: &str = "secret-reference";

/// What stands where a secret reference should; not shown, since it may be the secret.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "SecretReference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is to be had: `env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`. The secret itself never stands in the site file.",
            "type": "string",
            "format": SECRET_FORMAT,
            "pattern": "^(prompt$|env:[A-Za-z_][A-Za-z0-9_]*$|file:.|cmd:.)",
            "examples": ["env:SMTP_PASSWORD", "file:~/.config/portcullis/smtp", "cmd:pass show smtp", "prompt"],
        })
    }
}

/// One environment of the appliance: a production cluster, a development node, a QA environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portcullis site")]
pub(crate) struct SiteFile {
    /// Name of the site, unique among your sites: lower-case letters, digits and dashes.
    #[schemars(required, regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"), length(max = 63))]
    pub(crate) site: Option<Text>,
    /// What kind of environment this is.
    #[schemars(required)]
    pub(crate) environment: Option<Located<Environment>>,
    /// What support was agreed. A custom SLA needs access around the clock.
    pub(crate) sla: Option<Located<Sla>>,
    /// The kind of appliance, which decides minima, ports and naming rules. `psaas-appliance` unless given.
    pub(crate) profile: Option<Text>,
    /// Figures of the profile that are different here, in the profile's own shape.
    #[serde(default)]
    #[schemars(schema_with = "overrides_schema")]
    pub(crate) profile_overrides: Option<Located<serde_json::Value>>,
    /// Files with the machines' host keys, in order. `~/.ssh/known_hosts` unless given.
    pub(crate) known_hosts: Option<Vec<Text>>,
    /// How machines are logged in to, where a machine does not say otherwise.
    pub(crate) ssh: Option<machines::SshInput>,
    /// The way to the nodes: `vpn: true` where they are reached directly, or `hops` with one jumphost or more.
    #[schemars(required)]
    pub(crate) route: Option<Located<machines::RouteInput>>,
    /// The machines of the appliance.
    #[schemars(required, length(min = 1))]
    pub(crate) nodes: Option<Vec<machines::NodeInput>>,
    /// The load balancer in front of a cluster.
    pub(crate) load_balancer: Option<machines::LoadBalancerInput>,
    /// DNS names. They are fixed before deployment and cannot be changed afterwards.
    pub(crate) names: Option<appliance::NamesInput>,
    /// Where users' TLS connections end, and the certificate. It is installed on the nodes in both cases.
    pub(crate) tls: Option<appliance::TlsInput>,
    /// The authenticated mail server through which the appliance sends.
    pub(crate) smtp: Option<appliance::SmtpInput>,
    /// The proxy between the nodes and the world.
    pub(crate) proxy: Option<appliance::ProxyInput>,
    /// NTP servers, as names or addresses.
    pub(crate) ntp: Option<Vec<Text>>,
    /// Who may be let in, for how long, with whose consent.
    pub(crate) access: Option<policy::AccessInput>,
    /// AD/LDAP connectors, one for each account.
    pub(crate) connectors: Option<Vec<machines::ConnectorInput>>,
    /// Where runs and windows are recorded. `file: ledger.sqlite` beside the site file unless given.
    pub(crate) ledger: Option<Located<policy::LedgerInput>>,
    /// Checks that are known to fail for now.
    pub(crate) waivers: Option<Vec<policy::WaiverInput>>,
    /// What the machines run on. Some platforms give their machines the time, and ask for load balancers of one kind.
    pub(crate) platform: Option<Located<Platform>>,
    /// Whether the site is kept from the internet.
    pub(crate) internet: Option<surroundings::InternetInput>,
    /// Features in use, which decide about ports and destinations: `rate-limiting`, `user-search`, `instrumentation`, `geoip`, `extensions`.
    pub(crate) features: Option<Vec<Text>>,
    /// Your other environments, which this one must not touch.
    pub(crate) other_environments: Option<Vec<surroundings::OtherEnvironmentInput>>,
    /// Updates and backups, as you attest them.
    pub(crate) maintenance: Option<surroundings::MaintenanceInput>,
    /// The operations checklist, as you attest it.
    pub(crate) operations: Option<surroundings::OperationsInput>,
    /// The key of the appliance's health service, from its dashboard.
    pub(crate) health_key: Option<Located<Secret>>,
}

/// The profile's schema with nothing demanded: an override names only what differs.
fn overrides_schema(_: &mut SchemaGenerator) -> Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Profile>();
    schema.remove("title");
    drop_demands(schema.as_object_mut());
    schema
}

fn drop_demands(schema: Option<&mut serde_json::Map<String, serde_json::Value>>) {
    let Some(schema) = schema else { return };
    // Elements of a list are whole; only maps are merged key by key.
    if schema.get("type").and_then(|kind| kind.as_str()) == Some("object") {
        drop(schema.remove("required"));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
        for property in properties.values_mut() {
            drop_demands(property.as_object_mut());
        }
    }
}
