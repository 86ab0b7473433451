//! The engine on real machines: batches and gates, all or nothing, locks, runs that are taken up, drift and rollback.

mod batches;
mod compared;
mod dead;
mod drift;
mod locks;
mod taken_up;

use std::process::{Child, Command};

use super::stage::machine::Machine;
use super::stage::operator::Operator;

/// A file, then a command that waits in the midst of the commit until the test lets it go on.
const HELD: &str = "name: held\ntitle: held\nsteps:\n  - id: file\n    file: {path: /etc/small/file, src: small.txt}\n  - id: hold\n    \
                    command: {run: 'touch /run/small.held; until [ -e /run/small.go ]; do sleep 0.05; done'}\n";

fn send_signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// A run, with these arguments more, that has swapped its file on `node` and now waits in the midst of its commit.
fn held(node: &Machine, operator: &Operator, more: &[&str]) -> Child {
    operator.write("playbooks/held.yaml", HELD);
    let child = operator.start(&[&["apply", "held", "--yes"], more].concat());
    node.wait_until("[ -e /run/small.held ]");
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The newest run that a node keeps.
fn newest(node: &Machine) -> String {
    node.runs().last().unwrap().0.clone()
}
