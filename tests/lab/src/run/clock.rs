//! A machine with a wrong clock. All machines share the host's, so the skew is libfaketime's, in the services and shells of the one machine.

use std::{io::Write as _, process::Stdio};

use super::inside;
use crate::error::LabError;

const SCRIPT: &str = include_str!("../../image/clock.sh");

/// Seconds by which a clock is set forward (or back), from `+90s`, `-5m`, `2h`, `-3d` or `0`.
pub(crate) fn parse_offset(text: &str) -> Result<i64, LabError> {
    let bad = || LabError::BadOffset(text.to_owned());
    let (digits, unit) = match text.chars().last() {
        Some('s') => (text.trim_end_matches('s'), 1),
        Some('m') => (text.trim_end_matches('m'), 60),
        Some('h') => (text.trim_end_matches('h'), 3600),
        Some('d') => (text.trim_end_matches('d'), 86_400),
        _ => (text, 1),
    };
    digits.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(bad)
}

/// Sets the clock of a machine off by so many seconds, and restarts its services so that they see it; 0 puts it right.
pub(crate) fn set(supervisor: i32, machine: &str, seconds: i64) -> Result<(), LabError> {
    let arguments = ["/bin/sh", "-s", "--", &seconds.to_string()].map(str::to_owned);
    let not_started = |source| LabError::NotStarted { program: "nsenter".to_owned(), source };
    let mut shell = inside::enter(supervisor, machine, &arguments)?;
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(not_started)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(SCRIPT.as_bytes()).map_err(not_started)?;
    }
    let output = child.wait_with_output().map_err(not_started)?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LabError::CommandFailed { command: format!("clock.sh {seconds} on {machine}"), stderr })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_units() {
        for (text, seconds) in [("+90s", 90), ("-5m", -300), ("2h", 7200), ("-3d", -259_200), ("0", 0), ("+7", 7)] {
            assert_eq!(parse_offset(text).unwrap(), seconds);
        }
    }

    #[test]
    fn what_is_no_offset_is_refused() {
        for text in ["", "s", "soon", "5w", "1h30m", "9223372036854775807d"] {
            assert!(matches!(parse_offset(text), Err(LabError::BadOffset(_))), "{text}");
        }
    }
}
