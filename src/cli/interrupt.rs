//! Ctrl-C and SIGTERM: once ends well, twice at once. SIGXFSZ: a write that fails, and no end at all.

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::failure::{Failure, Sentence};
use crate::playbook::Stop;

/// The same number on every system that this runs on.
const SIGXFSZ: i32 = 25;

/// Where files are limited in size (`ulimit -f`), the system ends whoever writes beyond, with half a file left behind. Once
/// somebody listens to that signal the write fails instead, and is told and cleaned up after like any other failure.
pub(crate) fn survive_file_size_limit() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max file size")?.split_whitespace().next());
    if limit.is_none_or(|limit| limit == "unlimited") {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let _inside = runtime.enter();
    // What listens for signals stays in place when this listener goes.
    drop(signal(SignalKind::from_raw(SIGXFSZ)));
}

async fn asked_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).ok();
    let terminated = async {
        match terminate.as_mut() {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

fn interrupted(what: &str) -> Failure {
    Failure::new(Exit::Interrupted, Sentence(format!("interrupted; {what}")), None)
}

/// Does work that waits for a person. Ctrl-C does not end the process meanwhile: the prompt hears of it, puts the
/// terminal right and gives back that it was interrupted.
pub(crate) async fn told<T>(work: impl FnOnce() -> T) -> T {
    let listener = tokio::spawn(async { drop(tokio::signal::ctrl_c().await) });
    // The listener has to be in place before the first prompt is.
    tokio::task::yield_now().await;
    let done = tokio::task::block_in_place(work);
    listener.abort();
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
        () = asked_to_stop() => Err(interrupted("each node finishes or undoes by itself what it has accepted; the next apply says which")),
    }
}
