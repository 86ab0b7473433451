//! Guarded steps: what cuts the way in is taken back by the node, with the client alive or not, through a reboot or not.

mod alone;
mod cut_off;
mod harden;

use super::stage::machine::{Fingerprint, Machine};
use super::stage::operator::Operator;
use super::stage::site_text::SiteText;

/// A change that cuts the way in: a file, and the service that takes it up.
pub(super) struct Cut {
    /// Where it goes.
    pub(super) path: &'static str,
    /// What makes it out of what stands there, on the node.
    pub(super) made_by: &'static str,
    /// The step that takes it up, or none.
    pub(super) taken_up_by: &'static str,
}

pub(super) const LISTENS_ELSEWHERE: Cut = Cut {
    path: "/etc/ssh/sshd_config.d/10-small.conf",
    made_by: "echo ListenAddress 127.0.0.1",
    taken_up_by: "service: {name: ssh, validate: sshd -t, on_change: restart}",
};
pub(super) const PAM_DENIES: Cut =
    Cut { path: "/etc/pam.d/sshd", made_by: "echo account required pam_deny.so; cat /etc/pam.d/sshd", taken_up_by: "" };
pub(super) const FIREWALL_DROPS: Cut = Cut {
    path: "/etc/nftables.conf",
    made_by: "echo 'flush ruleset'; echo 'table inet small { chain in { type filter hook input priority 0; ip saddr 10.77.0.0/24 drop; }; }'",
    taken_up_by: "service: {name: nftables, validate: nft -c -f /etc/nftables.conf, on_change: reload}",
};
pub(super) const NETWORK_MOVES: Cut = Cut {
    path: "/etc/systemd/network/10-host0.network",
    made_by: "sed 's/10[.]77[.]0[.]/10.78.0./' /etc/systemd/network/10-host0.network",
    // A restart alone would let the old address stay beside the new one.
    taken_up_by: "command: {run: networkctl reload && networkctl reconfigure host0, again_on_undo: true}",
};

impl Cut {
    /// An operator with this change as playbook `cut`, guarded for so long.
    pub(super) fn operator(&self, node: &Machine, guard: &str) -> Operator {
        let operator = Operator::with(&SiteText::bare(&[node]));
        operator.write("cut.conf", node.sh(self.made_by));
        let service = if self.taken_up_by.is_empty() { String::new() } else { format!("  - id: take-up\n    {}\n", self.taken_up_by) };
        let playbook = format!(
            "name: cut\ntitle: cut\nsteps:\n  - id: cut\n    guard: {guard}\n    file: {{path: {}, src: cut.conf}}\n{service}",
            self.path
        );
        operator.write("playbooks/cut.yaml", playbook);
        operator
    }
}

/// Everything that a guarded run might leave behind, beside the runs themselves.
pub(super) fn stand(node: &Machine) -> Fingerprint {
    node.fingerprint()
}

/// The node as before, nothing armed any more, and a login as ever.
#[track_caller]
pub(super) fn assert_back(node: &Machine, before: &Fingerprint, operator: &Operator) {
    before.assert_same(&stand(node));
    assert_nothing_armed(node);
    operator.run(&["plan", "small"]).assert_code(4);
}

#[track_caller]
pub(super) fn assert_nothing_armed(node: &Machine) {
    let units = node.sh("systemctl list-units --all --no-legend --plain 'portcullis-*'");
    assert_eq!(units, "");
    assert_eq!(
        node.sh("ls -A /var/lib/portcullis/runs/*/ | grep -x -e guard -e revert -e timer -e job; ls -A /tmp | grep portcullis; true"),
        ""
    );
}

/// Whether the newest run of the node is in this state.
pub(super) fn wait_for_state(node: &Machine, state: &str) {
    node.wait_until(&format!("cd /var/lib/portcullis/runs && set -- * && shift $(($# - 1)) && grep -qx {state} \"$1/state\""));
}
