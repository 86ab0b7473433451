//! Looking for secrets in everything that a run leaves behind or shows on its way, and proof that the search finds them.

use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::stage::machine::Machine;
use super::stage::site_text::read_state;
use super::stage::standing::lend_one;
use super::story::story;

/// Something in which a secret could be.
#[derive(Debug, Clone)]
pub(super) struct Haystack {
    name: String,
    text: String,
}

impl Haystack {
    pub(super) fn new(name: String, bytes: &[u8]) -> Self {
        // What is no text is of no interest: every needle is.
        Self { name, text: String::from_utf8_lossy(bytes).into_owned() }
    }

    fn holds(&self, needle: &str) -> bool {
        self.text.contains(needle)
    }
}

/// Looks at all processes of a machine again and again: their arguments and environments.
pub(super) struct Sampler {
    machine: Machine,
    looking: JoinHandle<String>,
}

impl Sampler {
    pub(super) fn start(machine: &Machine) -> Self {
        let looked_at = machine.clone();
        machine.sh("rm -f /run/small.enough /run/small.looks; : >/run/small.looks");
        let looking = std::thread::spawn(move || {
            looked_at.sh("until [ -e /run/small.enough ]; do printf . >>/run/small.looks; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; sleep 0.02; done | tr '\\0' '\\n' | sort -u")
        });
        machine.wait_until("[ -s /run/small.looks ]");
        Self { machine: machine.clone(), looking }
    }

    pub(super) fn stop(self) -> Haystack {
        self.machine.sh("touch /run/small.enough");
        Haystack::new(format!("the processes of {}", self.machine.name), self.looking.join().unwrap().as_bytes())
    }
}

/// A secret under each form in which it could show itself.
fn needles() -> Vec<(String, String)> {
    let mut needles: Vec<(String, String)> = Vec::new();
    for name in ["smtp", "sudo"] {
        let secret = read_state(&format!("{name}-password"));
        needles.push((format!("{name} password"), secret.clone()));
        needles.push((format!("{name} password, base64"), STANDARD.encode(&secret)));
        needles.push((format!("{name} password, hash"), hash(secret.as_bytes())));
    }
    let login = format!("\0portcullis\0{}", read_state("smtp-password"));
    needles.push(("SMTP login".to_owned(), STANDARD.encode(login)));
    let key = read_state("tls/key.pem");
    needles.push(("key, hash".to_owned(), hash(key.as_bytes())));
    let lines = key.lines().filter(|line| !line.starts_with("-----")).map(|line| ("line of the key".to_owned(), line.to_owned()));
    needles.extend(lines);
    for served in &story().served {
        needles.push((format!("PFX password of {}", served.node.name), served.pfx_password.clone()));
    }
    needles
}

fn hash(bytes: &[u8]) -> String {
    portcullis::node::sha256_hex(bytes)
}

fn found(haystacks: &[Haystack]) -> Vec<String> {
    let needles = needles();
    assert!(needles.iter().all(|(_, needle)| needle.len() >= 16), "a needle this short is found by chance");
    let pairs = haystacks.iter().flat_map(|haystack| needles.iter().map(move |needle| (haystack, needle)));
    pairs
        .filter(|(haystack, (_, needle))| haystack.holds(needle))
        .map(|(haystack, (name, _))| format!("{name} in {}", haystack.name))
        .collect()
}

#[test]
fn no_secret_is_left_in_output_log_ledger_plan_or_process_list() {
    let haystacks = &story().haystacks;
    let named = |part: &str| haystacks.iter().any(|haystack| haystack.name.contains(part) && !haystack.text.is_empty());
    for part in ["the processes of a0-2", "ledger.sqlite", "plan.json", "failed.log", "stdout", "stderr"] {
        assert!(named(part), "{part} was not looked through");
    }
    assert_eq!(found(haystacks), Vec::<String>::new());
}

#[test]
fn a_secret_planted_anywhere_is_found_in_each_of_its_forms() {
    for haystack in &story().haystacks {
        for (name, needle) in needles() {
            let mut planted = haystack.clone();
            let middle = planted.text.floor_char_boundary(planted.text.len() / 2);
            planted.text.insert_str(middle, &needle);
            assert!(found(&[planted]).iter().any(|place| place.starts_with(&name)), "{name} in {}", haystack.name);
        }
    }
}

#[test]
fn a_secret_in_the_arguments_of_a_process_on_the_node_is_seen() {
    let node = lend_one();
    let secret = read_state("smtp-password");
    let sampler = Sampler::start(&node);
    // It lives for one whole look.
    let seen_whole = "n=$(wc -c </run/small.looks); until [ $(wc -c </run/small.looks) -gt $((n + 1)) ]; do sleep 0.02; done";
    node.sh(&format!("sh -c '{seen_whole}' {secret}"));
    let seen = sampler.stop();
    assert!(seen.holds(&secret));
}

#[test]
fn the_processes_were_looked_at_while_the_run_was_under_way() {
    let processes = story().haystacks.iter().find(|haystack| haystack.name.starts_with("the processes")).unwrap();
    assert!(processes.holds("\nrestart\n"), "the sampler has not seen what the transaction runs");
}
