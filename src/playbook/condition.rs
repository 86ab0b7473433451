//! What a step's `when` may ask: the keys, their values, and what they are on a node. One table serves the check
//! of a playbook, its schema, the reference page and the plan.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::context::{proxy_name, role_name, termination_name};
use crate::node::Facts;
use crate::site::model::{Node, Site};

/// A key of `when`.
#[derive(Debug)]
pub(crate) struct Condition {
    /// The key.
    pub(crate) key: &'static str,
    /// What it tells.
    pub(crate) meaning: &'static str,
    /// The values it can have; empty: any word.
    pub(crate) values: &'static [&'static str],
    value: fn(&Site, &Node, &Facts) -> String,
}

const PRESENT: &[&str] = &["present", "absent"];

fn present(is: bool) -> String {
    if is { "present" } else { "absent" }.to_owned()
}

/// All keys, in the order in which they are explained.
pub(crate) const CONDITIONS: [Condition; 9] = [
    Condition {
        key: "role",
        meaning: "what the machine is in the cluster",
        values: &["node", "arbiter", "connector", "load-balancer"],
        value: |_, node, _| role_name(node.role).to_owned(),
    },
    Condition {
        key: "tls",
        meaning: "whether the site has a certificate",
        values: PRESENT,
        value: |site, _, _| present(site.tls.is_some()),
    },
    Condition {
        key: "tls-terminates",
        meaning: "where users' TLS connections end; empty without a certificate",
        values: &["appliance", "load-balancer"],
        value: |site, _, _| site.tls.as_ref().map(|tls| termination_name(tls.terminates).to_owned()).unwrap_or_default(),
    },
    Condition {
        key: "smtp",
        meaning: "whether the site has a mail server",
        values: PRESENT,
        value: |site, _, _| present(site.smtp.is_some()),
    },
    Condition {
        key: "smtp-ca",
        meaning: "whether the mail server's certificate comes from a private CA",
        values: PRESENT,
        value: |site, _, _| present(site.smtp.as_ref().is_some_and(|smtp| !smtp.ca_certificates.is_empty())),
    },
    Condition {
        key: "proxy",
        meaning: "what kind of proxy stands between the nodes and the world",
        values: &["none", "explicit", "transparent"],
        value: |site, _, _| proxy_name(site.proxy.kind).to_owned(),
    },
    Condition {
        key: "ntp",
        meaning: "whether the site names NTP servers",
        values: PRESENT,
        value: |site, _, _| present(!site.ntp_servers.is_empty()),
    },
    Condition {
        key: "os",
        meaning: "the distribution, as `ID` in the node's `/etc/os-release`: `debian`, `ubuntu`, `rhel` …",
        values: &[],
        value: |_, _, facts| facts.os.as_ref().map(|(id, _)| id.clone()).unwrap_or_default(),
    },
    Condition {
        key: "init",
        meaning: "what runs the node's services",
        values: &["systemd", "other"],
        value: |_, _, facts| facts.machine.get("init").cloned().unwrap_or_default(),
    },
];

/// The values that a step's `when` is compared with.
pub(crate) fn conditions(site: &Site, node: &Node, facts: &Facts) -> BTreeMap<&'static str, String> {
    CONDITIONS.iter().map(|condition| (condition.key, (condition.value)(site, node, facts))).collect()
}

/// The schema of `when`.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    let one = |condition: &Condition| {
        let mut schema = json!({"type": "string", "description": condition.meaning});
        if let (Some(schema), false) = (schema.as_object_mut(), condition.values.is_empty()) {
            schema.insert("enum".to_owned(), json!(condition.values));
        }
        (condition.key.to_owned(), schema)
    };
    let properties: Map<String, Value> = CONDITIONS.iter().map(one).collect();
    let whole = json!({"type": "object", "properties": properties, "additionalProperties": false});
    Schema::try_from(whole).unwrap_or_default()
}
