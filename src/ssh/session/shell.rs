//! The shell that one script leaves to the next.

use std::sync::{Mutex, PoisonError};

use crate::ssh::transport::{Inbox, Outbox};

/// A shell that has run a script and waits for another one.
pub(super) struct Shell {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Whether it is root's.
    pub(super) is_roots: bool,
}

/// The shell of a session that is free.
#[derive(Default)]
pub(super) struct KeptShell(Mutex<Option<Shell>>);

impl KeptShell {
    /// Takes it, where there is one with these rights that has not said anything since.
    pub(super) fn take(&self, is_roots: bool) -> Option<Shell> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|shell| shell.is_roots != is_roots) {
            return None;
        }
        // Servers may close what is idle (`ChannelTimeout`), and shells may tire of waiting (`TMOUT`).
        kept.take().filter(|shell| shell.inbox.is_empty() && !shell.inbox.has_ended())
    }

    /// Leaves `shell` to the next script.
    pub(super) fn leave(&self, shell: Shell) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shell);
    }

    /// Ends it.
    pub(super) fn forget(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl std::fmt::Debug for KeptShell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeptShell").finish_non_exhaustive()
    }
}
