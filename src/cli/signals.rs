//! What asks a process to stop: Ctrl-C and SIGTERM; on Windows Ctrl-C, Ctrl-Break and the end of the terminal.

#[cfg(unix)]
pub(super) use unix::{Signals, survive_file_size_limit};
#[cfg(windows)]
pub(super) use windows::{Signals, survive_file_size_limit};

#[cfg(unix)]
mod unix {
    use rustix::process::{Resource, getrlimit};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The same number on every system that this runs on.
    const SIGXFSZ: i32 = 25;

    /// Signals, taken from when it was made.
    pub(in crate::cli) struct Signals {
        interrupt: Signal,
        terminate: Option<Signal>,
    }

    impl Signals {
        /// `None` where they cannot be taken; they end the process then.
        pub(in crate::cli) fn take() -> Option<Self> {
            let interrupt = signal(SignalKind::interrupt()).ok()?;
            Some(Self { interrupt, terminate: signal(SignalKind::terminate()).ok() })
        }

        /// Waits for the next.
        pub(in crate::cli) async fn next(&mut self) {
            let terminated = async {
                match self.terminate.as_mut() {
                    Some(signal) => drop(signal.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => {}
                () = terminated => {}
            }
        }
    }

    /// Where files are limited in size (`ulimit -f`), the system ends whoever writes beyond, with half a file left behind. Once
    /// somebody listens to that signal the write fails instead, and is told and cleaned up after like any other failure.
    pub(in crate::cli) fn survive_file_size_limit() {
        if getrlimit(Resource::Fsize).current.is_none() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        let _inside = runtime.enter();
        // What listens for signals stays in place when this listener goes.
        drop(signal(SignalKind::from_raw(SIGXFSZ)));
    }
}

#[cfg(windows)]
mod windows {
    use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

    /// Signals, taken from when it was made.
    pub(in crate::cli) struct Signals {
        interrupt: CtrlC,
        stop: CtrlBreak,
        close: CtrlClose,
    }

    impl Signals {
        /// `None` where they cannot be taken; they end the process then.
        pub(in crate::cli) fn take() -> Option<Self> {
            Some(Self { interrupt: ctrl_c().ok()?, stop: ctrl_break().ok()?, close: ctrl_close().ok()? })
        }

        /// Waits for the next.
        pub(in crate::cli) async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.stop.recv() => {}
                _ = self.close.recv() => {}
            }
        }
    }

    /// The system knows no such limit.
    pub(in crate::cli) fn survive_file_size_limit() {}
}
