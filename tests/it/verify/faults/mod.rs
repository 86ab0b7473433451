//! Real faults on the lab's machines: each check that is named here finds its own, and nothing once it is mended.

mod balancer;
mod bare_machine;
mod connector;
mod files;
mod from_here;
mod health;
mod machines;
mod names;
mod other_makers;
mod outward;
mod virtual_machines;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::standing::{Run, Standing, Turn, turn};

/// Undoes a fault on a machine whatever became of the test.
struct Fault<'t> {
    turn: &'t Turn,
    machine: &'static str,
    undo: &'static str,
}

impl<'t> Fault<'t> {
    /// Makes it.
    #[track_caller]
    fn on(turn: &'t Turn, machine: &'static str, make: &str, undo: &'static str) -> Self {
        let fault = Self { turn, machine, undo };
        turn.shell(machine, make);
        fault
    }
}

impl Drop for Fault<'_> {
    fn drop(&mut self) {
        let undone = self.turn.lab.exec(self.machine, &["sh", "-ec", self.undo]);
        // A test that has failed already tells why by itself.
        assert!(std::thread::panicking() || undone.is_ok_and(|output| output.status.success()), "{}: {}", self.machine, self.undo);
    }
}

/// Where nginx takes up more of the appliance's own.
const MORE: &str = "/etc/nginx/appliance.d/portcullis-test.conf";
/// Takes it away.
const NO_MORE: &str = "rm -f /etc/nginx/appliance.d/portcullis-test.conf; systemctl reset-failed nginx; systemctl restart nginx";

/// The shell line that makes nginx serve these lines too.
fn serving(lines: &str) -> String {
    let lines = STANDARD.encode(lines);
    format!(
        "mkdir -p /etc/nginx/appliance.d; echo {lines} | base64 -d >{MORE}; nginx -t -q; systemctl reset-failed nginx; systemctl restart nginx"
    )
}

/// Whether a check found something whose subject begins so.
fn finds(run: &Run, id: &str, subject: &str) -> bool {
    run.findings().iter().any(|finding| finding["id"] == id && finding["subject"].as_str().unwrap().starts_with(subject))
}

/// Each of the checks finds something of the subject with the fault, and none of them without.
#[track_caller]
fn assert_provoked(ids: &[&str], subject: &str, with: &Run, without: &Run) {
    let silent: Vec<&&str> = ids.iter().filter(|id| !finds(with, id, subject)).collect();
    assert!(silent.is_empty(), "{silent:?} found nothing of {subject}:\n{}", with.stdout);
    let left: Vec<&&str> = ids.iter().filter(|id| finds(without, id, subject)).collect();
    assert!(left.is_empty(), "{left:?} find something of {subject} though it is mended:\n{}", without.stdout);
}

/// The site with these sections beside its own.
fn with(turn: &Standing, sections: &str) -> String {
    format!("{}{sections}", turn.site)
}
