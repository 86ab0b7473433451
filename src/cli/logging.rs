//! The log: a file for support, and standard error with `-v`. Secrets never come this far.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::disk::with_mode;

#[derive(Debug, thiserror::Error)]
#[error("cannot write the log {path}")]
struct Unwritable {
    path: String,
    source: io::Error,
}

// Beyond this the file begins anew; the one before is kept once.
const LARGEST: u64 = 4 << 20;

/// Opens its file at the first line: a command that has nothing to say leaves nothing behind.
#[derive(Debug, Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<Option<std::fs::File>>>,
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = Some(open(&self.path)?);
        }
        file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn open(path: &PathBuf) -> io::Result<std::fs::File> {
    let known = std::fs::metadata(path);
    if known.as_ref().is_ok_and(|known| known.len() > LARGEST) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    if let (Err(_), Some(folder)) = (known, path.parent()) {
        std::fs::create_dir_all(folder)?;
    }
    with_mode(OpenOptions::new().create(true).append(true), 0o600).open(path)
}

/// Begins logging: the file always, standard error as `-v` asks. The transport's own chatter stays out.
///
/// Fails where a log was asked for that cannot be written; where none was, none is written.
pub(crate) fn begin(context: &Context) -> Result<(), Failure> {
    if context.globals.log_file.is_some() {
        open(&context.log_file).map_err(|source| {
            let path = context.log_file.display().to_string();
            let help = "give `--log-file` a file that you may write to, or leave it out".to_owned();
            Failure::new(Exit::Usage, Unwritable { path, source }, Some(help))
        })?;
    }
    let quiet = "russh=warn,rustls=warn";
    let file = LogFile { path: context.log_file.clone(), file: Arc::default() };
    let to_file = tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false).with_target(false);
    let to_file = to_file.with_filter(EnvFilter::new(format!("info,{quiet}")));
    let level = match context.globals.verbose {
        0 => "off",
        1 => "info",
        _ => "debug",
    };
    let to_terminal =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(context.look_of_stderr().colour).with_target(false);
    let to_terminal = to_terminal.with_filter(EnvFilter::new(if level == "off" { level.to_owned() } else { format!("{level},{quiet}") }));
    // Fails only where logging has begun already.
    drop(tracing_subscriber::registry().with(to_file).with(to_terminal).try_init());
    Ok(())
}
