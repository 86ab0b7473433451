//! Pages that are walked as a reader walks them: their commands in their order, in one shell, on a lab of their own.

#![expect(clippy::disallowed_methods, reason = "a page's commands are run by a shell, as its reader runs them")]

use std::fmt::Write as _;
use std::process::{Command, Stdio};

/// What a reader does with a page: commands, and what they are to show.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    /// A command a line, each with the exit code that the page says it has.
    Commands(Vec<(String, i32)>),
    /// Lines that the commands before it show.
    Shown(Vec<String>),
}

/// The blocks of a page, in their order; those of a numbered step are indented.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let page: String = page.lines().flat_map(|line| [line.strip_prefix("   ").unwrap_or(line), "\n"]).collect();
    for part in page.split("\n```").skip(1).step_by(2) {
        let (language, text) = part.split_once('\n').unwrap();
        match language {
            "sh" => blocks.push(Block::Commands(text.lines().map(command).collect())),
            "text" => blocks.push(Block::Shown(text.lines().map(str::to_owned).collect())),
            _ => {}
        }
    }
    blocks
}

fn command(line: &str) -> (String, i32) {
    let said = line.split_once("# exit code ").map(|(_, rest)| rest.split(':').next().unwrap().trim().parse().unwrap());
    (line.to_owned(), said.unwrap_or(0))
}

/// The page as one script, which tells where each block begins and stops at the first command that ends otherwise than said.
fn script(blocks: &[Block]) -> String {
    let mut script = "exec 2>&1\n".to_owned();
    for (number, block) in blocks.iter().enumerate() {
        let Block::Commands(commands) = block else { continue };
        let _infallible = writeln!(script, "echo '=== block {number}'");
        for (line, code) in commands {
            let quoted = line.replace('\'', r"'\''");
            let _infallible =
                writeln!(script, "{line}\ncode=$?; [ $code = {code} ] || {{ printf '%s\\n' '{quoted}' \"ended with $code\"; exit 99; }}");
        }
    }
    script
}

/// Takes the lab down, also where a command has failed.
struct Lab(String);

impl Drop for Lab {
    fn drop(&mut self) {
        let _gone = Command::new("target/debug/lab").args(["--lab", &self.0, "down"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Walks a page after `before`, on a lab of this name; fails where a command ends otherwise than said, or does not show what is said.
#[track_caller]
fn walk(page: &str, lab: &str, before: &str) {
    walk_blocks(page, &blocks(&std::fs::read_to_string(page).unwrap()), lab, before);
}

#[track_caller]
fn walk_blocks(page: &str, blocks: &[Block], lab: &str, before: &str) {
    let lab = Lab(format!("{lab}-{}", std::process::id()));
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{before}{}", script(blocks))]).stdin(Stdio::null());
    let folder = tempfile::tempdir().unwrap();
    bash.env("PORTCULLIS_LAB", &lab.0).env("TMPDIR", folder.path()).env_remove("PORTCULLIS_SITE");
    let output = bash.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{page}: {said}{}", String::from_utf8_lossy(&output.stderr));
    for (number, block) in blocks.iter().enumerate() {
        let Block::Shown(lines) = block else { continue };
        let shown = said.split(&format!("=== block {}\n", number - 1)).nth(1).unwrap().split("=== block").next().unwrap();
        for line in lines {
            assert!(shown.contains(line.as_str()), "{page}: `{line}` is not shown:\n{shown}");
        }
    }
}

#[test]
fn the_tutorial_leads_from_nothing_to_a_closed_window() {
    walk("docs/tutorial.md", "tutorial", "");
}

/// What the integrator finds: a site file, a proxy that lets the nodes pass, and what the CA has sent.
const SITE_AT_HAND: &str = "set -e; export PATH=\"$PWD/target/debug:$PATH\"; lab up --nodes 3; cd \"$(mktemp -d)\"; lab site >site.yaml
portcullis render proxy --out handouts
lab exec proxy -- sh -c 'cat >/etc/squid/portcullis-exceptions.conf && systemctl reload squid' <handouts/squid-exceptions.conf
state=$(lab status | sed -n 's/^state in //p'); mkdir new
cp \"$state/tls/bundle.pem\" \"$state/tls/root.pem\" new/; cp \"$state/tls/key.pem\" new/server.key; set +e
";

#[test]
fn the_integrators_page_brings_a_cluster_into_service_and_back() {
    walk("docs/howto/integrator.md", "integrator", SITE_AT_HAND);
}

/// What the customer's engineer has: the lab's site, and the certificate as the CA sends it.
const FILES_OF_THE_CA: &str = "set -e; export PATH=\"$PWD/target/debug:$PATH\"; lab up --nodes 3; cd \"$(mktemp -d)\"; lab site >site.yaml
portcullis render proxy --out handouts
lab exec proxy -- sh -c 'cat >/etc/squid/portcullis-exceptions.conf && systemctl reload squid' <handouts/squid-exceptions.conf
state=$(lab status | sed -n 's/^state in //p'); mkdir certs
openssl crl2pkcs7 -nocrl -certfile \"$state/tls/bundle.pem\" -out certs/bundle.p7b; cp \"$state/tls/key.pem\" certs/server.key
ssh-keygen -q -t ed25519 -N '' -f ada; portcullis access open --who ada --for 1h --reason update --key ada.pub --yes; set +e
";

#[test]
fn the_customers_page_leads_from_a_request_to_a_shut_door() {
    walk("docs/howto/customer.md", "customer", FILES_OF_THE_CA);
}

/// The site of a customer who wants consent, and the keys of who asks and who consents.
const CONSENT_IS_WANTED: &str = "set -e; export PATH=\"$PWD/target/debug:$PATH\"; lab up --nodes 1; cd \"$(mktemp -d)\"; lab site >site.yaml
mkdir -p home/.ssh; export HOME=\"$PWD/home\"
eval \"$(ssh-agent -s)\" >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT
for who in ana carol; do ssh-keygen -q -t ed25519 -N '' -C '' -f $who; done; cp ana home/.ssh/id_ed25519; cp ana.pub home/.ssh/id_ed25519.pub; ssh-add -q ana
people=\"approvals: 1, approvers: [{name: carol, key: \\\"$(cat carol.pub)\\\"}], requesters: [{name: ana, key: \\\"$(cat ana.pub)\\\"}]\"
sed -i \"s|^access: {|access: {$people, |\" site.yaml; set +e
";
/// What others do once the vendor's engineer has asked.
const CONSENT_IS_GIVEN: &str = "ID=$(portcullis access list --output json | sed -n 's/.*\"id\": \"\\(w-[^\"]*\\)\".*/\\1/p' | head -n 1)
portcullis access approve \"$ID\" --sign-with carol --yes && portcullis access open --request \"$ID\" --yes || exit 98
";

#[test]
fn the_vendors_page_leads_through_a_window_and_out() {
    let page = std::fs::read_to_string("docs/howto/vendor.md").unwrap().replace("0198", "\"$ID\"");
    let mut blocks = blocks(&page);
    let Some(Block::Commands(asking)) = blocks.first_mut() else { panic!("{page}") };
    // One command more for the shell, though its reader does not see it.
    asking.push((CONSENT_IS_GIVEN.to_owned(), 0));
    walk_blocks("docs/howto/vendor.md", &blocks, "vendor", CONSENT_IS_WANTED);
}

#[test]
fn a_command_that_ends_otherwise_than_the_page_says_stops_the_walk() {
    let run = |page: &str| {
        let output = Command::new("bash").args(["-c", &script(&blocks(page))]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let sound = "x\n\n```sh\necho one\nfalse   # exit code 1: so it is\n```\n\n```text\none\n```\n\n```yaml\nno: command\n```\n";
    assert_eq!(blocks(sound).len(), 2);
    assert_eq!(run(sound).0, Some(0));
    let (code, said) = run("\n```sh\necho one\nfalse\necho two\n```\n");
    assert!(code == Some(99) && said.contains("false\nended with 1") && !said.contains("two"), "{said}");
}
