//! By what sshd trusts windows: the CA, the principals' files, the list of revoked certificates, and the drop-in that
//! names them. The customer's own logins are not touched: sshd asks all of this of certificates alone.

use std::time::Duration;

use super::door::Look;
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
}

impl Trust {
    /// Trust in the CA with this public line; `krl` is the list of revoked certificates to begin with.
    pub fn new(ca: &str, krl: Vec<u8>) -> Self {
        Self { ca: format!("{ca}\n"), krl }
    }

    /// The list of revoked certificates to begin with. It is no part of the transaction: it changes with each closing.
    pub fn krl(&self) -> &[u8] {
        &self.krl
    }

    /// The CA's public line.
    pub fn authority(&self) -> &str {
        self.ca.trim_end()
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
    pub fn stands(&self, machine: &str, look: &Look) -> Result<bool, TrustProblem> {
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
        Ok(is_set && sum(CA).is_some() && sum(KRL).is_some() && sum(DROP_IN).is_some_and(|sum| sum == sha256_hex(DROP_IN_TEXT.as_bytes())))
    }

    /// What puts it there, checked by sshd itself before anything is reloaded, for logins to `account`.
    pub fn transaction(&self, run: RunId, owner: &str, look: &Look, account: &str) -> Transaction {
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
        place(DROP_IN, DROP_IN_TEXT.as_bytes());
        let meets = format!(
            "sshd -T -C {} | grep -qxi 'authorizedprincipalsfile {PRINCIPALS}' || {{ echo 'sshd does not read {DROP_IN}, or overrides it'; exit 1; }}",
            quote(&format!("user={account},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"))
        );
        let reload = "systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || kill -s HUP \"$(cat /run/sshd.pid)\"";
        let step = |text: &str| ("windows".to_owned(), text.to_owned());
        Transaction {
            run,
            owner: owner.to_owned(),
            placements,
            removals: Vec::new(),
            validations: vec![step("sshd -t"), step(&meets)],
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
        Trust::new("ssh-ed25519 AAAA", b"krl".to_vec())
    }

    #[test]
    fn a_fresh_machine_gets_trust_and_one_that_has_it_is_left_alone() {
        assert_eq!(trust().stands("a0-1", &look(&[])), Ok(false));
        let mut set = look(&[("trustedusercakeys", CA), ("authorizedprincipalsfile", PRINCIPALS), ("revokedkeys", KRL)]);
        let sums = [(CA, &b"ssh-ed25519 AAAA\n"[..]), (KRL, b"another"), (DROP_IN, DROP_IN_TEXT.as_bytes())];
        set.files = sums.map(|(path, content)| (path.to_owned(), Some(sha256_hex(content)))).into();
        assert_eq!(trust().stands("a0-1", &set), Ok(true));
        set.files.insert(DROP_IN.to_owned(), None);
        assert_eq!(trust().stands("a0-1", &set), Ok(false));
        let transaction = trust().transaction(RunId::parse("20261122T").unwrap(), "me", &set, "admin");
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
            let problem = trust().stands("a0-1", &look(&[(setting, "/etc/ssh/own")])).unwrap_err();
            assert_eq!(problem, TrustProblem::Taken { machine: "a0-1".to_owned(), setting: name, value: "/etc/ssh/own".to_owned() });
        }
        let mut other = look(&[]);
        other.files.insert(CA.to_owned(), Some(sha256_hex(b"ssh-ed25519 BBBB\n")));
        assert_eq!(trust().stands("a0-1", &other), Err(TrustProblem::OtherAuthority { machine: "a0-1".to_owned() }));
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
    fn an_sshd_that_could_not_keep_a_windows_promise_is_told_of() {
        let silent = trust().stands("a0-1", &look(&[("loglevel", "QUIET")]));
        assert_eq!(silent, Err(TrustProblem::Silent { machine: "a0-1".to_owned(), level: "QUIET".to_owned() }));
        let keyless = trust().stands("a0-1", &look(&[("pubkeyauthentication", "no")]));
        assert_eq!(keyless, Err(TrustProblem::NoKeys { machine: "a0-1".to_owned() }));
    }
}
