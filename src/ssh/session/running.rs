//! One script on its way: written and read at the same time, each wait bounded.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use russh::{ChannelMsg, Sig};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::bootstrap::{End, Mark, Start, next, start};
use super::reading::{Stderr, Stdout, TooLong};
use super::shell::{KeptShell, Shell};
use crate::ssh::error::{Error, Phase};
use crate::ssh::output::{Exit, Output};
use crate::ssh::script::{Elevation, Script};
use crate::ssh::settings::Settings;
use crate::ssh::transport::{Connection, Inbox, Outbox};

/// The silence after a script's end that ends its output: what it left running may hold on to it for ever. The status
/// may well come before the last of the output does.
const SILENCE_AFTER_EXIT: Duration = Duration::from_secs(3);

/// How much of what a login shell printed is told.
const MOST_NOISE: usize = 200;

/// How much is handed to the transport at a time.
const CHUNK: usize = 256 << 10;

/// A longer payload has a shell to itself: one that is to stay takes a payload as a whole, into a machine's memory.
const LONGEST_IN_TURN: usize = 4 << 20;

/// Runs `script`: over a channel of its own, or in the shell that was left in `kept`, and leaves it there.
pub(super) async fn run(
    connection: &Arc<Connection>,
    settings: &Settings,
    (script, kept): (&Script, Option<&KeptShell>),
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Output, Error> {
    let Some(kept) = kept else { return begin(connection, settings, (script, End::OfShell), on_line).await.map(|(output, _)| output) };
    let end = if script.payload.len() > LONGEST_IN_TURN { End::OfShell } else { End::OfScript };
    let is_roots = script.elevation.is_to_root();
    let (output, channel) = match kept.take(is_roots) {
        None => begin(connection, settings, (script, end), on_line).await?,
        Some(Shell { inbox, outbox, .. }) => {
            let start = next(script, end, token());
            connection.count(1);
            match attend_to(connection, settings, (script, end, start), (inbox, outbox), on_line).await {
                // It had ended meanwhile, and read nothing.
                Err(Error::NotStarted { .. }) => begin(connection, settings, (script, end), on_line).await?,
                done => done?,
            }
        }
    };
    if let Some((inbox, outbox)) = channel {
        kept.leave(Shell { inbox, outbox, is_roots });
    }
    Ok(output)
}

// 74 random bits; that the rest is the time is no harm.
fn token() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// What came of a script, and the channel of its shell where that stays.
type Ran = (Output, Option<(Inbox, Outbox)>);

/// Runs `script` over a channel of its own.
async fn begin(
    connection: &Arc<Connection>,
    settings: &Settings,
    (script, end): (&Script, End),
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Ran, Error> {
    let place = || Arc::clone(&connection.place);
    let start = start(script, end, token()).ok_or_else(|| Error::SudoPasswordUnusable { place: place() })?;
    let (inbox, outbox) = connection.command_channel().await?;
    let asked = timeout(settings.start_timeout, outbox.exec(true, start.command.as_str())).await;
    if !matches!(asked, Ok(Ok(()))) {
        return Err(connection.lost(Phase::Start).await);
    }
    connection.count(1 + u32::from(start.once_ready.is_some()));
    attend_to(connection, settings, (script, end, start), (inbox, outbox), on_line).await
}

/// Writes what `start` says and the payload, and reads to the script's end.
async fn attend_to(
    connection: &Arc<Connection>,
    settings: &Settings,
    (script, end, start): (&Script, End, Start),
    (mut inbox, outbox): (Inbox, Outbox),
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Ran, Error> {
    let (say_ready, ready) = oneshot::channel();
    let mut reader = Reader::new((connection, settings), (script, end), &start, say_ready);
    let mut writing = pin!(write(&outbox, (&start, end), &script.payload, ready));
    let mut is_written = false;
    let mut patience = settings.start_timeout;
    let mut deadline = pin!(sleep_until(Instant::now() + patience));
    loop {
        tokio::select! {
            biased;
            message = inbox.next() => {
                let was_started = reader.stdout.is_started();
                if message.is_none() && inbox.has_overflowed() {
                    return Err(reader.too_long());
                }
                if reader.take(message, on_line)? {
                    break;
                }
                if !was_started && reader.stdout.is_started() {
                    patience = script.timeout;
                    deadline.as_mut().reset(Instant::now() + patience);
                }
                if reader.exit.is_some() {
                    deadline.as_mut().reset(Instant::now() + SILENCE_AFTER_EXIT);
                }
            }
            () = &mut writing, if !is_written => is_written = true,
            () = &mut deadline => {
                if reader.exit.is_some() {
                    // Silence of the script, or of the line? An answer comes after all that was sent before it.
                    if !connection.answers(settings.start_timeout).await {
                        return Err(connection.lost(Phase::Command).await);
                    }
                    if inbox.is_empty() {
                        break;
                    }
                    deadline.as_mut().reset(Instant::now() + SILENCE_AFTER_EXIT);
                    continue;
                }
                // Heard by what runs as the login user; the rest ends when the channel closes under it.
                drop(timeout(Duration::from_secs(1), outbox.signal(Sig::TERM)).await);
                return Err(reader.timed_out(patience));
            }
        }
    }
    let stays = is_written && reader.is_left_to_the_next();
    let output = reader.finish(on_line).await?;
    Ok((output, stays.then(|| (inbox, Arc::clone(&outbox)))))
}

/// Writes what the script needs. An error means that the channel has ended; the reader sees that as well, and knows more.
async fn write(outbox: &Outbox, (start, end): (&Start, End), payload: &[u8], ready: oneshot::Receiver<()>) {
    let all = async {
        send(outbox, &start.opening).await?;
        if let Some(held_back) = &start.once_ready {
            if ready.await.is_err() {
                return Ok(());
            }
            send(outbox, held_back).await?;
        }
        send(outbox, payload).await?;
        if end == End::OfShell { outbox.eof().await } else { Ok(()) }
    };
    drop(all.await);
}

async fn send(outbox: &Outbox, bytes: &[u8]) -> Result<(), russh::Error> {
    for chunk in bytes.chunks(CHUNK) {
        outbox.data_bytes(chunk.to_vec()).await?;
    }
    Ok(())
}

/// How far it came with sudo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sudo {
    NotAsked,
    Missing,
    Asked,
}

struct Reader<'a> {
    connection: &'a Connection,
    script: &'a Script,
    stdout: Stdout,
    stderr: Stderr,
    say_ready: Option<oneshot::Sender<()>>,
    script_is_out: bool,
    sudo: Sudo,
    exit: Option<Exit>,
    ended: bool,
}

impl<'a> Reader<'a> {
    fn new(
        (connection, settings): (&'a Connection, &Settings),
        (script, end): (&'a Script, End),
        start: &Start,
        say_ready: oneshot::Sender<()>,
    ) -> Self {
        Self {
            connection,
            script,
            stdout: Stdout::new(&start.token, end, settings.output_limit),
            stderr: Stderr::new(&start.token),
            say_ready: Some(say_ready),
            // Without anything held back the script is on its way with the request.
            script_is_out: start.once_ready.is_none(),
            sudo: Sudo::NotAsked,
            exit: None,
            ended: false,
        }
    }

    /// Takes a message; says whether it was the last that matters.
    fn take(&mut self, message: Option<ChannelMsg>, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<bool, Error> {
        match message {
            None | Some(ChannelMsg::Close) => return Ok(true),
            Some(ChannelMsg::Data { data }) => self.take_output(&data, on_line)?,
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                self.stderr.take(&data);
                // sudo asks again: the password was wrong. Nothing else is sent, so that it is tried once.
                if self.stderr.prompts() > 1 {
                    return Err(self.wrong_password());
                }
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => self.exit = Some(Exit::Code(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => self.exit = Some(Exit::Signal(name_of(&signal_name))),
            Some(ChannelMsg::Eof) => self.ended = true,
            Some(ChannelMsg::Failure) => {
                let said = "it refuses to run commands".to_owned();
                return Err(Error::SessionRefused { place: Arc::clone(&self.connection.place), said });
            }
            Some(_) => {}
        }
        if let Some(exit) = self.stdout.exit() {
            self.exit.get_or_insert_with(|| exit.clone());
        }
        Ok((self.ended || self.is_left_to_the_next()) && self.exit.is_some())
    }

    /// Whether the script has ended and its shell has not.
    fn is_left_to_the_next(&self) -> bool {
        self.stdout.exit().is_some() && self.stderr.is_ended() && !self.ended
    }

    fn take_output(&mut self, data: &[u8], on_line: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
        let Self { stdout, say_ready, script_is_out, sudo, .. } = self;
        let mut on_mark = |mark| match mark {
            Mark::Sudo => *sudo = Sudo::Asked,
            Mark::NoSudo => *sudo = Sudo::Missing,
            Mark::Ready => {
                *script_is_out = true;
                if let Some(Err(())) = say_ready.take().map(|say| say.send(())) {
                    tracing::debug!("nothing is left to be written");
                }
            }
            Mark::Start => {}
        };
        let taken = stdout.take(data, &mut on_mark, on_line);
        taken.map_err(|TooLong| self.too_long())
    }

    async fn finish(mut self, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        if self.exit.is_none() {
            let phase = if self.script_is_out { Phase::Command } else { Phase::Start };
            let lost = self.connection.lost(phase).await;
            if self.connection.is_closed() {
                return Err(lost);
            }
        }
        let exit = self.exit.take().unwrap_or(Exit::Missing);
        if !self.stdout.is_started() {
            return Err(self.not_started(exit));
        }
        let stderr_tail = self.stderr.tail();
        Ok(Output { exit, stdout: self.stdout.finish(on_line), stderr_tail })
    }

    fn not_started(&self, exit: Exit) -> Error {
        let place = Arc::clone(&self.connection.place);
        let (label, user) = (self.script.label, self.connection.user.clone());
        if self.sudo == Sudo::Missing {
            return Error::SudoMissing { place, label, user };
        }
        let said = self.stderr.tail();
        if self.sudo == Sudo::Asked {
            // sudo speaks English here: the bootstrap sets LC_ALL=C. Its words only choose between refusals.
            return if matches!(self.script.elevation, Elevation::Sudo) && said.contains("password is required") {
                Error::SudoNeedsPassword { place, user }
            } else if said.contains("incorrect password") || said.contains("try again") {
                Error::SudoWrongPassword { place, user }
            } else {
                Error::SudoNotAllowed { place, user, said }
            };
        }
        let said = if said.is_empty() { self.stdout.noise() } else { said };
        Error::NotStarted { place, label, exit, said }
    }

    fn wrong_password(&self) -> Error {
        Error::SudoWrongPassword { place: Arc::clone(&self.connection.place), user: self.connection.user.clone() }
    }

    fn too_long(&self) -> Error {
        Error::OutputTooLong { place: Arc::clone(&self.connection.place), label: self.script.label, limit: self.stdout.limit() }
    }

    fn timed_out(&self, after: Duration) -> Error {
        let place = Arc::clone(&self.connection.place);
        if !self.script_is_out {
            return Error::NotStarted { place, label: self.script.label, exit: Exit::Missing, said: self.stderr.tail() };
        }
        let begun = self.stdout.is_started();
        let stderr_tail = if begun { self.stderr.tail() } else { self.stdout.noise().chars().take(MOST_NOISE).collect() };
        Error::CommandTimedOut { place, label: self.script.label, begun, after, stderr_tail }
    }
}

/// The signal's name without `SIG` (RFC 4254 §6.10).
fn name_of(signal: &Sig) -> String {
    if let Sig::Custom(name) = signal { crate::ssh::error::printable(name) } else { format!("{signal:?}") }
}
