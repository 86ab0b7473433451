//! CONNECT through an explicit proxy (RFC 9110, 9.3.6), by hand: HTTP libraries swallow the proxy's status,
//! and the status is what this is about. No credential is ever sent.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest answer head that is read; proxies' own pages come after it and are left alone.
const LONGEST_HEAD: usize = 16 * 1024;

/// What the proxy answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code; 2xx: the stream is now the destination's.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// The header fields, in their order; names in lower case.
    pub fields: Vec<(String, String)>,
}

impl Answer {
    /// The first field of that name (lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Status and words as one line.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, self.reason).trim_end().to_owned()
    }
}

/// Why the proxy gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The destination's name could smuggle a header.
    #[error("proxy: {destination} is no host and port")]
    DestinationInvalid {
        /// The destination.
        destination: String,
    },
    /// The proxy accepted the connection and said nothing.
    #[error("proxy: no answer to CONNECT within {after:?}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The proxy closed the connection.
    #[error("proxy: the connection was closed without an answer to CONNECT")]
    Closed,
    /// What answers is no HTTP proxy.
    #[error("proxy: what answers does not speak HTTP: {seen:?}")]
    NotHttp {
        /// The beginning of what it said.
        seen: String,
    },
    /// The head of the answer did not end.
    #[error("proxy: the head of the answer is longer than {LONGEST_HEAD} bytes")]
    TooLong,
    /// The connection failed.
    #[error("proxy: the connection failed")]
    Network {
        /// Why.
        source: io::Error,
    },
}

impl ConnectError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::DestinationInvalid { .. } => "correct the destination in the site file",
            Self::TimedOut { .. } | Self::Closed => {
                "ask the proxy team whether this is an explicit proxy's port and whether it allows the nodes' addresses"
            }
            // An alert, or the answer to a hello that was none (RFC 8446, 5.1).
            Self::NotHttp { seen } if seen.starts_with(['\u{15}', '\u{16}']) => {
                "this port of the proxy speaks TLS from the first byte (`https://`), which few programs can: ask the proxy team for its port in clear"
            }
            Self::NotHttp { seen } if seen.starts_with(['\u{0}', '\u{4}', '\u{5}']) => {
                "this is a SOCKS proxy: correct `proxy.url` to the HTTP proxy's host and port"
            }
            Self::NotHttp { .. } | Self::TooLong => "correct `proxy.url` in the site file: host and port of the HTTP proxy",
            Self::Network { .. } => return None,
        };
        Some(help.to_owned())
    }
}

/// Asks the proxy at the other end of `stream` for a tunnel to `host:port`.
///
/// Where the answer is 2xx the stream stands at the tunnel's first byte.
pub async fn connect<S>(stream: &mut S, host: &str, port: u16, within: Duration) -> Result<Answer, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let authority = authority(host, port)?;
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: portcullis\r\n\r\n");
    let asked = async {
        stream.write_all(request.as_bytes()).await.map_err(told_apart)?;
        stream.flush().await.map_err(told_apart)?;
        parse(&read_head(stream).await?)
    };
    tokio::time::timeout(within, asked).await.unwrap_or(Err(ConnectError::TimedOut { after: within }))
}

fn authority(host: &str, port: u16) -> Result<String, ConnectError> {
    let invalid = || ConnectError::DestinationInvalid { destination: format!("{host}:{port}") };
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>() {
        return Ok(format!("[{address}]:{port}"));
    }
    let Ok(ascii) = idna::domain_to_ascii(host) else { return Err(invalid()) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if ascii.is_empty() || !ascii.chars().all(plain) { Err(invalid()) } else { Ok(format!("{ascii}:{port}")) }
}

/// Reads to the empty line, a byte at a time: what follows belongs to the destination.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, ConnectError> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() >= LONGEST_HEAD {
            return Err(ConnectError::TooLong);
        }
        let mut byte = [0];
        if stream.read(&mut byte).await.map_err(told_apart)? == 0 {
            return Err(if head.is_empty() { ConnectError::Closed } else { not_http(&head) });
        }
        head.extend_from_slice(&byte);
        if head.len() == 5 && head != b"HTTP/" {
            return Err(not_http(&head));
        }
    }
    Ok(head)
}

fn parse(head: &[u8]) -> Result<Answer, ConnectError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/"), status) else { return Err(not_http(head)) };
    let reason = words.next().unwrap_or_default().trim().to_owned();
    let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Ok(Answer { status, reason, fields: lines.filter_map(field).collect() })
}

fn not_http(seen: &[u8]) -> ConnectError {
    ConnectError::NotHttp { seen: String::from_utf8_lossy(seen).chars().take(60).collect() }
}

fn told_apart(source: io::Error) -> ConnectError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if matches!(source.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) {
        ConnectError::Closed
    } else {
        ConnectError::Network { source }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn asked(answer: &[u8]) -> (Result<Answer, ConnectError>, Vec<u8>) {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 18);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let answer = connect(&mut ours, "cdn.example", 443, Duration::from_secs(1)).await;
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        (answer, rest)
    }

    #[tokio::test]
    async fn what_follows_the_head_is_left_to_the_destination() {
        let (answer, rest) = asked(b"HTTP/1.1 200 Connection established\r\n\r\n220 mail ESMTP\r\n").await;
        assert_eq!(answer.unwrap().shown(), "200 Connection established");
        assert_eq!(rest, b"220 mail ESMTP\r\n");
    }

    #[tokio::test]
    async fn a_demand_for_a_login_is_an_answer_with_its_fields() {
        let (answer, _) =
            asked(b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid/5.7\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n")
                .await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.field("proxy-authenticate")), (407, Some("Basic realm=\"corp\"")));
    }

    #[tokio::test]
    async fn a_server_of_another_kind_is_shown_at_its_fifth_byte() {
        let (answer, _) = asked(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
        assert!(matches!(answer, Err(ConnectError::NotHttp { .. })), "{answer:?}");
    }

    #[test]
    fn a_destination_cannot_smuggle_a_header() {
        assert!(authority("a.example\r\nProxy-Authorization: x", 443).is_err());
        assert!(authority("user@a.example", 443).is_err());
        assert_eq!(authority("::1", 443).unwrap(), "[::1]:443");
        assert_eq!(authority("bücher.example", 443).unwrap(), "xn--bcher-kva.example:443");
    }

    proptest! {
        #[test]
        fn no_head_makes_the_reader_fall_over(head: Vec<u8>) {
            let _either = parse(&head);
        }
    }

    #[test]
    fn ports_of_tls_and_of_socks_are_called_so() {
        let help = |seen: &str| ConnectError::NotHttp { seen: seen.to_owned() }.help().unwrap();
        assert!(help("\u{15}\u{3}\u{1}\0\u{2}").contains("TLS from the first byte"));
        assert!(help("\0[\0\0\0").contains("SOCKS"));
        assert!(help("SSH-2").contains("correct `proxy.url`"));
    }
}
