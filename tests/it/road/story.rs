//! The whole road once, on nodes of three kinds: what was said and what stood on the nodes at each step, for the tests to judge.

use std::sync::LazyLock;
use std::thread;

use super::secrecy::{Haystack, Sampler};
use super::stage::machine::{Fingerprint, Machine, sh_on};
use super::stage::operator::{Operator, Run};
use super::stage::site_text::SiteText;
use super::stage::standing::cluster;

/// What a node showed while it was as the site file wants it.
pub(super) struct Served {
    pub(super) node: Machine,
    /// What the TLS server sends, each certificate as PEM.
    pub(super) chain: Vec<String>,
    /// Mode and owner of the PFX and of the password beside it.
    pub(super) pfx_modes: String,
    /// What is in the PFX, as OpenSSL reads it with that password.
    pub(super) pfx_content: String,
    /// The mail that arrived, headers and all.
    pub(super) mail: String,
    /// What a login shell, systemd and apt know of the proxy.
    pub(super) login_environment: String,
    pub(super) systemd_environment: String,
    pub(super) apt_configuration: String,
    /// What OpenSSL says of the proxy's CA, with the system's trust store alone.
    pub(super) proxy_ca: String,
    pub(super) pfx_password: String,
}

/// Everything that happened, in this order.
pub(super) struct Story {
    pub(super) before: Vec<Fingerprint>,
    pub(super) first_plan: Run,
    pub(super) after_plan: Vec<Fingerprint>,
    pub(super) first_apply: Run,
    pub(super) runs_after_first: Vec<Vec<(String, String)>>,
    pub(super) served: Vec<Served>,
    pub(super) second_apply: Run,
    pub(super) second_apply_json: Run,
    pub(super) runs_after_second: Vec<Vec<(String, String)>>,
    pub(super) second_plan: Run,
    pub(super) page_before_exceptions: String,
    pub(super) page_after_exceptions: String,
    pub(super) rollback: Run,
    pub(super) after_rollback: Vec<Fingerprint>,
    pub(super) audit_log: Run,
    pub(super) audit_verify: Run,
    /// Everything in which a secret could have been left.
    pub(super) haystacks: Vec<Haystack>,
}

static STORY: LazyLock<Story> = LazyLock::new(tell);

/// The story, told when it is first asked for.
pub(super) fn story() -> &'static Story {
    &STORY
}

// sudo notes below /var/lib whom it has lectured: that is what a login leaves, not what `plan` does.
const WATCHED: &str = "/etc /usr/local $(ls -d /var/lib/* | grep -v /var/lib/sudo)";

fn tell() -> Story {
    let cluster = cluster();
    let nodes = &cluster.nodes;
    let mut site = SiteText::full(&nodes.each_ref());
    let operator = Operator::with(&site);
    site.sections.push(format!("ledger: {{file: \"{}\"}}\n", operator.path("ledger.sqlite").display()));
    operator.write("site.yaml", site.render());
    let watched = || on_each(nodes, |node| node.fingerprint_of(WATCHED));
    let runs = || on_each(nodes, Machine::runs);

    let before = watched();
    let first_plan = operator.run(&["plan", "--out", "plan.json"]);
    let after_plan = watched();
    let sampler = Sampler::start(&nodes[1]);
    let first_apply = operator.run(&["apply", "--yes", "--output", "json", "-vv", "--log-file", "apply.log"]);
    let seen_by_ps = sampler.stop();
    let runs_after_first = runs();
    let served = on_each(nodes, served);
    let second_apply = operator.run(&["apply", "--yes"]);
    let second_apply_json = operator.run(&["apply", "--yes", "--output", "json"]);
    let runs_after_second = runs();
    let second_plan = operator.run(&["plan"]);
    let (page_before_exceptions, page_after_exceptions) = pass_the_proxy(&operator, &nodes[0]);
    let rollback = operator.run(&["rollback", "--yes"]);
    let after_rollback = on_each(nodes, |node| node.fingerprint_of("/etc /usr/local"));
    let failed = operator.run(&["rollback", "2020", "--yes", "--log-file", "failed.log"]);
    let audit_log = operator.run(&["audit", "log", "--output", "json"]);
    let audit_verify = operator.run(&["audit", "verify", "--output", "json"]);

    let mut haystacks = vec![seen_by_ps];
    let said = [&first_plan, &first_apply, &second_apply, &second_apply_json, &second_plan, &rollback, &failed, &audit_log, &audit_verify];
    for (number, run) in said.iter().enumerate() {
        haystacks.push(Haystack::new(format!("command {number}: stdout"), run.stdout.as_bytes()));
        haystacks.push(Haystack::new(format!("command {number}: stderr"), run.stderr.as_bytes()));
    }
    for file in ["ledger.sqlite", "ledger.sqlite-wal", "plan.json", "apply.log", "failed.log"] {
        if let Ok(bytes) = std::fs::read(operator.path(file)) {
            haystacks.push(Haystack::new(file.to_owned(), &bytes));
        }
    }
    Story {
        before,
        first_plan,
        after_plan,
        first_apply,
        runs_after_first,
        served,
        second_apply,
        second_apply_json,
        runs_after_second,
        second_plan,
        page_before_exceptions,
        page_after_exceptions,
        rollback,
        after_rollback,
        audit_log,
        audit_verify,
        haystacks,
    }
}

fn on_each<T: Send>(nodes: &[Machine], look: impl Fn(&Machine) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let look = &look;
        let looking: Vec<_> = nodes.iter().map(|node| scope.spawn(move || look(node))).collect();
        looking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// The certificates that a TLS server sends, in its order, as seen from the jumphost.
pub(super) fn served_chain(node: &Machine, name: &str) -> Vec<String> {
    let address = node.address;
    let said = sh_on("jump", &format!("openssl s_client -connect {address}:443 -servername {name} -showcerts </dev/null 2>&1 || true"));
    pem_blocks(&said)
}

/// The certificates of a text, in order, each without surrounding words.
pub(super) fn pem_blocks(text: &str) -> Vec<String> {
    let parts = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    parts.filter_map(|part| part.split_once("-----END CERTIFICATE-----")).map(|(block, _)| block.split_whitespace().collect()).collect()
}

fn served(node: &Machine) -> Served {
    let pfx = "/etc/portcullis/tls/site.pfx";
    let subject = format!("from {}", node.name);
    node.sh(&format!("printf 'Subject: {subject}\\nTo: somebody@lab.example\\n\\nIt works.\\n' | sendmail somebody@lab.example"));
    let mail = Machine { name: "mail".to_owned(), ..node.clone() };
    mail.wait_until(&format!("grep -q '{subject}' /var/mail/inbox"));
    Served {
        chain: served_chain(node, "manage.acme.lab.example"),
        pfx_modes: node.sh(&format!("stat -c '%a %U:%G' {pfx} {pfx}.password")),
        pfx_content: node.sh(&format!("openssl pkcs12 -in {pfx} -passin file:{pfx}.password -passout pass:x")),
        mail: mail.sh(&format!("grep -B 20 '{subject}' /var/mail/inbox")),
        login_environment: node.sh(&format!("su - {} -c env", node.user)),
        systemd_environment: node.sh("systemctl show --property=DefaultEnvironment; systemd-run --quiet --wait --pipe env"),
        apt_configuration: node.sh("apt-config dump"),
        proxy_ca: node
            .sh("openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates/portcullis-proxy-1.crt"),
        pfx_password: node.sh(&format!("cat {pfx}.password")).trim().to_owned(),
        node: node.clone(),
    }
}

/// What a user of the node gets from the outside before and after the proxy's administrators have taken up the exceptions.
fn pass_the_proxy(operator: &Operator, node: &Machine) -> (String, String) {
    let fetch = || node.sh(&format!("su - {} -c 'curl -s --max-time 20 http://cdn.auth0.com/'", node.user));
    let before = fetch();
    operator.run(&["render", "proxy", "--out", "handouts"]).assert_code(0);
    let list = std::fs::read_to_string(operator.path("handouts/squid-exceptions.conf")).unwrap();
    sh_on("proxy", &format!("cat >/etc/squid/portcullis-exceptions.conf <<'END'\n{list}END\nsystemctl reload-or-restart squid"));
    let proxy = Machine { name: "proxy".to_owned(), ..node.clone() };
    proxy.wait_until("grep -qi ':0C38 .* 0A ' /proc/net/tcp /proc/net/tcp6");
    (before, fetch())
}
