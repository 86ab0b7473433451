//! One GET over a given stream, and what was answered: status, headers, the beginning of the body. By hand, since the
//! stream comes from wherever the check stands.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// As much of an answer is read.
const LONGEST: usize = 16 * 1024;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The host.
    pub host: &'r str,
    /// The path, with its query.
    pub path: &'r str,
    /// Further headers; their values may be secret, and go nowhere else.
    pub headers: &'r [(&'r str, &'r str)],
}

impl Request<'_> {
    /// As it is sent; refused where something of it could smuggle a header.
    pub(crate) fn text(&self) -> Result<zeroize::Zeroizing<String>, AskError> {
        for text in [self.host, self.path] {
            if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(AskError::Unaskable { text: text.escape_default().to_string() });
            }
        }
        if let Some((name, _)) = self.headers.iter().find(|(_, value)| value.contains(['\r', '\n'])) {
            return Err(AskError::Unaskable { text: (*name).to_owned() });
        }
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: portcullis\r\nAccept: */*\r\n", self.path, self.host);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection")) {
            text.push_str("Connection: close\r\n");
        }
        for (name, value) in self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        Ok(zeroize::Zeroizing::new(text))
    }
}

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
}

impl Answer {
    /// The header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let first = lines.next().filter(|line| line.starts_with("HTTP/1."))?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect();
        Some(Self { status, headers, body: body.to_owned() })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Something of it could smuggle a header.
    #[error("http: `{text}` cannot be asked for")]
    Unaskable {
        /// What.
        text: String,
    },
    /// Nothing was answered in time.
    #[error("http: no answer within {} s", .after.as_secs_f32())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// What answers does not speak HTTP.
    #[error("http: what answers does not speak HTTP")]
    NotHttp,
    /// The server ended the connection instead of answering.
    #[error("http: the server closed the connection without an answer")]
    Closed,
    /// It speaks nothing older than HTTP/2.
    #[error("http: what answers speaks HTTP/2 alone")]
    Http2Only,
    /// TLS stands, and then a certificate of the client's is asked for.
    #[error("http: the server demands a client certificate")]
    ClientCertificate,
    /// The connection failed.
    #[error("http: the connection failed: {source}")]
    Network {
        /// Why.
        source: io::Error,
    },
}

impl AskError {
    /// What to do next, where the error itself tells.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Closed => Some(
                "look at the server's log of this moment; one that speaks HTTP/2 alone does this too (HAProxy: `alpn h2,http/1.1`, and no `proto h2`)",
            ),
            Self::Http2Only => {
                Some("let it speak HTTP/1.1 too (HAProxy: `alpn h2,http/1.1`, and no `proto h2`): websockets and health checks need it")
            }
            Self::ClientCertificate => Some(
                "take the demand for a client certificate away (HAProxy: `verify required`, nginx: `ssl_verify_client on`): users and connectors have none",
            ),
            Self::NotHttp => Some("see what listens there: after TLS something else than HTTP is spoken"),
            Self::Unaskable { .. } | Self::TimedOut { .. } | Self::Network { .. } => None,
        }
    }
}

/// An HTTP/2 server begins with a SETTINGS frame on stream 0, or a GOAWAY (RFC 9113, 3.4 and 4.1).
fn is_http2(bytes: &[u8]) -> bool {
    matches!(bytes.get(3), Some(4 | 7)) && bytes.get(5..9) == Some(&[0; 4][..])
}

fn told_apart(source: io::Error) -> AskError {
    use rustls::AlertDescription::{BadCertificate, CertificateRequired, HandshakeFailure};
    let alert = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match alert {
        None if matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => AskError::Closed,
        Some(rustls::Error::AlertReceived(CertificateRequired | BadCertificate | HandshakeFailure)) => AskError::ClientCertificate,
        _ => AskError::Network { source },
    }
}

/// Asks, and reads until the server ends, has said enough, or takes too long.
pub async fn ask<S>(stream: &mut S, request: &Request<'_>, within: Duration) -> Result<Answer, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = request.text()?;
    let asked = async {
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while answer.len() < LONGEST {
            let read = match stream.read(&mut piece).await {
                Ok(0) => break,
                Ok(read) => read,
                // Servers that end without TLS's goodbye have said all the same.
                Err(error) if !answer.is_empty() && error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            };
            answer.extend_from_slice(piece.get(..read).unwrap_or_default());
            if is_whole(&answer) {
                break;
            }
        }
        Ok(answer)
    };
    let answer = tokio::time::timeout(within, asked).await.map_err(|_elapsed| AskError::TimedOut { after: within })?;
    let answer = answer.map_err(told_apart)?;
    if answer.is_empty() {
        return Err(AskError::Closed);
    }
    Answer::parse(&answer).ok_or_else(|| if is_http2(&answer) { AskError::Http2Only } else { AskError::NotHttp })
}

/// Whether nothing more belongs to the answer: 101 and 204 have no body, others as much as they say.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(answer) = Answer::parse(bytes).filter(|_| bytes.windows(4).any(|window| window == b"\r\n\r\n")) else { return false };
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    matches!(answer.status, 101 | 204 | 304) || length.is_some_and(|length| answer.body.len() >= length)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> Result<Answer, AskError> {
        let (mut here, mut there) = tokio::io::duplex(1024);
        let server = async {
            let mut asked = vec![0; 1024];
            let length = there.read(&mut asked).await.unwrap();
            assert!(String::from_utf8_lossy(&asked[..length]).contains("\r\nX-Key: k\r\n"));
            there.write_all(answer).await.unwrap();
            // The connection stays open: who waits for its end waits for ever.
            there
        };
        let request = Request { host: "a.example", path: "/test", headers: &[("X-Key", "k")] };
        let (answer, _open) = tokio::join!(ask(&mut here, &request, Duration::from_mins(1)), server);
        answer
    }

    #[tokio::test]
    async fn an_answer_ends_where_it_says_so() {
        let answer = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nOK").await.unwrap();
        assert_eq!((answer.status, answer.header("x-a"), answer.body.as_str()), (200, Some("b"), "OK"));
        assert_eq!(answered(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap().status, 204);
    }

    #[test]
    fn a_server_of_http_2_alone_is_called_so() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";
        assert!(is_http2(settings) && !is_http2(b"220 mail.example ESMTP\r\n") && !is_http2(b""));
    }

    #[tokio::test]
    async fn nothing_is_smuggled() {
        for (host, path, value) in [("a", "/\r\nX: y", "v"), ("a b", "/", "v"), ("a", "/", "v\r\nX: y")] {
            let request = Request { host, path, headers: &[("X-Key", value)] };
            let asked = ask(&mut tokio::io::empty(), &request, Duration::from_mins(1)).await;
            assert!(matches!(asked, Err(AskError::Unaskable { .. })), "{host} {path}");
        }
    }
}
