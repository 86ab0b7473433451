//! What the transport tells us while a connection lives: the host key to judge, what was agreed on, and why
//! channels fail. Channels that a server opens of its own are refused (the transport's default).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::client::{DisconnectReason, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{ChannelId, ChannelOpenFailure, Names};
use tokio::sync::Notify;

use super::algorithms::Negotiated;
use crate::ssh::error::{Error, printable};
use crate::ssh::host_keys::Expectation;

/// How many characters of a banner are kept, for a message.
const BANNER_KEPT: usize = 300;

/// Why a connection ended from inside: the transport, or our own verdict on the host key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The transport's reason.
    #[error(transparent)]
    Transport(#[from] russh::Error),
    /// Our verdict.
    #[error(transparent)]
    Verdict(Box<Error>),
}

/// What was seen of a connection so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    inner: Mutex<Notes>,
    channel_failed: Notify,
}

#[derive(Debug, Default)]
struct Notes {
    negotiated: Option<Negotiated>,
    parting_words: String,
    banner: String,
    channel_failures: HashMap<u32, String>,
    has_confirmed_a_channel: bool,
}

impl Seen {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the key exchange agreed on; `None` before its end.
    pub(crate) fn negotiated(&self) -> Option<Negotiated> {
        self.notes().negotiated.clone()
    }

    /// What the server said when it disconnected, such as "Too many authentication failures".
    pub(crate) fn parting_words(&self) -> String {
        self.notes().parting_words.clone()
    }

    /// The end of what the server said last while it was being logged in to: before it hangs up, OpenSSH says so why PAM does
    /// not let somebody in.
    pub(crate) fn banner(&self) -> String {
        self.notes().banner.clone()
    }

    /// Whether the server opened any channel that it was asked for.
    pub(crate) fn has_confirmed_a_channel(&self) -> bool {
        self.notes().has_confirmed_a_channel
    }

    /// What the server said when it refused the channel of that number.
    pub(crate) async fn why_channel_failed(&self, channel: u32) -> Option<String> {
        // The transport reports the refusal an instant before it calls `channel_open_failure`.
        let words = async {
            loop {
                let noted = self.channel_failed.notified();
                if let Some(words) = self.notes().channel_failures.remove(&channel) {
                    return words;
                }
                noted.await;
            }
        };
        tokio::time::timeout(Duration::from_millis(200), words).await.ok()
    }
}

/// Judges the host key and takes notes.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) expectation: Expectation,
    pub(crate) seen: Arc<Seen>,
}

impl russh::client::Handler for Watch {
    type Error = Stopped;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Stopped> {
        self.expectation.judge(shown).map_err(|error| Stopped::Verdict(Box::new(error)))?;
        Ok(true)
    }

    async fn kex_done(&mut self, _secret: Option<&[u8]>, names: &Names, _session: &mut Session) -> Result<(), Stopped> {
        let agreed = Negotiated {
            kex: names.kex.as_ref().to_owned(),
            host_key: names.key.as_str().to_owned(),
            cipher: names.cipher.as_ref().to_owned(),
            strict: names.strict_kex(),
        };
        // A later exchange on the same connection says nothing of strictness; the first one holds.
        self.seen.notes().negotiated.get_or_insert(agreed);
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _session: &mut Session) -> Result<(), Stopped> {
        let banner = banner.trim();
        let kept = banner.char_indices().rev().nth(BANNER_KEPT).map_or(0, |(at, _)| at);
        self.seen.notes().banner = printable(banner.get(kept..).unwrap_or_default());
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        _channel: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _session: &mut Session,
    ) -> Result<(), Stopped> {
        self.seen.notes().has_confirmed_a_channel = true;
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        channel: ChannelId,
        _reason: ChannelOpenFailure,
        description: &str,
        _language: &str,
        _session: &mut Session,
    ) -> Result<(), Stopped> {
        self.seen.notes().channel_failures.insert(channel.number(), printable(description));
        self.seen.channel_failed.notify_waiters();
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Stopped>) -> Result<(), Stopped> {
        match reason {
            DisconnectReason::ReceivedDisconnect(parting) => {
                self.seen.notes().parting_words = printable(&parting.message);
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
