//! The stream under a connection: its peer's first words, whether it still says anything, and a way to cut it.
//!
//! The transport has no way to end a connection whose peer takes nothing more: it waits for its own write, and
//! everything that asks it for something waits with it. Cutting the stream under it ends that wait.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ssh::error::printable;

/// How much of the peer's first words is kept (RFC 4253 §4.2: the version line has at most 255 bytes).
const KEPT: usize = 255;

/// A look at a [`Wire`] from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct WireTap(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    words: Mutex<Vec<u8>>,
    received: AtomicU64,
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl WireTap {
    /// The first line the peer sent, if any: what it is when it turns out to be no SSH server.
    pub(crate) fn first_line(&self) -> String {
        self.words(|text| text.lines().next().map(printable))
    }

    /// The server's version line; other lines may come before it.
    pub(crate) fn version(&self) -> String {
        let is_version = |line: &&str| line.starts_with("SSH-2.0-") || line.starts_with("SSH-1.99-");
        self.words(|text| text.lines().find(is_version).map(printable))
    }

    fn words(&self, pick: impl Fn(&str) -> Option<String>) -> String {
        let words = self.0.words.lock().unwrap_or_else(PoisonError::into_inner);
        pick(&String::from_utf8_lossy(&words)).unwrap_or_default()
    }

    /// Bytes received so far. What is written proves nothing: the system takes it on credit.
    pub(crate) fn received(&self) -> u64 {
        self.0.received.load(Ordering::Acquire)
    }

    /// Ends the stream: each read and write fails from now on, those that wait as well.
    pub(crate) fn cut(&self) {
        self.0.cut.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// An error once the stream is cut; until then, whoever waits is woken when it is.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        // One waker is enough: the transport reads and writes in one task.
        self.0.waker.register(context.waker());
        if self.0.cut.load(Ordering::Acquire) { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(()) }
    }
}

/// A stream that can be looked at and cut.
pub(crate) struct Wire<S> {
    stream: S,
    tap: WireTap,
    heard: usize,
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S) -> (Self, WireTap) {
        let tap = WireTap::default();
        (Self { stream, tap: tap.clone(), heard: 0 }, tap)
    }

    fn hear(&mut self, bytes: &[u8]) {
        if self.heard < KEPT {
            let mut words = self.tap.0.words.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend(bytes.iter().take(KEPT - self.heard));
            self.heard = words.len();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.tap.check(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        self.tap.0.received.fetch_add(u64::try_from(new.len()).unwrap_or(u64::MAX), Ordering::AcqRel);
        self.hear(new);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.tap.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tap.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn the_version_is_found_behind_other_lines() {
        let (here, mut there) = tokio::io::duplex(1024);
        let (mut wire, tap) = Wire::new(here);
        there.write_all(b"Authorised use only\r\nSSH-2.0-Odd_1\r\n").await.unwrap();
        drop(there);
        wire.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!((tap.first_line().as_str(), tap.version().as_str()), ("Authorised use only", "SSH-2.0-Odd_1"));
        assert_eq!(tap.received(), 36);
    }

    #[tokio::test]
    async fn cutting_ends_a_write_that_waits() {
        let (here, _there) = tokio::io::duplex(8);
        let (mut wire, tap) = Wire::new(here);
        let writing = tokio::spawn(async move { wire.write_all(&[0; 100]).await });
        tokio::task::yield_now().await;
        assert!(!writing.is_finished());
        tap.cut();
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
