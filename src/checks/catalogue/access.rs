//! The way in: reached, logged in, root; and nothing wider than it must be.

use super::{CheckSpec, Moment, Team, Vantage};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: remote access";

const fn spec(id: &'static str, title: &'static str, fix: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, SOURCE).at(Vantage::Node).ask(Team::Access).mend(fix)
}

/// The whole way in.
pub static PATH: CheckSpec =
    spec("access.path", "Every machine is reached and logged in to", "open port 22 hop by hop, and put the key there").when(Moment::Always);
/// The key of the machine itself.
pub static HOST_KEY: CheckSpec = spec(
    "access.jump.hostkey",
    "Every machine shows the host key that is pinned",
    "compare the fingerprint with the machine's owner; then pin it under `host_keys`",
)
.when(Moment::Always);
/// Root.
pub static SUDO: CheckSpec = spec("access.sudo", "Root can be had on every node", "let the login user use sudo, or name `sudo_password`");
/// Keys, not passwords, at the jumphost.
pub static JUMP_KEY: CheckSpec = spec(
    "access.jump.key",
    "The jumphost takes keys alone",
    "on the jumphost: `PasswordAuthentication no` and `KbdInteractiveAuthentication no` in sshd_config",
)
.of(Severity::Warning)
.at(Vantage::Here);
/// Root does not log in.
pub static ROOT_LOGIN: CheckSpec =
    spec("access.root-login", "Root does not log in by a password", "`PermitRootLogin no`, or `prohibit-password`, in sshd_config")
        .of(Severity::Warning);
/// Keys, not passwords, at the nodes.
pub static PASSWORDS: CheckSpec =
    spec("access.passwords", "The nodes take keys alone", "`PasswordAuthentication no` in sshd_config; `portcullis apply harden`")
        .of(Severity::Warning);
/// Many connections at once.
pub static STARTUPS: CheckSpec =
    spec("access.startups", "sshd takes as many connections at once as a window needs", "`MaxStartups 10:30:100` in sshd_config")
        .of(Severity::Warning);
/// Nobody but the jumphost.
pub static ALLOWLIST: CheckSpec = spec(
    "access.allowlist",
    "The nodes' SSH port answers the jumphost alone",
    "let port 22 of the nodes be reached from the jumphost's address alone",
)
.of(Severity::Warning)
.ask(Team::Network)
.at(Vantage::Here);

/// No window, and nothing of one.
pub static CLOSED: CheckSpec = spec(
    "access.closed",
    "Every window is closed, and no way in is there that the ledger does not know of",
    "`portcullis access list --live` shows them, `portcullis access close --all` closes them",
)
.when(Moment::After);

/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[&CLOSED, &PATH, &HOST_KEY, &SUDO, &JUMP_KEY, &ROOT_LOGIN, &PASSWORDS, &STARTUPS, &ALLOWLIST];
/// What a node itself tells of its SSH service.
pub static SSHD: &[&CheckSpec] = &[&ROOT_LOGIN, &PASSWORDS, &STARTUPS];
