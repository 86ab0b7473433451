//! A node with a playbook whose files go from one version to the next, and programs that stop before a wanted step.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use super::Fault;
use crate::road::stage::machine::Fingerprint;
use crate::road::stage::operator::{Operator, Run, end_of};
use crate::road::stage::relay::Relay;
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::{Lent, lend_one, standing};

/// Programs by which a run changes a node: each call is a step.
const PROGRAMS: &str = "mkdir dd chmod ln cp sync mv rm systemctl systemd-run";

/// In such a program's place: counts the steps and stops at the wanted one, until it is told to go on.
const STOP: &str = r#"#!/bin/sh
# The login itself, before it is root, is no step of a run.
if [ -w /run/small.wanted ]; then
    read -r wanted </run/small.wanted
    read -r step </run/small.step
    step=$((step + 1))
    echo $step >/run/small.step
    if [ $step = $wanted ]; then
        echo "$0 $*" >/run/small.at
        until [ -e /run/small.go ]; do sleep 0.02; done
    fi
fi
exec "/usr/bin/${0##*/}" "$@"
"#;

/// What is not to be found on a node once a run is settled; one name a line.
const LEFT: &str = "ls -A /tmp /var/tmp /home/*/ /root | grep -i -e portcullis -e '^tmp[.]'; find /etc /usr/local /run -name '*.portcullis-*' -o -name 'portcullis-2*'; \
     cd /var/lib/portcullis/runs && find . \\( -name state.new -o -name new -o -name revert -o -name guard -o -name timer -o -name job \\) -print; \
     systemctl list-units --all --no-legend --plain 'portcullis-*'; true";

/// The files of the subject's playbook, each with the version that it is whole in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(pub(super) Vec<Option<u32>>);

/// A node in the midst of its versions.
pub(super) struct Subject {
    pub(super) node: Lent,
    operator: Operator,
    relay: Relay,
    before: Fingerprint,
    /// The version that stands.
    version: u32,
    guard: &'static str,
}

impl Subject {
    /// A node at version 1; where a step is `guarded`, the node takes back what is not confirmed.
    pub(super) fn new(is_guarded: bool) -> Self {
        let node = lend_one();
        // It is restarted more often than systemd would have it.
        node.sh(
            "mkdir -p /etc/systemd/system/cron.service.d && printf '[Unit]\\nStartLimitIntervalSec=0\\n' >/etc/systemd/system/cron.service.d/often.conf && \
             systemctl daemon-reload",
        );
        let mut site = SiteText::bare(&[&node]);
        let operator = Operator::with(&site);
        let relay = Relay::new();
        relay.lead(&mut site, &operator);
        let before = node.fingerprint_of("/etc /root /srv /opt /usr/local");
        for program in PROGRAMS.split(' ') {
            node.sh(&format!("cat >/usr/local/bin/{program} <<'X'\n{STOP}X\n/usr/bin/chmod 755 /usr/local/bin/{program}"));
        }
        let guard = if is_guarded { "    guard: 10s\n" } else { "" };
        let mut subject = Self { node, operator, relay, before, version: 0, guard };
        subject.offer(1);
        subject.apply().assert_code(0);
        subject.version = 1;
        subject
    }

    /// Runs and files on a small disk of their own, to be filled up.
    pub(super) fn on_small_disks(self) -> Self {
        self.node.sh(
            "for d in /var/lib/portcullis /etc/small; do cp -a $d /run/small.kept && mount -t tmpfs -o size=2M,nr_inodes=400 none $d && \
             cp -a /run/small.kept/. $d/ && rm -r /run/small.kept || exit 1; done",
        );
        self
    }

    /// So large that no block holds it, and different in each version.
    fn content(name: &str, version: u32) -> String {
        format!("{name} in version {version}\n").repeat(300)
    }

    /// What the playbook puts there in a version: the third file comes and goes.
    fn files_of(version: u32) -> Files {
        Files(vec![Some(version), Some(version), version.is_multiple_of(2).then_some(version)])
    }

    fn offer(&self, version: u32) {
        for name in ["a", "b", "c"] {
            self.operator.write(&format!("{name}.txt"), Self::content(name, version));
        }
        let third = if version.is_multiple_of(2) { "src: c.txt" } else { "state: absent" };
        self.operator.write(
            "playbooks/subject.yaml",
            format!(
                "name: subject\ntitle: t\nsteps:\n  - id: a\n{}    file: {{path: /etc/small/a, src: a.txt, mode: \"0640\"}}\n  \
                 - id: b\n    file: {{path: /etc/small/deep/b, src: b.txt}}\n  - id: c\n    file: {{path: /etc/small/c, {third}}}\n  \
                 - id: cron\n    service: {{name: cron, validate: grep -q version /etc/small/a, on_change: restart}}\n",
                self.guard
            ),
        );
    }

    fn apply(&self) -> Run {
        self.operator.run(&["apply", "subject", "--yes"])
    }

    /// How many steps a run has.
    pub(super) fn count_steps(&mut self) -> usize {
        self.stop_at(0);
        self.offer(self.version + 1);
        self.apply().assert_code(0);
        self.version += 1;
        self.node.sh("cat /run/small.step").trim().parse().unwrap()
    }

    fn stop_at(&self, step: usize) {
        self.node.sh(&format!("/usr/bin/rm -f /run/small.*; echo 0 >/run/small.step; echo {step} >/run/small.wanted"));
    }

    /// What stands; every file has to be whole.
    #[track_caller]
    pub(super) fn files(&self, told: &str) -> Files {
        let text = self.node.sh("for f in a deep/b c; do if [ -e /etc/small/$f ]; then stat -c %a,%s /etc/small/$f; sort -u /etc/small/$f; else echo; echo; fi; done");
        let mut lines = text.lines();
        let mut next = |name: &str, mode: &str| {
            let (attributes, line) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            if attributes.is_empty() {
                return None;
            }
            let version = line.rsplit(' ').next().and_then(|word| word.parse().ok());
            let version = version.unwrap_or_else(|| panic!("{told}: {name} is torn: {text}"));
            assert_eq!(attributes, format!("{mode},{}", Self::content(name, version).len()), "{told}: {name} is torn: {text}");
            Some(version)
        };
        Files(vec![next("a", "640"), next("b", "644"), next("c", "644")])
    }

    /// A run to the next version meets `fault` at `step`; afterwards all is as it has to be. Says where it was.
    pub(super) fn meet(&mut self, step: usize, fault: Fault) -> String {
        self.offer(self.version + 1);
        self.stop_at(step);
        let mut child = self.operator.start(&["apply", "subject", "--yes"]);
        let at = self.wait_for_step(&mut child);
        let told = format!("{fault:?} at step {step} ({at}) of version {}", self.version + 1);
        let ended = self.strike(fault, child);
        self.settle(&told, ended.as_ref());
        at
    }

    /// A run to the next version, whose client is killed once it has told so many events; how many it told.
    pub(super) fn events(&mut self, wanted: usize) -> usize {
        self.offer(self.version + 1);
        let mut child = self.operator.start(&["apply", "subject", "--yes", "--output", "json"]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told: Vec<String> = lines.take(wanted).collect();
        if told.len() < wanted {
            child.wait().unwrap();
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.settle(&format!("killed after event {wanted}: {}", told.last().map_or("", String::as_str)), None);
        told.len()
    }

    fn wait_for_step(&self, child: &mut Child) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let at = self.node.sh("cat /run/small.at 2>/dev/null; true");
            // A run may have fewer steps than the one that was counted.
            if !at.is_empty() || child.try_wait().unwrap().is_some() {
                return at.trim().chars().take(100).collect();
            }
            assert!(Instant::now() < deadline, "{}: the step is not reached", self.node.name);
        }
    }

    /// Lets the fault happen and the node go on; how the client ended, where it lived to tell.
    fn strike(&self, fault: Fault, mut child: Child) -> Option<Run> {
        let lab = &standing().lab;
        let go = || self.node.sh("touch /run/small.go");
        match fault {
            Fault::ClientKilled => {
                child.kill().unwrap();
                child.wait().unwrap();
                go();
                return None;
            }
            Fault::BothLost => {
                child.kill().unwrap();
                child.wait().unwrap();
                lab.crash(&self.node.name).unwrap();
                return None;
            }
            Fault::WayCut => {
                self.relay.cut();
                go();
            }
            Fault::LinkDead => {
                lab.cut(&self.node.name).unwrap();
                go();
                std::thread::sleep(Duration::from_secs(1));
                lab.heal(&self.node.name).unwrap();
            }
            Fault::PowerLost => lab.crash(&self.node.name).unwrap(),
            Fault::DiskFull => {
                self.node.sh(
                    "for d in /var/lib/portcullis /etc/small; do head -c 4M /dev/zero >$d/filler; done 2>/dev/null; touch /run/small.go",
                );
                let run = end_of(child);
                self.node.sh("/usr/bin/rm /var/lib/portcullis/filler /etc/small/filler");
                return Some(run);
            }
        }
        Some(end_of(child))
    }

    /// The node settles; what was said is true; `status` and the next run do what they have to.
    #[track_caller]
    fn settle(&mut self, told: &str, ended: Option<&Run>) {
        self.node.wait_until("! grep -qsx guarded /var/lib/portcullis/runs/*/state && { [ ! -e /run/portcullis.lock ] || flock -n /run/portcullis.lock true; }");
        let (old, new) = (Self::files_of(self.version), Self::files_of(self.version + 1));
        let found = self.files(told);
        for ((found, old), new) in found.0.iter().zip(&old.0).zip(&new.0) {
            assert!(found == old || found == new, "{told}: {found:?}");
        }
        if let Some(run) = ended {
            let said = |words: &str| run.stderr.contains(words);
            match run.code {
                Some(0) => assert_eq!(found, new, "{told}: {}", run.stderr),
                Some(1) if said("NOT as before") || said("not known") || said("out of reach") => {}
                Some(1) => assert!(said("stands as before") && found == old, "{told}: {found:?} {}", run.stderr),
                Some(6) => assert_eq!(found, old, "{told}: {}", run.stderr),
                other => panic!("{told}: {other:?} {}", run.stderr),
            }
        }
        let broken = self.node.runs().iter().any(|(_, state)| state == "committing" || state == "staging");
        let status = self.operator.run(&["status", "--output", "json"]);
        let json: serde_json::Value = serde_json::from_str(&status.assert_code(0).stdout).unwrap();
        assert_eq!(json["nodes"][0]["broken_off"].is_string(), broken, "{told}: {json}");
        self.node.sh("/usr/bin/rm -f /run/small.*");
        let next = self.operator.run(&["apply", "subject", "--yes", "--wait=30s"]);
        assert_eq!(next.code, Some(0), "{told}: {}{}", next.stdout, next.stderr);
        self.version += 1;
        assert_eq!(self.files(told), new, "{told}: {}", next.stdout);
        // Of a run that was done, what it staged is taken away by the next that has something to do.
        if !next.stdout.starts_with("nothing to change") {
            assert_eq!(self.node.sh(LEFT), "", "{told}: something is left");
        }
    }

    /// Everything is put away; the node is as it was lent.
    pub(super) fn end(self) {
        self.node.sh(&format!(
            "cd /usr/local/bin && rm {PROGRAMS}; mountpoint -q /etc/small && umount /etc/small /var/lib/portcullis; rm -rf /etc/small; systemctl restart cron"
        ));
        self.before.assert_same(&self.node.fingerprint_of("/etc /root /srv /opt /usr/local"));
        self.operator.run(&["audit", "verify"]).assert_code(0);
    }
}
