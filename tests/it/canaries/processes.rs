//! Processes, looked at again and again: their arguments and environments, here and on a machine of the lab.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use portcullis_lab::Lab;

use super::forms::Haystack;

/// The name of the haystack of the environments here.
pub(super) const ENVIRONMENTS: &str = "the environments here";

/// The arguments and the environments of all processes of this machine.
pub(super) struct Here {
    enough: Arc<AtomicBool>,
    looking: JoinHandle<[BTreeSet<Vec<u8>>; 2]>,
}

impl Here {
    pub(super) fn start() -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&enough);
        let looking = std::thread::spawn(move || {
            let mut seen = [BTreeSet::new(), BTreeSet::new()];
            while !flag.load(Ordering::Relaxed) {
                look(&mut seen);
                std::thread::sleep(Duration::from_millis(2));
            }
            seen
        });
        Self { enough, looking }
    }

    /// Arguments first.
    pub(super) fn stop(self) -> [Haystack; 2] {
        self.enough.store(true, Ordering::Relaxed);
        let [arguments, environments] = self.looking.join().unwrap().map(|seen| seen.into_iter().collect::<Vec<_>>().join(&b'\n'));
        [
            Haystack { name: "the processes here".to_owned(), bytes: arguments },
            Haystack { name: ENVIRONMENTS.to_owned(), bytes: environments },
        ]
    }
}

fn look([arguments, environments]: &mut [BTreeSet<Vec<u8>>; 2]) {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    for process in processes.filter(|path| path.join("cmdline").is_file()) {
        // A process may be gone by now.
        for (name, seen) in [("cmdline", &mut *arguments), ("environ", &mut *environments)] {
            seen.extend(std::fs::read(process.join(name)).unwrap_or_default().split(|byte| *byte == 0).map(<[u8]>::to_vec));
        }
    }
}

const SAMPLER: &str = "rm -f /run/canary.*; setsid sh -c 'until [ -e /run/canary.enough ]; do \
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; echo; sleep 0.03; done | tr \"\\000\" \"\\n\" | \
    awk \"!seen[\\$0]++ { print; fflush() }\" >/run/canary.seen; : >/run/canary.done' >/dev/null 2>&1 </dev/null &";

/// Begins to look at the processes of a machine.
pub(super) fn watch(lab: &Lab, machine: &str) {
    sh(lab, machine, SAMPLER);
    sh(lab, machine, "until [ -s /run/canary.seen ]; do sleep 0.05; done");
}

/// Ends it: what was seen.
pub(super) fn seen(lab: &Lab, machine: &str) -> Haystack {
    let bytes = sh(
        lab,
        machine,
        "touch /run/canary.enough; until [ -e /run/canary.done ]; do sleep 0.05; done; cat /run/canary.seen; rm /run/canary.*",
    );
    Haystack { name: format!("the processes of {machine}"), bytes }
}

/// Runs a shell command as root on a machine; its standard output.
#[track_caller]
pub(super) fn sh(lab: &Lab, machine: &str, script: &str) -> Vec<u8> {
    let output = lab.exec(machine, &["sh", "-c", script]).unwrap();
    assert!(output.status.success(), "{machine}: `{script}`: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
