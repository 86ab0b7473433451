//! The machines, and the way to them.

use serde_json::Value;

use super::{Kind, Question, REFERENCE_MORE, Section, elements, optional, question};
use crate::site::validate::rules;
use crate::wizard::document::Answers;
use crate::wizard::surroundings::Alias;

const CLIENT_CONFIG: &str = "~/.ssh/config";

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        kind: Kind::List,
        when: |answers| !answers.has("route.vpn"),
        default: |answers| answers.seen().hops.clone(),
        origin: |answers| answers.seen().hops.as_ref().map(|_| CLIENT_CONFIG),
        more: "The machine that lets you in to the nodes' network. With several, the first is the one that you reach from here. \
               A password is asked for by no question here: keys and the ssh-agent are offered.",
        ..question(
            Section::Machines,
            "route.hops",
            "Jumphosts, in their order",
            "USER@ADDRESS[:PORT], commas between. `vpn` where the nodes are reached directly.",
        )
    },
    Question {
        kind: Kind::List,
        default: |answers| answers.seen().nodes.clone(),
        origin: |answers| answers.seen().nodes.as_ref().map(|_| CLIENT_CONFIG),
        more: "Addresses as the last jumphost sees them. The nodes are named a0-1, a0-2, a0-3 unless you say otherwise: \
               `db=admin@10.77.0.11`. Root is reached by sudo, or by logging in as root.",
        ..question(Section::Machines, "nodes", "Nodes, as the last jumphost sees them", "[NAME=][USER@]ADDRESS[:PORT], commas between.")
    },
    Question {
        when: has_machine_without_user,
        more: "It counts for each machine that was given without USER@.",
        ..optional(Section::Machines, "ssh.user", "Login user where none was given", "Left to ~/.ssh/config if empty.")
    },
    Question {
        kind: Kind::Files,
        default: identity,
        origin: |answers| identity(answers).map(|_| "~/.ssh"),
        more: "The file without .pub. A key with a passphrase is best put into the ssh-agent (`ssh-add`).",
        ..optional(
            Section::Machines,
            "ssh.identities",
            "Private key files to log in with",
            "Keys of an ssh-agent are offered as well; `-` for those alone.",
        )
    },
    Question {
        kind: Kind::Reference,
        when: has_login_that_is_not_root,
        more: REFERENCE_MORE,
        ..optional(
            Section::Machines,
            "ssh.sudo_password",
            "Password that sudo asks for on the machines",
            "Empty if it asks for none; else where the password is to be had.",
        )
    },
    Question {
        when: |answers| elements(answers, "nodes") > 1,
        more: "What users' connections meet first. `portcullis verify` tries the names there.",
        ..optional(
            Section::Machines,
            "load_balancer.address",
            "Address or name of the load balancer",
            "A cluster of several nodes needs one; empty if it is not there yet.",
        )
    },
];

/// The key file that the SSH client configuration names for the first jumphost; else what was seen.
fn identity(answers: &Answers) -> Option<String> {
    let first = answers.get("route.hops").and_then(|hops| hops.get(0)?.get("address")?.as_str());
    let of_first = |alias: &&Alias| rules::host_and_port(&alias.place).is_ok_and(|(host, _)| Some(host.as_str()) == first);
    let named = answers.seen().aliases.iter().find(of_first).and_then(|alias| alias.identity.clone());
    named.or_else(|| answers.seen().identities.clone())
}

fn has_login_that_is_not_root(answers: &Answers) -> bool {
    let default = answers.text("ssh.user");
    let is_root = |node: &Value| node.get("user").and_then(Value::as_str).or(default) == Some("root");
    !answers.get("nodes").and_then(Value::as_array).is_some_and(|nodes| nodes.iter().all(is_root))
}

fn has_machine_without_user(answers: &Answers) -> bool {
    let machines = [answers.get("nodes"), answers.get("route.hops")].into_iter().flatten().filter_map(Value::as_array).flatten();
    machines.into_iter().any(|machine| machine.get("user").is_none())
}
