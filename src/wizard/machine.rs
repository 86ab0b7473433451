//! Machines in a few letters: `[NAME=][USER@]ADDRESS[:PORT]`, as an answer names them; connectors and persons likewise.

use serde_json::{Map, Value};

use crate::site::validate::rules;

/// A machine's mapping from its short form. What does not fit is left in `address`, where the site file's rules refuse it.
pub(super) fn from_text(text: &str, index: usize, is_node: bool) -> Value {
    let number = index + 1;
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) => (name.trim().to_owned(), rest.trim()),
        // By custom the nodes are a0-1, a0-2, a0-3.
        None if is_node => (format!("a0-{number}"), text),
        None if index == 0 => ("jump".to_owned(), text),
        None => (format!("jump-{number}"), text),
    };
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let (address, port) = match rules::host_and_port(rest) {
        Ok((address, port)) => (address, port),
        Err(_) => (rest.to_owned(), None),
    };
    let mut machine = Map::new();
    machine.insert("name".to_owned(), Value::String(name));
    machine.insert("address".to_owned(), Value::String(address));
    if let Some(port) = port.filter(|port| *port != 22) {
        machine.insert("port".to_owned(), Value::from(port));
    }
    if let Some(user) = user {
        machine.insert("user".to_owned(), Value::String(user.to_owned()));
    }
    Value::Object(machine)
}

/// A connector's mapping from `[TENANT=]LDAP_URL`.
pub(super) fn connector(text: &str, index: usize) -> Value {
    let (tenant, url) = match text.split_once('=') {
        Some((tenant, url)) => (Some(tenant.trim()), url.trim()),
        None => (None, text),
    };
    let mut connector = Map::new();
    connector.insert("name".to_owned(), Value::String(format!("ad-{}", index + 1)));
    if let Some(tenant) = tenant {
        connector.insert("tenant".to_owned(), Value::String(tenant.to_owned()));
    }
    connector.insert("ldap_url".to_owned(), Value::String(url.to_owned()));
    Value::Object(connector)
}

/// Connectors that name no tenant serve the first one.
pub(super) fn name_tenant(connectors: &mut Value, tenants: Option<&Value>) {
    let Some(first) = tenants.and_then(|tenants| tenants.get(0)) else { return };
    for connector in connectors.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if connector.contains_key("ldap_url") {
            connector.entry("tenant").or_insert_with(|| first.clone());
        }
    }
}

/// A person's mapping from `NAME=PUBLIC KEY`. What does not fit is left in `key`, where the site file's rules refuse it.
pub(super) fn signatory(text: &str) -> Value {
    let (name, key) = text.split_once('=').unwrap_or(("", text));
    serde_json::json!({"name": name.trim(), "key": key.trim()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_forms_are_spelt_out() {
        assert_eq!(from_text("10.0.0.1", 1, true), json!({"name": "a0-2", "address": "10.0.0.1"}));
        assert_eq!(
            from_text("db = admin@n.example:2222", 0, true),
            json!({"name": "db", "address": "n.example", "port": 2222, "user": "admin"})
        );
        assert_eq!(from_text("ops@[2001:db8::1]:22", 0, false), json!({"name": "jump", "address": "2001:db8::1", "user": "ops"}));
        assert_eq!(from_text("no_such name", 0, true)["address"], "no_such name");
    }

    #[test]
    fn a_connector_that_names_no_tenant_serves_the_first() {
        let mut connectors =
            Value::Array(vec![connector("ldaps://dc.corp.example", 0), connector("shop.corp.example = ldap://dc2.corp.example:389", 1)]);
        name_tenant(&mut connectors, Some(&json!(["identity.corp.example"])));
        assert_eq!(
            connectors,
            json!([
                {"name": "ad-1", "tenant": "identity.corp.example", "ldap_url": "ldaps://dc.corp.example"},
                {"name": "ad-2", "tenant": "shop.corp.example", "ldap_url": "ldap://dc2.corp.example:389"},
            ])
        );
    }
}
