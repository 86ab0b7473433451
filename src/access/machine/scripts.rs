//! The shell that runs on a machine with a door: each call is sent what it needs, for a machine reads all of it.

use std::sync::LazyLock;

use crate::node::{quote, without_comments};

const ACCOUNT: &str = include_str!("sh/account.sh");
const CLOSER: &str = include_str!("sh/closer.sh");
const EVIDENCE: &str = include_str!("sh/evidence.sh");
const LOOK: &str = include_str!("sh/look.sh");
const OPENING: &str = include_str!("sh/opening.sh");
const RECORD: &str = include_str!("sh/record.sh");
const RECORDER: &str = include_str!("sh/recorder.sh");
const SESSIONS: &str = include_str!("sh/sessions.sh");
const SHUTTING: &str = include_str!("sh/shutting.sh");

/// Looks at the door.
pub(super) static TO_LOOK: LazyLock<String> = LazyLock::new(|| without_comments(&[CLOSER, LOOK]));
/// Opens a window. The closer is run here and left on the machine, where people may read it.
pub(super) static TO_OPEN: LazyLock<String> = LazyLock::new(|| {
    let closer = quote(&format!("{ACCOUNT}{SESSIONS}{CLOSER}"));
    format!("pcw_closer_text={closer}\neval \"$pcw_closer_text\"\n{}", without_comments(&[OPENING]))
});
/// Closes a window, and tells what sshd logged of it.
pub(super) static TO_SHUT: LazyLock<String> = LazyLock::new(|| without_comments(&[ACCOUNT, SESSIONS, CLOSER, EVIDENCE, SHUTTING]));
/// Prepares recording; follows what opens.
pub(super) static TO_RECORD: LazyLock<String> = LazyLock::new(|| {
    let recorder = quote(RECORDER);
    format!("pcw_recorder_text() {{ printf '%s' {recorder}; }}\n{}", without_comments(&[RECORD]))
});
/// Gives recordings away.
pub(super) static OF_RECORDINGS: LazyLock<String> = LazyLock::new(|| without_comments(&[CLOSER, RECORD]));
