//! By what sshd trusts windows: the CA, the principals' files, the list of revoked certificates, and the drop-in that
//! names them. The customer's own logins are not touched: sshd asks all of this of certificates alone.

use std::time::Duration;

use super::door::Look;
use super::doorway::Usage;
use crate::node::{Action, Expected, Guard, Placement, RunId, Transaction, quote, sha256_hex};

pub(super) const CA: &str = "/etc/ssh/portcullis/user_ca.pub";
const KRL: &str = "/etc/ssh/portcullis/krl";
const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-portcullis-windows.conf";
const PRINCIPALS: &str = "/etc/ssh/portcullis/principals/%u";

/// How long a machine waits for us to come back by a new login before it takes the change of its sshd back.
const GUARD: Duration = Duration::from_mins(1);

/// `%u`: without it a principal would open every account.
const DROP_IN_TEXT: &str = "# Windows of Portcullis: certificates of this CA are let in while a window has put a principal into place.\n\
     TrustedUserCAKeys /etc/ssh/portcullis/user_ca.pub\n\
     AuthorizedPrincipalsFile /etc/ssh/portcullis/principals/%u\n\
     RevokedKeys /etc/ssh/portcullis/krl\n";

/// What goes before the shell of an account that only windows use, so that nothing of its home folder runs before its sessions
/// are recorded: a shell that sshd starts reads start-up files from there, whatever it is told to run.
const NO_HOME: &str = "    SetEnv HOME=/nonexistent ZDOTDIR=/nonexistent XDG_CONFIG_HOME=/nonexistent BASH_ENV=/dev/null ENV=/dev/null LD_PRELOAD= \
     LD_AUDIT= LD_LIBRARY_PATH= PATH=/usr/local/bin:/usr/bin:/bin\n";

/// Why windows cannot be trusted on a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustProblem {
    /// Its sshd has a setting of the customer's own in the same place.
    #[error("{machine}: its sshd has `{setting} {value}` already, which windows would have to replace")]
    Taken {
        /// The machine.
        machine: String,
        /// sshd's setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// It trusts another CA for windows.
    #[error("{machine}: it trusts another user CA for windows ({CA})")]
    OtherAuthority {
        /// The machine.
        machine: String,
    },
    /// Its sshd does not log who comes in, so that sessions could not be found again.
    #[error("{machine}: its sshd logs at `LogLevel {level}`, and sessions could not be found and ended")]
    Silent {
        /// The machine.
        machine: String,
        /// Its level.
        level: String,
    },
    /// There is nobody there to log in as.
    #[error("{machine}: there is no account `{account}` to log in to")]
    NoAccount {
        /// The machine.
        machine: String,
        /// The account.
        account: String,
    },
    /// Its sshd lets in members of some groups alone.
    #[error("{machine}: its sshd lets in the group {groups} alone, and `{account}` is not in it")]
    NotAdmitted {
        /// The machine.
        machine: String,
        /// The account.
        account: String,
        /// The groups.
        groups: String,
    },
    /// Its SSH server does not know what ends a window by itself.
    #[error("{machine}: its SSH server ({version}) knows no principal with an end (`expiry-time`, OpenSSH 7.7)")]
    TooOld {
        /// The machine.
        machine: String,
        /// What it calls itself.
        version: String,
    },
    /// It takes no keys.
    #[error("{machine}: its sshd takes no public keys (`PubkeyAuthentication no`)")]
    NoKeys {
        /// The machine.
        machine: String,
    },
    /// Its configuration cannot be read.
    #[error("{machine}: its sshd's configuration is broken: {said}")]
    Broken {
        /// The machine.
        machine: String,
        /// What sshd says.
        said: String,
    },
}

impl TrustProblem {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Taken { machine, setting, .. } => {
                format!(
                    "windows need `{setting}` for themselves; move what uses it on {machine} into a Match block that windows' accounts do not meet, or leave {machine} out with --node"
                )
            }
            Self::OtherAuthority { machine } => {
                format!(
                    "use the CA that the site's other operators use (`access.ca_key`); where that one is gone for good, remove {CA} on {machine}"
                )
            }
            Self::Silent { machine, .. } => format!("set `LogLevel INFO` in the sshd configuration of {machine}"),
            Self::NoAccount { machine, account } => {
                format!("make it there (useradd -m {account}), or name another one in `access.account`; {machine} is left as it is")
            }
            Self::NotAdmitted { machine, account, groups } => {
                let group = groups.split(", ").next().unwrap_or_default();
                format!("let it in on {machine}: usermod -aG {group} {account}")
            }
            Self::TooOld { machine, .. } => format!("install OpenSSH 7.7 or later on {machine}, or leave it out with --node"),
            Self::NoKeys { machine } => format!("set `PubkeyAuthentication yes` in the sshd configuration of {machine}"),
            Self::Broken { machine, .. } => format!("run `sshd -t` on {machine}"),
        })
    }
}

/// What a machine needs to trust windows.
#[derive(Debug, Clone)]
pub struct Trust {
    ca: String,
    krl: Vec<u8>,
    is_recorded: bool,
}

impl Trust {
    /// Trust in the CA with this public line; `krl` is the list of revoked certificates to begin with, `is_recorded` whether
    /// sessions of windows are.
    pub fn new(ca: &str, krl: Vec<u8>, is_recorded: bool) -> Self {
        Self { ca: format!("{ca}\n"), krl, is_recorded }
    }

    // A key that a window's person leaves in an account of windows' own must not be a way in beside them. And what a principal's
    // line says of forwarding is of addresses and ports alone: by sockets in the file system a certificate that forwards would reach
    // whatever the account may talk to on the jumphost.
    fn drop_in(&self, account: &str, usage: Usage) -> String {
        match usage {
            Usage::Shared => return DROP_IN_TEXT.to_owned(),
            Usage::Forwards => {
                return format!(
                    "{DROP_IN_TEXT}# A window forwards to its nodes and to nothing else.\nMatch User {account}\n    AllowStreamLocalForwarding no\n"
                );
            }
            Usage::Own => {}
        }
        let no_home = if self.is_recorded { NO_HOME } else { "" };
        format!(
            "{DROP_IN_TEXT}# Nobody logs in to this account but by a window.\nMatch User {account}\n    AuthenticationMethods publickey\n    \
             AuthorizedKeysFile none\n    AuthorizedKeysCommand none\n    PermitUserRC no\n{no_home}"
        )
    }

    /// The list of revoked certificates to begin with. It is no part of the transaction: it changes with each closing.
    pub fn krl(&self) -> &[u8] {
        &self.krl
    }

    /// The CA's public line.
    pub fn authority(&self) -> &str {
        self.ca.trim_end()
    }

    /// Whether the server with this version line honours a window's end. One that knows certificates and no `expiry-time` lets
    /// nobody in by such a line, and keys knew the word no earlier: there is nothing to fall back to.
    pub fn must_know_ends(machine: &str, version: &str) -> Result<(), TrustProblem> {
        let numbers = version.split_once("OpenSSH_").map(|(_, rest)| rest.split(|letter: char| !letter.is_ascii_digit()));
        let release =
            numbers.map(|mut numbers| [(); 2].map(|()| numbers.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0)));
        if release.is_some_and(|release| release < [7, 7]) || version.contains("dropbear") {
            return Err(TrustProblem::TooOld { machine: machine.to_owned(), version: version.trim_start_matches("SSH-2.0-").to_owned() });
        }
        Ok(())
    }

    /// Whether windows can log in to `account` at all: no certificate helps against sshd's `AllowGroups`.
    pub fn must_admit(machine: &str, account: &str, look: &Look) -> Result<(), TrustProblem> {
        let (machine, account) = (machine.to_owned(), account.to_owned());
        if look.groups.is_empty() {
            return Err(TrustProblem::NoAccount { machine, account });
        }
        // A pattern may mean anything; sshd itself will tell.
        let may_hold = |allowed: &String| allowed.contains(['*', '?', '!']) || look.groups.contains(allowed);
        if look.allowed_groups.is_empty() || look.allowed_groups.iter().any(may_hold) {
            return Ok(());
        }
        Err(TrustProblem::NotAdmitted { machine, account, groups: look.allowed_groups.join(", ") })
    }

    /// Whether everything stands as windows need it; else whether it may be put there.
    pub fn stands(&self, machine: &str, look: &Look, (account, usage): (&str, Usage)) -> Result<bool, TrustProblem> {
        let machine = || machine.to_owned();
        let value = |setting: &str| look.sshd.get(setting).map(String::as_str).unwrap_or_default();
        if let Some(said) = look.sshd.get("broken") {
            return Err(TrustProblem::Broken { machine: machine(), said: said.clone() });
        }
        if value("pubkeyauthentication") == "no" {
            return Err(TrustProblem::NoKeys { machine: machine() });
        }
        if let level @ ("QUIET" | "FATAL" | "ERROR") = value("loglevel") {
            return Err(TrustProblem::Silent { machine: machine(), level: level.to_owned() });
        }
        let wanted = [("trustedusercakeys", CA), ("authorizedprincipalsfile", PRINCIPALS), ("revokedkeys", KRL)];
        let names = [
            ("trustedusercakeys", "TrustedUserCAKeys"),
            ("authorizedprincipalsfile", "AuthorizedPrincipalsFile"),
            ("revokedkeys", "RevokedKeys"),
        ];
        for ((setting, ours), (_, setting_name)) in wanted.into_iter().zip(names) {
            let found = value(setting);
            if !matches!(found, "" | "none") && found != ours {
                return Err(TrustProblem::Taken { machine: machine(), setting: setting_name, value: found.to_owned() });
            }
        }
        let sum = |path: &str| look.files.get(path).cloned().flatten();
        if sum(CA).is_some_and(|sum| sum != sha256_hex(self.ca.as_bytes())) {
            return Err(TrustProblem::OtherAuthority { machine: machine() });
        }
        let is_set = wanted.iter().all(|(setting, ours)| value(setting) == *ours);
        let drop_in = sha256_hex(self.drop_in(account, usage).as_bytes());
        Ok(is_set && sum(CA).is_some() && sum(KRL).is_some() && sum(DROP_IN).is_some_and(|sum| sum == drop_in))
    }

    /// What puts it there, checked by sshd itself before anything is reloaded, for logins to `account`.
    pub fn transaction(&self, run: RunId, owner: &str, look: &Look, (account, usage): (&str, Usage)) -> Transaction {
        let mut placements = Vec::new();
        let mut place = |path: &str, content: &[u8]| {
            placements.push(Placement {
                step: "windows".to_owned(),
                path: path.to_owned(),
                content: content.to_vec().into(),
                mode: "0644".to_owned(),
                owner: "root:root".to_owned(),
                expected: look.files.get(path).cloned().flatten().map_or(Expected::Absent, Expected::Sha256),
            });
        };
        place(CA, self.ca.as_bytes());
        place(DROP_IN, self.drop_in(account, usage).as_bytes());
        let meets = |setting: &str| {
            format!(
                "sshd -T -C {} | grep -qxi '{setting}' || {{ echo 'sshd does not read {DROP_IN}, or overrides it'; exit 1; }}",
                quote(&format!("user={account},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"))
            )
        };
        let mut validations = vec!["sshd -t".to_owned(), meets(&format!("authorizedprincipalsfile {PRINCIPALS}"))];
        match usage {
            Usage::Own => validations.push(meets("authorizedkeysfile none")),
            Usage::Forwards => validations.push(meets("allowstreamlocalforwarding no")),
            Usage::Shared => {}
        }
        let reload = "systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || kill -s HUP \"$(cat /run/sshd.pid)\"";
        let step = |text: &str| ("windows".to_owned(), text.to_owned());
        Transaction {
            run,
            owner: owner.to_owned(),
            placements,
            removals: Vec::new(),
            validations: validations.iter().map(|text| step(text)).collect(),
            actions: vec![("windows".to_owned(), Action::Refresh(reload.to_owned()))],
            guard: Some(Guard { within: GUARD }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(settings: &[(&str, &str)]) -> Look {
        let mut look = Look::default();
        for (setting, value) in
            [("pubkeyauthentication", "yes"), ("loglevel", "INFO"), ("trustedusercakeys", "none")].iter().chain(settings)
        {
            look.sshd.insert((*setting).to_owned(), (*value).to_owned());
        }
        look
    }

    fn trust() -> Trust {
        Trust::new("ssh-ed25519 AAAA", b"krl".to_vec(), false)
    }

    const ADMIN: (&str, Usage) = ("admin", Usage::Shared);

    #[test]
    fn a_fresh_machine_gets_trust_and_one_that_has_it_is_left_alone() {
        assert_eq!(trust().stands("a0-1", &look(&[]), ADMIN), Ok(false));
        let mut set = look(&[("trustedusercakeys", CA), ("authorizedprincipalsfile", PRINCIPALS), ("revokedkeys", KRL)]);
        let sums = [(CA, &b"ssh-ed25519 AAAA\n"[..]), (KRL, b"another"), (DROP_IN, DROP_IN_TEXT.as_bytes())];
        set.files = sums.map(|(path, content)| (path.to_owned(), Some(sha256_hex(content)))).into();
        assert_eq!(trust().stands("a0-1", &set, ADMIN), Ok(true));
        set.files.insert(DROP_IN.to_owned(), None);
        assert_eq!(trust().stands("a0-1", &set, ADMIN), Ok(false));
        let transaction = trust().transaction(RunId::parse("20261122T").unwrap(), "me", &set, ADMIN);
        let paths: Vec<&str> = transaction.placements.iter().map(|placement| placement.path.as_str()).collect();
        assert_eq!(paths, [CA, DROP_IN], "a list of revoked certificates is not replaced by an older one");
    }

    #[test]
    fn what_the_customer_has_set_is_not_overridden() {
        for (setting, name) in [
            ("trustedusercakeys", "TrustedUserCAKeys"),
            ("authorizedprincipalsfile", "AuthorizedPrincipalsFile"),
            ("revokedkeys", "RevokedKeys"),
        ] {
            let problem = trust().stands("a0-1", &look(&[(setting, "/etc/ssh/own")]), ADMIN).unwrap_err();
            assert_eq!(problem, TrustProblem::Taken { machine: "a0-1".to_owned(), setting: name, value: "/etc/ssh/own".to_owned() });
        }
        let mut other = look(&[]);
        other.files.insert(CA.to_owned(), Some(sha256_hex(b"ssh-ed25519 BBBB\n")));
        assert_eq!(trust().stands("a0-1", &other, ADMIN), Err(TrustProblem::OtherAuthority { machine: "a0-1".to_owned() }));
    }

    #[test]
    fn an_account_that_sshd_lets_in_nowhere_is_told_of_with_what_to_do() {
        let admit = |allowed: &[&str], groups: &[&str]| {
            let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let look = Look { allowed_groups: texts(allowed), groups: texts(groups), ..Look::default() };
            Trust::must_admit("a0-1", "support", &look).map_err(|problem| problem.help().unwrap())
        };
        assert_eq!(admit(&[], &["support"]), Ok(()));
        assert_eq!(admit(&["wheel", "portcullis-ssh"], &["support", "portcullis-ssh"]), Ok(()));
        assert_eq!(admit(&["port*"], &["support"]), Ok(()));
        assert!(admit(&["portcullis-ssh"], &["support"]).unwrap_err().ends_with("usermod -aG portcullis-ssh support"));
        assert!(admit(&[], &[]).unwrap_err().contains("useradd -m support"));
    }

    #[test]
    fn a_server_that_knows_no_end_of_a_principal_is_told_of() {
        for (version, knows) in [
            ("SSH-2.0-OpenSSH_7.6p1 Ubuntu-4ubuntu0.7", false),
            ("SSH-2.0-OpenSSH_5.3", false),
            ("SSH-2.0-dropbear_2022.83", false),
            ("SSH-2.0-OpenSSH_7.7", true),
            ("SSH-2.0-OpenSSH_10.0p2", true),
            ("SSH-2.0-server", true),
        ] {
            assert_eq!(Trust::must_know_ends("a0-1", version).is_ok(), knows, "{version}");
        }
    }

    #[test]
    fn who_logs_in_to_an_account_of_windows_own_is_told_to_sshd() {
        let recorded = Trust::new("ssh-ed25519 AAAA", b"krl".to_vec(), true);
        assert_eq!(recorded.drop_in("admin", Usage::Shared), DROP_IN_TEXT);
        assert!(recorded.drop_in("ops", Usage::Forwards).ends_with("\nMatch User ops\n    AllowStreamLocalForwarding no\n"));
        let own = recorded.drop_in("guest", Usage::Own);
        assert!(own.starts_with(DROP_IN_TEXT) && own.contains("\nMatch User guest\n    AuthenticationMethods publickey\n"), "{own}");
        assert!(own.contains(" HOME=/nonexistent ") && !trust().drop_in("guest", Usage::Own).contains("HOME="), "{own}");
    }

    #[test]
    fn an_sshd_that_could_not_keep_a_windows_promise_is_told_of() {
        let silent = trust().stands("a0-1", &look(&[("loglevel", "QUIET")]), ADMIN);
        assert_eq!(silent, Err(TrustProblem::Silent { machine: "a0-1".to_owned(), level: "QUIET".to_owned() }));
        let keyless = trust().stands("a0-1", &look(&[("pubkeyauthentication", "no")]), ADMIN);
        assert_eq!(keyless, Err(TrustProblem::NoKeys { machine: "a0-1".to_owned() }));
    }
}
