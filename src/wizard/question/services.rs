//! What the appliance needs beside itself: a certificate, a mail server, the way out, the time.

use serde_json::Value;

use super::appliance::domain_of;
use super::{Kind, Question, REFERENCE_MORE, Section, optional, question};
use crate::site::profile::{DEFAULT, Party, Profile};
use crate::wizard::document::Answers;

const REFERENCE_HELP: &str = "Where it is to be had; it never stands in the site file.";
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        kind: Kind::Files,
        when: |answers| !answers.has("tls"),
        default: |answers| answers.seen().certificates.clone(),
        origin: |answers| answers.seen().certificates.as_ref().map(|_| "this folder"),
        more: "PEM, DER, P7B or PFX, as the CA sent them; they are put into order. Without any yet: `portcullis cert csr` makes \
               a key and a signing request that holds every name.",
        ..optional(
            Section::Certificate,
            "tls.certificate.files",
            "Files from the CA",
            "Certificate and chain in any order and format, commas between; empty if they are not at hand yet.",
        )
    },
    Question {
        kind: Kind::Files,
        when: has_certificate,
        default: |answers| answers.seen().key.clone(),
        origin: |answers| answers.seen().key.as_ref().map(|_| "this folder"),
        more: "The key for which the certificate was made. It stays here; the nodes get it inside a PFX.",
        ..optional(Section::Certificate, "tls.certificate.key", "File of the private key", "`-` if it is in one of those files.")
    },
    Question {
        kind: Kind::Reference,
        when: has_certificate,
        more: REFERENCE_MORE,
        ..optional(
            Section::Certificate,
            "tls.certificate.key_password",
            "Password of the key, or of a PFX",
            "Empty if it has none; else where the password is to be had.",
        )
    },
    Question {
        kind: Kind::Files,
        when: has_certificate,
        more: "Browsers and telephones then need it as well: what comes from a public CA is trusted everywhere already. \
               The roots of public CAs are known and need no file.",
        ..optional(
            Section::Certificate,
            "tls.certificate.roots",
            "Root of a CA of your own, where one issued it",
            "Empty for a certificate from a public CA.",
        )
    },
    Question {
        kind: Kind::Choice,
        when: |answers| has_certificate(answers) && answers.has_value("load_balancer"),
        default: |_| Some("appliance".to_owned()),
        more: "`appliance`: the load balancer passes TCP on. `load-balancer`: it ends TLS itself and begins anew towards the nodes.",
        ..question(
            Section::Certificate,
            "tls.terminates",
            "Where do users' TLS connections end",
            "The certificate is installed on the nodes in both cases.",
        )
    },
    Question {
        when: |answers| !answers.has("smtp.provider"),
        more: "Write its name, as it stands in its certificate. AUTH PLAIN is what the appliance speaks; whether the server offers it is looked at.",
        ..optional(
            Section::Mail,
            "smtp.host",
            "Mail server",
            "The appliance sends through an authenticated server (AUTH PLAIN); empty to set mail up later.",
        )
    },
    Question {
        when: has_mail,
        default: |_| Some("587".to_owned()),
        more: "25 is between mail servers, and often without a login.",
        ..question(Section::Mail, "smtp.port", "Its port", "587 is STARTTLS, 465 is TLS from the first byte.")
    },
    Question {
        kind: Kind::Choice,
        when: |answers| has_mail(answers) && answers.get("smtp.port") != Some(&Value::from(465)),
        default: |_| Some("required".to_owned()),
        more: "`optional` lets whoever sits between take TLS away unseen.",
        ..question(
            Section::Mail,
            "smtp.starttls",
            "Is TLS demanded of the mail server",
            "Without it the password may cross the network in clear.",
        )
    },
    Question {
        when: |answers| has_mail(answers) && answers.text("smtp.provider") != Some("sendgrid"),
        more: "An account of its own is best: its password stands on the nodes.",
        ..question(Section::Mail, "smtp.username", "Login at the mail server", "The account that the appliance sends with.")
    },
    Question {
        kind: Kind::Reference,
        when: has_mail,
        default: |_| Some("prompt".to_owned()),
        more: REFERENCE_MORE,
        ..question(Section::Mail, "smtp.password", "Password at the mail server", REFERENCE_HELP)
    },
    Question {
        when: has_mail,
        default: sender,
        more: "The account must be allowed to send from it.",
        ..question(Section::Mail, "smtp.from", "Sender address", "What users see as the sender.")
    },
    Question {
        kind: Kind::Choice,
        default: |answers| Some(if answers.seen().proxy.is_some() { "explicit" } else { "none" }.to_owned()),
        origin: |answers| answers.seen().proxy.as_ref().map(|_| "this machine's environment"),
        more: "A proxy that looks into TLS signs with a CA of its own, which the nodes must trust.",
        ..question(
            Section::Network,
            "proxy.kind",
            "What kind of proxy is between the nodes and the world",
            "explicit: clients are told of it; transparent: it intercepts unasked.",
        )
    },
    Question {
        when: |answers| answers.text("proxy.kind") == Some("explicit"),
        default: |answers| answers.seen().proxy.clone(),
        origin: |answers| answers.seen().proxy.as_ref().map(|_| "this machine's environment, without user and password"),
        more: "The nodes reach their destinations without a login at the proxy: those are asked for next.",
        ..question(
            Section::Network,
            "proxy.url",
            "Address of the proxy",
            "Such as http://proxy.corp.example:3128, without user and password.",
        )
    },
    Question {
        kind: Kind::Files,
        when: has_proxy,
        more: "They go into the nodes' trust store.",
        ..optional(
            Section::Network,
            "proxy.ca_certificates",
            "Files with the proxy's CA certificates",
            "Needed where it looks into TLS; empty if it does not.",
        )
    },
    Question {
        kind: Kind::List,
        when: has_proxy,
        default: |_| required_destinations(),
        more: "What is proposed is what the appliance cannot do without.",
        ..question(
            Section::Network,
            "proxy.exceptions",
            "Destinations that pass the proxy without a login",
            "HOST or HOST:PORT, commas between.",
        )
    },
    Question {
        kind: Kind::List,
        more: "The appliance's cryptography depends on the clock; the nodes must agree with each other to the second.",
        ..optional(Section::Network, "ntp", "NTP servers", "Names or addresses, commas between; empty where the platform keeps the time.")
    },
];

fn sender(answers: &Answers) -> Option<String> {
    domain_of(answers).map(|domain| format!("appliance@{domain}"))
}

fn has_certificate(answers: &Answers) -> bool {
    answers.has_value("tls")
}

fn has_mail(answers: &Answers) -> bool {
    answers.has_value("smtp")
}

fn has_proxy(answers: &Answers) -> bool {
    answers.text("proxy.kind").is_some_and(|kind| kind != "none")
}

fn required_destinations() -> Option<String> {
    let profile = Profile::built_in(DEFAULT).ok()?;
    let required = profile.destinations.into_iter().filter(|destination| destination.required && destination.from.contains(&Party::Nodes));
    Some(required.map(|destination| destination.host).collect::<Vec<_>>().join(", "))
}
