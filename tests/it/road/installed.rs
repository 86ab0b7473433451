//! `init` on a site that is there: host keys are fetched over the route, shown, pinned; the logins are tried on the spot.

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use super::stage::operator::Operator;
use super::stage::site_text::{SiteText, state};
use super::stage::standing::lend_one;

/// Long enough for a loaded machine.
const PATIENCE: u64 = 120_000;

/// All that is not about the way is known already; nothing said declines.
const KNOWN: [&str; 18] = [
    "environment=qa",
    "sla=standard",
    "site=acme",
    "names.dashboard=manage.acme.lab.example",
    "names.configuration=config.acme.lab.example",
    "names.webtask=webtask.acme.lab.example",
    "names.tenants=identity.acme.lab.example",
    "names.planned=",
    "tls.certificate.files=",
    "smtp.host=",
    "proxy.kind=none",
    "ntp=",
    "access.longest_window=8h",
    "access.ticket_pattern=",
    "access.persons=",
    "access.approvals=0",
    "access.sources=",
    "connectors=",
];

fn say(terminal: &mut PtySession, question: &str, answer: &str) {
    terminal.exp_string(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    terminal.exp_string("> ").unwrap();
    terminal.send(&format!("{answer}\r")).unwrap();
    terminal.flush().unwrap();
}

#[test]
fn host_keys_are_shown_and_pinned_and_logins_tried_on_the_spot() {
    let node = lend_one();
    let site = SiteText::bare(&[&node]);
    let operator = Operator::with(&site);
    let (jump, entry) = (&site.jump, &site.nodes[0]);
    let hops = format!("route.hops=jump={}@{}:{}", jump.user, jump.address, jump.port);
    let nodes = format!("nodes={}={}@{}", entry.name, entry.user, entry.address);
    let mut arguments = vec!["init", "new"];
    for answer in KNOWN.iter().copied().chain([hops.as_str(), nodes.as_str()]) {
        arguments.extend(["--set", answer]);
    }
    let command = operator.command_at_a_terminal(&arguments);
    let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true);
    let mut terminal = spawn_with_options(command, options).unwrap();
    say(&mut terminal, "Private key files", &state("id_ed25519"));
    say(&mut terminal, "Password that sudo", "");
    terminal.exp_string("Is this the host key of jump").unwrap();
    say(&mut terminal, "SHA256:", "yes");
    terminal.exp_string(&format!("Is this the host key of {}", entry.name)).unwrap();
    say(&mut terminal, "SHA256:", "yes");
    terminal.exp_string("ok: logged in to jump").unwrap();
    terminal.exp_string(&format!("ok: logged in to {}", entry.name)).unwrap();
    say(&mut terminal, "sessions recorded", "no");
    terminal.exp_string("next: portcullis check --site new/site.yaml").unwrap();
    terminal.exp_eof().unwrap();
    // What was pinned is what the machines are known by from here on.
    operator.run(&["check", "--only", "access.path", "--site", "new/site.yaml"]).assert_code(0);
}
