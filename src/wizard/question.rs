//! Every question of `init`, as data. Each is a key of the site file; its validator is the site file's own reader.

use serde_json::Value;

use super::document::{Answers, DOMAIN};
use crate::site::profile::{DEFAULT, Party, Profile};

/// How an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text or a number.
    Text,
    /// Several, separated by commas.
    List,
    /// One of the schema's words.
    Choice,
    /// Where a secret is to be had; never the secret.
    Reference,
}

/// One question.
pub struct Question {
    /// The key that it answers.
    pub key: &'static str,
    /// What is asked.
    pub ask: &'static str,
    /// What helps to answer; shown before the question.
    pub help: &'static str,
    /// How it is answered.
    pub kind: Kind,
    /// Whether it may be left without an answer.
    pub optional: bool,
    /// What is proposed.
    pub default: fn(&Answers) -> Option<String>,
    /// Whether it is asked, after the answers so far.
    pub when: fn(&Answers) -> bool,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Question").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

const fn question(key: &'static str, ask: &'static str, help: &'static str) -> Question {
    Question { key, ask, help, kind: Kind::Text, optional: false, default: |_| None, when: |_| true }
}

const fn optional(key: &'static str, ask: &'static str, help: &'static str) -> Question {
    Question { optional: true, ..question(key, ask, help) }
}

/// All questions, in the order in which they are asked.
pub const QUESTIONS: &[Question] = &[
    Question {
        default: Answers::proposed_site,
        ..question("site", "Name of this site", "Lower-case letters, digits, dashes. Each environment is a site of its own.")
    },
    Question {
        kind: Kind::Choice,
        default: |_| Some("production".to_owned()),
        ..question("environment", "What kind of environment is it", "A production cluster has three nodes, others have one.")
    },
    Question {
        kind: Kind::Choice,
        default: |_| Some("standard".to_owned()),
        ..question("sla", "What support was agreed", "A custom SLA needs access around the clock.")
    },
    Question {
        kind: Kind::List,
        when: |answers| !answers.has("route.vpn"),
        ..question(
            "route.hops",
            "Jumphosts, in their order",
            "USER@ADDRESS[:PORT], commas between. `vpn` where the nodes are reached directly.",
        )
    },
    Question {
        kind: Kind::List,
        ..question(
            "nodes",
            "Nodes, as the last jumphost sees them",
            "[NAME=][USER@]ADDRESS[:PORT], commas between; they are named a0-1, a0-2, a0-3 unless you say otherwise.",
        )
    },
    Question {
        when: |answers| has_machine_without_user(answers),
        ..optional("ssh.user", "Login user where none was given", "Left to ~/.ssh/config if empty.")
    },
    Question {
        kind: Kind::List,
        ..optional("ssh.identities", "Private key files to log in with", "Keys of an ssh-agent are offered as well; empty for those alone.")
    },
    Question {
        when: |answers| node_count(answers) > 1,
        ..optional("load_balancer.address", "Address or name of the load balancer", "A cluster of several nodes needs one.")
    },
    Question {
        when: |answers| domain_of(answers).is_none(),
        ..optional(DOMAIN, "Domain of the appliance", "Such as corp.example; the names that follow are proposed under it.")
    },
    Question {
        default: |answers| under_domain(answers, "manage"),
        ..question("names.dashboard", "DNS name of the Management Dashboard", NAMES_HELP)
    },
    Question {
        default: |answers| under_domain(answers, "config"),
        ..question("names.configuration", "DNS name of the configuration tenant", NAMES_HELP)
    },
    Question { default: |answers| under_domain(answers, "webtask"), ..question("names.webtask", "DNS name of webtask", NAMES_HELP) },
    Question {
        kind: Kind::List,
        default: |answers| under_domain(answers, "identity"),
        ..question("names.tenants", "DNS names of the app tenants", "Commas between. The certificate must cover them all.")
    },
    Question {
        kind: Kind::List,
        ..optional("names.planned", "DNS names of app tenants to come", "The certificate must cover them already; empty if there are none.")
    },
    Question {
        kind: Kind::List,
        when: |answers| !answers.has("tls"),
        ..optional(
            "tls.certificate.files",
            "Files from the CA",
            "Certificate and chain in any order and format, commas between; empty if they are not at hand yet.",
        )
    },
    Question {
        when: |answers| answers.has_value("tls"),
        ..optional("tls.certificate.key", "File of the private key", "Empty if it is in one of those files.")
    },
    Question {
        kind: Kind::Reference,
        when: |answers| answers.has_value("tls"),
        ..optional("tls.certificate.key_password", "Password of the key", "Empty if it has none.")
    },
    Question {
        kind: Kind::Choice,
        when: |answers| answers.has_value("tls") && answers.has_value("load_balancer"),
        default: |_| Some("appliance".to_owned()),
        ..question("tls.terminates", "Where do users' TLS connections end", "The certificate is installed on the nodes in both cases.")
    },
    Question {
        when: |answers| !answers.has("smtp.provider"),
        ..optional(
            "smtp.host",
            "Mail server",
            "The appliance sends through an authenticated server (AUTH PLAIN); empty to set mail up later.",
        )
    },
    Question {
        when: has_mail,
        default: |_| Some("587".to_owned()),
        ..question("smtp.port", "Its port", "587 is STARTTLS, 465 is TLS from the first byte.")
    },
    Question {
        when: |answers| has_mail(answers) && answers.text("smtp.provider") != Some("sendgrid"),
        ..question("smtp.username", "Login at the mail server", "")
    },
    Question {
        kind: Kind::Reference,
        when: has_mail,
        default: |_| Some("prompt".to_owned()),
        ..question("smtp.password", "Password at the mail server", REFERENCE_HELP)
    },
    Question { when: has_mail, default: sender, ..question("smtp.from", "Sender address", "") },
    Question {
        kind: Kind::Choice,
        when: |answers| has_mail(answers) && answers.get("smtp.port") != Some(&Value::from(465)),
        default: |_| Some("required".to_owned()),
        ..question("smtp.starttls", "Is TLS demanded of the mail server", "Without it the password may cross the network in clear.")
    },
    Question {
        kind: Kind::Choice,
        default: |_| Some("none".to_owned()),
        ..question(
            "proxy.kind",
            "What kind of proxy is between the nodes and the world",
            "explicit: clients are told of it; transparent: it intercepts unasked.",
        )
    },
    Question {
        when: |answers| answers.text("proxy.kind") == Some("explicit"),
        ..question("proxy.url", "Address of the proxy", "Such as http://proxy.corp.example:3128, without user and password.")
    },
    Question {
        kind: Kind::List,
        when: has_proxy,
        ..optional(
            "proxy.ca_certificates",
            "Files with the proxy's CA certificates",
            "Needed where it looks into TLS; empty if it does not.",
        )
    },
    Question {
        kind: Kind::List,
        when: has_proxy,
        default: |_| required_destinations(),
        ..question("proxy.exceptions", "Destinations that pass the proxy without a login", "HOST or HOST:PORT, commas between.")
    },
    Question {
        kind: Kind::List,
        ..optional("ntp", "NTP servers", "Names or addresses, commas between; empty where the platform keeps the time.")
    },
    Question {
        default: |_| Some("8h".to_owned()),
        ..question("access.longest_window", "Longest time for which somebody may be let in", "Such as 90m, 4h, 1d12h.")
    },
];

const NAMES_HELP: &str = "Names are fixed before deployment and cannot be changed afterwards.";
const REFERENCE_HELP: &str =
    "Where it is to be had: env:NAME, file:PATH, cmd:COMMAND, or prompt, which asks at each run. Not the secret itself.";

/// The names that are proposed under a domain.
const NAMES: [(&str, &str); 4] =
    [("names.dashboard", "manage"), ("names.configuration", "config"), ("names.webtask", "webtask"), ("names.tenants", "identity")];

/// The domain that was given, or the one of a name that was: all names have one parent.
fn domain_of(answers: &Answers) -> Option<&str> {
    let parent = |(key, _): &(&str, &str)| answers.text(key).and_then(|name| name.split_once('.')).map(|(_, domain)| domain);
    answers.text(DOMAIN).or_else(|| NAMES.iter().find_map(parent))
}

fn under_domain(answers: &Answers, label: &str) -> Option<String> {
    domain_of(answers).map(|domain| format!("{label}.{domain}"))
}

fn sender(answers: &Answers) -> Option<String> {
    domain_of(answers).map(|domain| format!("appliance@{domain}"))
}

fn has_mail(answers: &Answers) -> bool {
    answers.has_value("smtp")
}

fn has_proxy(answers: &Answers) -> bool {
    answers.text("proxy.kind").is_some_and(|kind| kind != "none")
}

fn node_count(answers: &Answers) -> usize {
    answers.get("nodes").and_then(Value::as_array).map_or(0, Vec::len)
}

fn has_machine_without_user(answers: &Answers) -> bool {
    let machines = [answers.get("nodes"), answers.get("route.hops")].into_iter().flatten().filter_map(Value::as_array).flatten();
    machines.into_iter().any(|machine| machine.get("user").is_none())
}

fn required_destinations() -> Option<String> {
    let profile = Profile::built_in(DEFAULT).ok()?;
    let required = profile.destinations.into_iter().filter(|destination| destination.required && destination.from.contains(&Party::Nodes));
    Some(required.map(|destination| destination.host).collect::<Vec<_>>().join(", "))
}
