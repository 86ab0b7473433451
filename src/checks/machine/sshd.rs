//! The SSH service as it says of itself (`sshd -T`): nobody comes in by a password, and a window's connections are taken.

use super::not_seen;
use crate::checks::catalogue::access::{PASSWORDS, ROOT_LOGIN, SSHD, STARTUPS};
use crate::checks::spec::{Outcome, Tally};
use crate::node::Facts;

/// Connections that a stock sshd takes at once before it begins to drop: what is less hinders a window.
const STARTUPS_AT_ONCE: u32 = 10;

/// Judges a machine's SSH service.
pub fn sshd(machine: &str, facts: &Facts) -> Vec<Outcome> {
    let mut tally = Tally::of(machine);
    let setting =
        |wanted: &str| facts.seen("sshd").find_map(|line| line.split_once(' ').filter(|(key, _)| *key == wanted).map(|(_, value)| value));
    if let Some(root) = setting("permitrootlogin") {
        if root == "yes" {
            let fix = "`PermitRootLogin prohibit-password` (or `no`) in sshd_config; `portcullis apply harden` does it";
            tally.found(&ROOT_LOGIN, "root may log in by a password (`PermitRootLogin yes`)", fix);
        } else {
            tally.passed(&ROOT_LOGIN, format!("PermitRootLogin {root}"));
        }
    }
    let taken: Vec<&str> =
        [("passwordauthentication", "PasswordAuthentication"), ("kbdinteractiveauthentication", "KbdInteractiveAuthentication")]
            .into_iter()
            .filter_map(|(key, name)| (setting(key) == Some("yes")).then_some(name))
            .collect();
    if setting("passwordauthentication").is_some() {
        if taken.is_empty() {
            tally.passed(&PASSWORDS, "keys alone");
        } else {
            let message = format!("passwords are taken ({} yes)", taken.join(" yes, "));
            tally.found(&PASSWORDS, message, format!("`{} no` in sshd_config; `portcullis apply harden` does it", taken.join(" no`, `")));
        }
    }
    if let Some(startups) = setting("maxstartups") {
        let begin = startups.split(':').next().and_then(|begin| begin.parse::<u32>().ok()).unwrap_or_default();
        if begin < STARTUPS_AT_ONCE {
            let message = format!("it drops connections where more than {begin} log in at once (`MaxStartups {startups}`)");
            tally.found(&STARTUPS, message, "`MaxStartups 10:30:100` in sshd_config, or no line at all");
        } else {
            tally.passed(&STARTUPS, format!("MaxStartups {startups}"));
        }
    }
    tally.complete(SSHD, &not_seen(facts))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids};
    use super::*;

    #[test]
    fn passwords_root_and_few_startups_are_found() {
        let judged = |settings: [&str; 4]| ids(&sshd("a0-1", &facts(&settings.map(|setting| ("sshd", setting)))));
        let well =
            ["permitrootlogin without-password", "passwordauthentication no", "kbdinteractiveauthentication no", "maxstartups 10:30:100"];
        assert_eq!(judged(well), Vec::<String>::new());
        let ill = ["permitrootlogin yes", "passwordauthentication no", "kbdinteractiveauthentication yes", "maxstartups 3:50:10"];
        assert_eq!(judged(ill), ["access.root-login", "access.passwords", "access.startups"]);
    }
}
