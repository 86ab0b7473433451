//! What can be looked at on this machine alone: the files and secrets that the site file names, and the checks themselves.

use super::{CheckSpec, Moment};
use crate::finding::Severity;

const SECURITY: &str = "Security and Access";

/// A look that failed. Never green, and never silent.
pub static NOT_RUN: CheckSpec = CheckSpec::new("check.not-run", "Every check could be run", "every requirement")
    .of(Severity::Warning)
    .when(Moment::Always)
    .mend("mend what keeps it from being run, then run the command again");
/// A waiver that has ended, or that waives nothing.
pub static WAIVER: CheckSpec = CheckSpec::new("check.waiver", "Every waiver counts still", "every requirement")
    .of(Severity::Warning)
    .mend("mend what was waived, or have the waiver renewed: `waivers` in the site file");
/// Every file of the site file is there.
pub static FILES: CheckSpec =
    CheckSpec::new("site.files", "Every file that the site file names can be read, and holds what it is named for", SECURITY)
        .mend("put the file where the site file says, or correct the site file");
/// Every secret can be had.
pub static SECRETS: CheckSpec = CheckSpec::new("site.secrets", "Every secret that the site file refers to can be had", SECURITY)
    .mend("set the variable, put the file there, or mend the command behind the reference");
/// Keys and passwords are the operator's alone.
pub static KEY_MODE: CheckSpec = CheckSpec::new(
    "access.key.perm",
    "Files that hold keys and passwords are their owner's alone (mode 0600)",
    "Security and Access: remote access",
)
.of(Severity::Warning)
.mend("`chmod 600` on the file");

/// The checks of this machine.
pub static CHECKS: &[&CheckSpec] = &[&NOT_RUN, &WAIVER, &FILES, &SECRETS, &KEY_MODE];
