//! Whether a server still speaks TLS 1.0 or 1.1: a hello of that version, written out (RFC 2246, RFC 4346), since no
//! library of ours speaks them any more. Nothing follows the server's first words.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A version that nobody should speak any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldVersion {
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
}

impl OldVersion {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
        }
    }

    fn number(self) -> [u8; 2] {
        match self {
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
        }
    }
}

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const SERVER_HELLO: u8 = 2;
/// Suites of those days, for RSA and ECDSA keys alike.
const SUITES: [u16; 9] = [0xc014, 0xc013, 0xc00a, 0xc009, 0x0039, 0x0033, 0x0035, 0x002f, 0x000a];

/// Whether the server takes that version for `name`. `Ok(false)`: it refused, by an alert or by hanging up.
pub async fn offers_old_version<S>(mut stream: S, version: OldVersion, name: &str, within: Duration) -> Result<bool, io::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = async {
        stream.write_all(&hello(version, name)).await?;
        stream.flush().await?;
        // Record header, then a handshake's kind, length and version.
        let mut head = [0; 11];
        stream.read_exact(head.get_mut(..5).unwrap_or_default()).await?;
        if head.first() == Some(&ALERT) {
            return Ok(false);
        }
        if head.first() != Some(&HANDSHAKE) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what answers does not speak TLS"));
        }
        stream.read_exact(head.get_mut(5..).unwrap_or_default()).await?;
        Ok(head.get(5) == Some(&SERVER_HELLO) && head.get(9..11) == Some(version.number().as_slice()))
    };
    match tokio::time::timeout(within, asked).await {
        Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
        Ok(Err(error)) => {
            use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
            if matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe) { Ok(false) } else { Err(error) }
        }
        Ok(Ok(offers)) => Ok(offers),
    }
}

fn hello(version: OldVersion, name: &str) -> Vec<u8> {
    let mut body = version.number().to_vec();
    // Nothing is kept secret with it.
    body.extend([0x5a; 32]);
    body.push(0);
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    body.extend(counted(&suites));
    body.extend([1, 0]);
    let mut server_name = vec![0];
    server_name.extend(counted(name.as_bytes()));
    let extensions = [
        extension(0x0000, &counted(&server_name)),
        extension(0x000a, &counted(&[0, 29, 0, 23, 0, 24])),
        extension(0x000b, &[1, 0]),
        extension(0xff01, &[0]),
    ];
    body.extend(counted(&extensions.concat()));
    let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    let mut message = vec![1];
    message.extend(length.get(1..).unwrap_or_default());
    message.extend(body);
    // The record's own version is 3.1 in every hello.
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(counted(&message));
    record
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), counted(content)].concat()
}

/// The content after its length in two bytes.
fn counted(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or_default().to_be_bytes();
    [length.to_vec(), content.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> Result<bool, io::Error> {
        let (here, mut there) = tokio::io::duplex(1024);
        let server = async move {
            let mut asked = vec![0; 512];
            let length = there.read(&mut asked).await.unwrap();
            assert_eq!(usize::from(asked[4]), length - 5, "the record's length is right");
            there.write_all(answer).await.unwrap();
        };
        let (offers, ()) = tokio::join!(offers_old_version(here, OldVersion::Tls11, "a.example", Duration::from_mins(1)), server);
        offers
    }

    #[tokio::test]
    async fn a_hello_of_that_version_is_taken_for_yes_and_nothing_else() {
        assert!(answered(&[22, 3, 2, 0, 80, 2, 0, 0, 76, 3, 2, 0]).await.unwrap());
        assert!(!answered(&[22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3, 0]).await.unwrap());
        assert!(!answered(&[21, 3, 1, 0, 2, 2, 70]).await.unwrap());
        assert!(!answered(b"").await.unwrap());
        assert!(answered(b"HTTP/1.1 400 Bad Request\r\n").await.is_err());
    }
}
