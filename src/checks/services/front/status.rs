//! The status that a web service answers a plain GET with; by hand, since the stream comes from wherever the check stands.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::request::{AskError, Request};

/// `HTTP/1.1 200`: no more of the answer is read.
const STATUS_LINE: usize = 12;

/// Asks for `path` of `host` and gives back the status.
pub async fn http_status<S>(stream: &mut S, host: &str, path: &str, within: Duration) -> Result<u16, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = Request { host, path, headers: &[] }.text()?;
    let network = |source| AskError::Network { source };
    let asked = async {
        stream.write_all(request.as_bytes()).await.map_err(network)?;
        stream.flush().await.map_err(network)?;
        let mut line = [0; STATUS_LINE];
        stream.read_exact(&mut line).await.map_err(network)?;
        let text = std::str::from_utf8(&line).ok().filter(|text| text.starts_with("HTTP/1."));
        text.and_then(|text| text.get(9..)).and_then(|code| code.parse().ok()).ok_or(AskError::NotHttp)
    };
    tokio::time::timeout(within, asked).await.unwrap_or(Err(AskError::TimedOut { after: within }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> (Result<u16, AskError>, String) {
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
        assert!(matches!(answered(b"SSH-2.0-OpenSSH_9.2\r\n").await.0, Err(AskError::NotHttp)));
        assert!(matches!(answered(b"HTTP").await.0, Err(AskError::Network { .. })));
    }

    #[tokio::test]
    async fn nothing_is_smuggled_by_a_path_or_a_name() {
        for (host, path) in [("a", "/\r\nX: y"), ("a b", "/"), ("", "/")] {
            let asked = http_status(&mut tokio::io::empty(), host, path, Duration::from_mins(1)).await;
            assert!(matches!(asked, Err(AskError::Unaskable { .. })), "{host} {path}");
        }
    }
}
