//! The right to change a site: refused with who has it, or waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt;
use crate::cli::record::Recorder;
use crate::ledger::{Lease, LeaseError};

const BETWEEN: Duration = Duration::from_millis(500);

/// Takes the lease of the recorder's site; where somebody else has it, waits until `until`, saying for whom.
pub(crate) async fn take(recorder: &Recorder, context: &Context, until: Option<Instant>) -> Result<Lease, Failure> {
    let holder = format!("{} (portcullis {}, process {})", context.actor(), context.command, std::process::id());
    let mut is_told = false;
    loop {
        match recorder.take_lease(&holder) {
            Ok(lease) => return Ok(lease),
            Err(error @ LeaseError::Held { .. }) if until.is_some_and(|until| Instant::now() < until) => {
                if !is_told {
                    context.say(&format!("waiting: {error}\n"))?;
                    is_told = true;
                }
                interrupt::or_stop(sleep(BETWEEN)).await?;
            }
            Err(error) => return Err(failure(error)),
        }
    }
}

fn failure(error: LeaseError) -> Failure {
    let exit = if matches!(error, LeaseError::Held { .. }) { Exit::Refused } else { Exit::Failed };
    let help = error.help();
    Failure::new(exit, error, help)
}
