//! A machine judged by what a longer look at it saw: drives, mounts, network, time service, SSH service, names.
//! Pure: facts in, outcomes out. What the look did not bring back could not be looked at, and is never green.

mod connector;
mod drives;
mod names;
mod network;
mod sshd;
mod system;
mod time;

pub use connector::{connector, connector_table};
pub use drives::{Drives, backup_drive, drives};
pub use names::{Asked, Known, Reasons, names, shown, unknown};
pub use network::{network, segment};
pub use sshd::sshd;
pub use system::system;
pub use time::{pairwise, time};

use crate::node::Facts;

/// Why there is nothing to judge: a program that the machine lacks, where it lacks one.
fn not_seen(facts: &Facts) -> String {
    let lacks: Vec<String> = facts.seen("lacks").map(|program| format!("`{program}`")).collect();
    if lacks.is_empty() {
        return "the look at the machine did not bring it back".to_owned();
    }
    format!("the machine lacks {}, so that nothing there tells; install what is missing", lacks.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::node::Facts;
    use crate::site::model::Site;

    /// Facts of a longer look.
    pub(super) fn facts(seen: &[(&str, &str)]) -> Facts {
        Facts { seen: seen.iter().map(|(key, what)| ((*key).to_owned(), (*what).to_owned())).collect(), ..Facts::default() }
    }

    /// A cluster of three, with further sections.
    pub(super) fn site(more: &str) -> Site {
        let text = format!(
            "site: a\nenvironment: production\nroute: {{vpn: true}}\nnodes:\n  - {{name: a0-1, address: 10.0.0.1}}\n  - {{name: a0-2, address: 10.0.0.2}}\n  - {{name: a0-3, address: 10.0.0.3}}\n{more}"
        );
        crate::site::parse(&text, std::path::Path::new("site.yaml")).unwrap()
    }

    /// Ids of what was found.
    pub(super) fn ids(outcomes: &[crate::checks::Outcome]) -> Vec<String> {
        crate::checks::spec::findings(outcomes).into_iter().map(|finding| finding.id).collect()
    }
}
