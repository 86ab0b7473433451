//! What `init` can see of its surroundings: what it proposes, and what it can try on the spot.
//!
//! The wizard reaches nothing by itself; the command line gives it one who does. Scripts get none: the same answers
//! give the same site file, whatever else there is on the machine.

use super::question::Section;
use super::question::has_role;
use crate::site::model::Site;

/// What was seen on this machine, as proposals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// A name for the site: the folder's.
    pub site: Option<String>,
    /// Jumphosts of the SSH client configuration, as an answer.
    pub hops: Option<String>,
    /// Machines behind them, as an answer.
    pub nodes: Option<String>,
    /// Key files, as an answer.
    pub identities: Option<String>,
    /// The proxy of the environment, without user and password.
    pub proxy: Option<String>,
    /// Certificate files in the folder, as an answer.
    pub certificates: Option<String>,
    /// The private key's file, where there is one in the folder.
    pub key: Option<String>,
    /// DNS names of the certificate in the folder.
    pub names: Vec<String>,
    /// Machines to which the SSH client configuration gives names of its own.
    pub aliases: Vec<Alias>,
}

/// A machine as the SSH client configuration calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// What it is called there.
    pub alias: String,
    /// The user there, if one is named.
    pub user: Option<String>,
    /// `ADDRESS[:PORT]`.
    pub place: String,
    /// The key file there, as an answer.
    pub identity: Option<String>,
}

impl Seen {
    /// An answer that names machines, `[NAME=][USER@]ADDRESS[:PORT]` with commas between, with addresses in the place of
    /// names that mean something on this machine alone: the site file is read elsewhere, too.
    pub(super) fn spelt_out(&self, text: &str) -> String {
        let spell = |item: &str| {
            let (name, rest) = item.split_once('=').map_or((None, item), |(name, rest)| (Some(name.trim()), rest.trim()));
            let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
            let Some(alias) = self.aliases.iter().find(|alias| alias.alias == host) else { return item.to_owned() };
            let name = name.map(|name| format!("{name}=")).unwrap_or_default();
            let user = user.or(alias.user.as_deref()).map(|user| format!("{user}@")).unwrap_or_default();
            format!("{name}{user}{}", alias.place)
        };
        text.split(',').map(str::trim).map(spell).collect::<Vec<_>>().join(", ")
    }

    /// Names that no label gives away: tenants.
    pub(super) fn other_names(&self) -> impl Iterator<Item = &String> {
        self.names.iter().filter(|name| !name.starts_with('*') && !name.split('.').next().is_some_and(has_role))
    }
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is as it should be.
    Good(String),
    /// It is not, or could not be tried.
    Bad {
        /// What, and where.
        what: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// An answer may be right, and does not look so: it is asked for once more.
    Doubt(String),
    /// A machine showed a host key that is not known yet.
    HostKey {
        /// The key under which it is pinned, such as `nodes[0].host_keys`.
        key: String,
        /// The machine, its address and the way to it.
        machine: String,
        /// Such as `ssh-ed25519`.
        algorithm: String,
        /// `SHA256:…`.
        fingerprint: String,
    },
}

/// Looks around, and tries out what was answered.
pub trait Surroundings {
    /// What can be proposed.
    fn seen(&mut self) -> Seen;

    /// What would be tried now that a section is answered, in a few words; `None` where there is nothing to try.
    fn trial(&self, section: Section, site: &Site) -> Option<String>;

    /// Tries it. Whatever comes of it, the conversation goes on.
    fn try_out(&mut self, section: Section, site: &Site) -> Vec<Told>;

    /// Somebody goes back: what was read or asked for in trials so far, secrets above all, may be another by now.
    fn forget(&mut self) {}
}

/// Sees nothing and tries nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn seen(&mut self) -> Seen {
        Seen::default()
    }

    fn trial(&self, _: Section, _: &Site) -> Option<String> {
        None
    }

    fn try_out(&mut self, _: Section, _: &Site) -> Vec<Told> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_alone_are_spelt_out() {
        let alias = Alias { alias: "gate".into(), user: Some("ops".into()), place: "10.0.0.9:2222".into(), identity: None };
        let seen = Seen { aliases: vec![alias], ..Seen::default() };
        for (typed, spelt) in [
            ("gate", "ops@10.0.0.9:2222"),
            ("me@gate", "me@10.0.0.9:2222"),
            ("way = gate,a@b.example:1", "way=ops@10.0.0.9:2222, a@b.example:1"),
            ("vpn", "vpn"),
        ] {
            assert_eq!(seen.spelt_out(typed), spelt);
        }
    }
}
