//! Ctrl-C and SIGTERM: once ends well, twice at once.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::sync::watch;

use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::signals::Signals;
use crate::playbook::Stop;

/// While it lives, Ctrl-C and SIGTERM end nothing by themselves: files that belong together are being put in place, which takes
/// some milliseconds. What was asked meanwhile is known afterwards.
pub(crate) struct Held(Arc<AtomicBool>);

impl Held {
    /// From here to the end of the process.
    pub(crate) fn begin() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Where a signal cannot be taken it ends the process, as it would have done.
            drop(signal_hook::flag::register(signal, Arc::clone(&asked)));
        }
        Self(asked)
    }

    /// Whether the process was asked to stop since.
    pub(crate) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a command takes at most from the second interrupt to its own end.
const PATIENCE: Duration = Duration::from_millis(300);

/// How often the process was asked to stop, and how much of that somebody has taken up. Signals are the process's, and so is this.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    signals: u32,
    heard: u32,
}

static ASKED: LazyLock<watch::Sender<Asked>> = LazyLock::new(watch::Sender::default);

/// Takes signals from here on: one that comes before anybody waits for it is not lost, and ends nothing by itself.
pub(crate) fn listen() {
    let Some(mut signals) = Signals::take() else { return };
    tokio::spawn(async move {
        loop {
            signals.next().await;
            ASKED.send_modify(|asked| asked.signals += 1);
            leave_if_stuck().await;
        }
    });
}

/// Ends the process where it was asked twice and even then nothing moves: a program that gives a secret hangs, say.
#[expect(clippy::exit, reason = "what blocks the thread cannot be told to return")]
async fn leave_if_stuck() {
    let is_unheard = || {
        let asked = *ASKED.borrow();
        asked.signals >= asked.heard + 2
    };
    if !is_unheard() {
        return;
    }
    tokio::time::sleep(PATIENCE).await;
    if is_unheard() {
        drop(writeln!(std::io::stderr(), "error: interrupted; {LEFT}"));
        std::process::exit(Exit::Interrupted.code().into());
    }
}

async fn asked_to_stop() {
    // The sender is never dropped.
    drop(ASKED.subscribe().wait_for(|asked| asked.signals > asked.heard).await);
    ASKED.send_modify(|asked| asked.heard += 1);
}

/// Awaits a command's work. Asked to stop twice while nothing in it listens, it is left where it is.
pub(crate) async fn or_leave<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut asked = ASKED.subscribe();
    tokio::select! {
        biased;
        done = work => done,
        _ = asked.wait_for(|asked| asked.signals >= asked.heard + 2) => Err(interrupted(LEFT)),
    }
}

/// What is true wherever a command is left.
const LEFT: &str = "each node finishes or undoes by itself what it has accepted";

fn interrupted(what: &str) -> Failure {
    let help = "run the same command again: it begins with a look at how things stand";
    Failure::new(Exit::Interrupted, Sentence(format!("interrupted; {what}")), Some(help.to_owned()))
}

/// Does work that waits for a person. Ctrl-C does not end the process meanwhile: the prompt hears of it, puts the
/// terminal right and gives back that it was interrupted.
pub(crate) async fn told<T>(work: impl FnOnce() -> T) -> T {
    // Whoever listens has to be in place before the first prompt is.
    tokio::task::yield_now().await;
    let done = tokio::task::block_in_place(work);
    ASKED.send_modify(|asked| asked.heard = asked.signals);
    done
}

/// Awaits work that changes nothing; an interrupt ends it at once.
pub(crate) async fn or_stop<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        done = work => Ok(done),
        () = asked_to_stop() => Err(interrupted("nothing was changed")),
    }
}

/// Awaits work that changes nodes: the first interrupt raises `stop` and lets what has begun finish, the second
/// leaves at once. Gives back whether it was interrupted.
pub(crate) async fn let_finish<T>(work: impl Future<Output = T>, stop: &Stop) -> Result<(T, bool), Failure> {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return Ok((done, false)),
        () = asked_to_stop() => stop.raise(),
    }
    tokio::select! {
        done = &mut work => Ok((done, true)),
        () = asked_to_stop() => Err(interrupted(&format!("{LEFT}; the next apply says which"))),
    }
}
