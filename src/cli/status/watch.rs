//! `status --watch`: one look after another, until somebody interrupts.

use std::time::Duration;

use super::{StatusArgs, once};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, tell};
use crate::cli::interrupt;

/// Looks, waits for `pause`, and looks again.
pub(super) async fn run(args: &StatusArgs, context: &Context, pause: Duration) -> Result<Exit, Failure> {
    loop {
        // Each look has its own time, and reads the site file anew.
        let now = Context::new(context.globals.clone(), &context.command);
        if let Err(failure) = Box::pin(once(args, &now)).await {
            // It is how watching ends, and nothing to complain of.
            if failure.exit == Exit::Interrupted {
                return Ok(Exit::Interrupted);
            }
            // Machines that cannot be reached may be back at the next look; nothing else mends itself.
            if failure.exit != Exit::Unreachable {
                return Err(failure);
            }
            tell(&failure, &now);
        }
        if interrupt::or_stop(tokio::time::sleep(pause)).await.is_err() {
            return Ok(Exit::Interrupted);
        }
    }
}
