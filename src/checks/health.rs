//! The status that a web service answers a plain GET with; by hand, since the stream comes from wherever the check stands.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Why no status was answered.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The host or path could smuggle a header.
    #[error("http: `{text}` cannot be asked for")]
    Unaskable {
        /// The host or path.
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
    /// The connection failed.
    #[error("http: the connection failed: {source}")]
    Network {
        /// Why.
        source: io::Error,
    },
}

/// `HTTP/1.1 200`: no more of the answer is read.
const STATUS_LINE: usize = 12;

/// Asks for `path` of `host` and gives back the status.
pub async fn http_status<S>(stream: &mut S, host: &str, path: &str, within: Duration) -> Result<u16, HealthError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for text in [host, path] {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HealthError::Unaskable { text: text.escape_default().to_string() });
        }
    }
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: portcullis\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    let network = |source| HealthError::Network { source };
    let asked = async {
        stream.write_all(request.as_bytes()).await.map_err(network)?;
        stream.flush().await.map_err(network)?;
        let mut line = [0; STATUS_LINE];
        stream.read_exact(&mut line).await.map_err(network)?;
        let text = std::str::from_utf8(&line).ok().filter(|text| text.starts_with("HTTP/1."));
        text.and_then(|text| text.get(9..)).and_then(|code| code.parse().ok()).ok_or(HealthError::NotHttp)
    };
    tokio::time::timeout(within, asked).await.unwrap_or(Err(HealthError::TimedOut { after: within }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> (Result<u16, HealthError>, String) {
        let (mut here, mut there) = tokio::io::duplex(1024);
        let server = async {
            let mut asked = vec![0; 512];
            let length = there.read(&mut asked).await.unwrap();
            // Whoever has read enough may go away before all is written.
            drop(there.write_all(answer).await);
            drop(there);
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        tokio::join!(http_status(&mut here, "a.example", "/testall?x=1", Duration::from_mins(1)), server)
    }

    #[tokio::test]
    async fn the_status_is_read_and_what_is_no_http_is_said() {
        let (status, asked) = answered(b"HTTP/1.1 503 Service Unavailable\r\n\r\nx").await;
        assert_eq!(status.unwrap(), 503);
        assert!(asked.starts_with("GET /testall?x=1 HTTP/1.1\r\nHost: a.example\r\n"), "{asked}");
        assert!(matches!(answered(b"SSH-2.0-OpenSSH_9.2\r\n").await.0, Err(HealthError::NotHttp)));
        assert!(matches!(answered(b"HTTP").await.0, Err(HealthError::Network { .. })));
    }

    #[tokio::test]
    async fn nothing_is_smuggled_by_a_path_or_a_name() {
        for (host, path) in [("a", "/\r\nX: y"), ("a b", "/"), ("", "/")] {
            let asked = http_status(&mut tokio::io::empty(), host, path, Duration::from_mins(1)).await;
            assert!(matches!(asked, Err(HealthError::Unaskable { .. })), "{host} {path}");
        }
    }
}
