//! Machines in a few letters: `[NAME=][USER@]ADDRESS[:PORT]`, as an answer names them.

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
}
