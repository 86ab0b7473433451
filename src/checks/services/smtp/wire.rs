//! Lines of SMTP over a stream: commands out, replies in, each within its time (RFC 5321, 4.2 and 4.5.3).
//!
//! Reads leniently (a reply without text, a bare line feed) and with limits; knows nothing of the dialogue.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream in both directions, whatever carries it.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Longest reply that is read; RFC 5321 asks for 512 bytes a line.
const LONGEST_REPLY: usize = 64 * 1024;

/// A server's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Code and text as one line.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" / ")).trim_end().to_owned()
    }
}

/// Why no reply came.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("the server said nothing for {after:?}")]
    TimedOut { after: Duration },
    #[error("the server said {seen:?} and then nothing for {after:?}")]
    Stalled { seen: String, after: Duration },
    #[error("the server closed the connection")]
    Closed,
    #[error("what answers does not speak SMTP: {seen:?}")]
    NotSmtp { seen: String },
    #[error("the server sent more than it may")]
    TooLong,
    #[error("the connection failed: {source}")]
    Network { source: io::Error },
}

/// One connection.
pub(super) struct Wire {
    stream: Box<dyn ByteStream>,
    unread: Vec<u8>,
    patience: Duration,
}

impl Wire {
    pub(super) fn over(stream: Box<dyn ByteStream>, patience: Duration) -> Self {
        Self { stream, unread: Vec::new(), patience }
    }

    /// Sends a line (its line break is added) and takes the reply. A server that goes away first says why (421), and that is
    /// still there to be read when nothing can be sent any more.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, WireError> {
        let sent = async {
            self.send(line.as_bytes()).await?;
            self.send(b"\r\n").await
        };
        match sent.await {
            Err(error @ (WireError::Closed | WireError::Network { .. })) => self.reply().await.map_err(|_nothing_said| error),
            Err(error) => Err(error),
            Ok(()) => self.reply().await,
        }
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let patience = self.patience;
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(patience, written).await {
            Err(_elapsed) => Err(WireError::TimedOut { after: patience }),
            Ok(written) => written.map_err(told_apart),
        }
    }

    /// Takes one reply, which may have several lines.
    pub(super) async fn reply(&mut self) -> Result<Reply, WireError> {
        let patience = self.patience;
        let mut lines = Vec::new();
        match tokio::time::timeout(patience, self.read_reply(&mut lines)).await {
            Ok(Ok(code)) => Ok(Reply { code, lines }),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => {
                let begun = lines.pop().unwrap_or_else(|| String::from_utf8_lossy(&self.unread).into_owned());
                let seen: String = begun.chars().take(60).collect();
                Err(if seen.is_empty() { WireError::TimedOut { after: patience } } else { WireError::Stalled { seen, after: patience } })
            }
        }
    }

    /// The bare stream, to begin TLS on. What the server sent ahead of TLS is dropped here: taken over, it
    /// would let somebody on the way put words into the server's mouth (CVE-2011-0411).
    pub(super) fn into_stream(self) -> (Box<dyn ByteStream>, bool) {
        (self.stream, !self.unread.is_empty())
    }

    /// Reads a reply's lines; gives back its code.
    async fn read_reply(&mut self, lines: &mut Vec<String>) -> Result<u16, WireError> {
        let mut total = 0;
        loop {
            let line = self.read_line().await?;
            total += line.len();
            if total > LONGEST_REPLY {
                return Err(WireError::TooLong);
            }
            let (code, last, text) = parse_line(&line).ok_or_else(|| WireError::NotSmtp { seen: line.chars().take(60).collect() })?;
            lines.push(text.to_owned());
            if last {
                return Ok(code);
            }
        }
    }

    async fn read_line(&mut self) -> Result<String, WireError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.unread.len() > LONGEST_REPLY {
                return Err(WireError::TooLong);
            }
            if self.stream.read_buf(&mut self.unread).await.map_err(told_apart)? == 0 {
                return Err(if self.unread.is_empty() {
                    WireError::Closed
                } else {
                    WireError::NotSmtp { seen: String::from_utf8_lossy(&self.unread).chars().take(60).collect() }
                });
            }
        }
    }
}

/// `250-SIZE 1` → (250, more to come, `SIZE 1`).
fn parse_line(line: &str) -> Option<(u16, bool, &str)> {
    let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let rest = line.get(3..)?;
    match rest.chars().next() {
        None => Some((code, true, "")),
        Some(' ') => Some((code, true, rest.get(1..)?)),
        Some('-') => Some((code, false, rest.get(1..)?)),
        Some(_) => None,
    }
}

fn told_apart(source: io::Error) -> WireError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if matches!(source.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) { WireError::Closed } else { WireError::Network { source } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn read(bytes: &[u8]) -> Result<Reply, WireError> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 18);
        theirs.write_all(bytes).await.unwrap();
        drop(theirs);
        Wire::over(Box::new(ours), Duration::from_secs(1)).reply().await
    }

    #[tokio::test]
    async fn a_reply_of_several_lines_is_one_reply() {
        let reply = read(b"250-mail.example\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n").await.unwrap();
        assert_eq!(reply.lines, ["mail.example", "SIZE 1000", "AUTH PLAIN"]);
    }

    #[tokio::test]
    async fn a_code_alone_is_a_reply() {
        assert_eq!(read(b"250\r\n").await.unwrap().shown(), "250");
    }

    #[tokio::test]
    async fn what_does_not_speak_smtp_is_shown() {
        let error = read(b"SSH-2.0-OpenSSH_9.2p1\r\n").await.unwrap_err();
        assert_eq!(error.to_string(), "what answers does not speak SMTP: \"SSH-2.0-OpenSSH_9.2p1\"");
    }

    #[tokio::test]
    async fn an_endless_line_ends() {
        assert!(matches!(read(&vec![b'2'; 1 << 17]).await, Err(WireError::TooLong)));
    }

    #[tokio::test]
    async fn silence_is_not_waited_for_for_ever() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let error = Wire::over(Box::new(ours), Duration::from_millis(20)).reply().await.unwrap_err();
        assert_eq!(error.to_string(), "the server said nothing for 20ms");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall_over(bytes: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _either = runtime.block_on(read(&bytes));
        }
    }
}
