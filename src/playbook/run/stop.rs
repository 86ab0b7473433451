//! The wish to stop: raised once, heard by whoever waits and by whoever has not begun yet.

use tokio::sync::watch;

/// Raised when the operator wants the run to end. What has begun on a node is let finish.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Raises it; there is no way back.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is raised.
    pub async fn raised(&self) {
        // The sender lives as long as this borrow: the wait ends with the wish alone.
        drop(self.0.subscribe().wait_for(|raised| *raised).await);
    }
}
