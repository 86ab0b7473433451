//! One TLS handshake over any byte stream, with the served chain recorded whatever it is worth.
//!
//! The handshake goes through with any certificate, so that a bad chain can be looked at; the proof that the
//! server holds the key is still demanded. The verdict stands beside it in [`Served::verified`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage, PeerIncompatible, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::roots::Roots;
use super::verdict::{Distrust, judge};

/// What a client says and believes.
#[derive(Debug, Clone, Copy)]
pub struct Hello<'a> {
    /// The name asked for: sent as SNI unless it is an address, and demanded of the certificate.
    pub name: &'a str,
    /// Application protocols offered (RFC 7301), such as `h2`; empty offers none.
    pub alpn: &'a [&'a str],
    /// The roots the client trusts.
    pub roots: &'a Roots,
    /// The time at which certificates are judged.
    pub now: jiff::Timestamp,
    /// How long the handshake may take.
    pub within: Duration,
}

/// What a server served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The certificates (DER), in the order in which they came.
    pub chain: Vec<Vec<u8>>,
    /// The protocol version, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The application protocol agreed on.
    pub alpn: Option<String>,
    /// Whether a client would trust the chain for the name.
    pub verified: Result<(), Distrust>,
}

/// Why no handshake came about.
#[derive(Debug, thiserror::Error)]
pub enum TlsProbeError {
    /// The name can be neither a DNS name nor an address.
    #[error("tls: {name} is neither a DNS name nor an address")]
    NameInvalid {
        /// The name.
        name: String,
    },
    /// The server accepted the connection and did not finish in time.
    #[error("tls: the server did not answer the handshake within {after:?}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The server closed or reset the connection in the midst.
    #[error("tls: the server closed the connection during the handshake")]
    Closed,
    /// What answered does not speak TLS.
    #[error("tls: what answers does not speak TLS")]
    NotTls,
    /// The server speaks nothing later than TLS 1.1.
    #[error("tls: the server offers nothing later than TLS 1.1")]
    OldVersionOnly,
    /// The server refused by an alert.
    #[error("tls: the server refused with the alert `{alert}`")]
    Alert {
        /// Its name (RFC 8446, 6).
        alert: String,
    },
    /// The server broke the protocol, or nothing could be agreed on.
    #[error("tls: the handshake failed")]
    Protocol {
        /// Why.
        source: rustls::Error,
    },
    /// The connection failed.
    #[error("tls: the connection failed")]
    Network {
        /// Why.
        source: io::Error,
    },
}

impl TlsProbeError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::NameInvalid { .. } => "correct the name in the site file",
            Self::TimedOut { .. } => "see whether the service is up and whether this port expects TLS from the first byte",
            Self::Closed => {
                "look at the server's error log; a load balancer without a healthy back end also ends connections so, and so does a port that expects the PROXY protocol (HAProxy: `accept-proxy`, nginx: `listen … proxy_protocol`)"
            }
            Self::NotTls => "the port serves something else, such as plain HTTP: `listen 443 ssl` in nginx, or another port",
            Self::OldVersionOnly => {
                "enable TLS 1.2 and 1.3 on the server: nginx `ssl_protocols TLSv1.2 TLSv1.3;`, HAProxy `ssl-min-ver TLSv1.2` without `ssl-max-ver`"
            }
            Self::Alert { alert } => match alert.as_str() {
                "unrecognized_name" => "configure a certificate for this name on the server: it has none that it would show under it",
                "internal_error" => {
                    "look at the server's error log: it fails at TLS by itself, often at a key that it cannot read or use (some servers take RSA keys alone)"
                }
                "handshake_failure" | "insufficient_security" => {
                    "look at the server's error log: most often none of its ciphers or curves is one of today's, or it demands a client certificate"
                }
                "certificate_required" => "take the demand for a client certificate away: users have none",
                _ => "look at the server's error log of this moment",
            },
            Self::Protocol { .. } | Self::Network { .. } => return None,
        };
        Some(help.to_owned())
    }
}

/// Looks at what is served under a name, and says goodbye.
pub async fn probe<S>(stream: S, hello: &Hello<'_>) -> Result<Served, TlsProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut tls, served) = danger_handshake(stream, hello).await?;
    // Courtesy alone: what was to be seen has been seen.
    let _ignored = tokio::time::timeout(Duration::from_secs(1), tls.shutdown()).await;
    Ok(served)
}

/// A handshake that goes through whatever the certificate is worth: nothing may be sent over the stream
/// before [`Served::verified`] has been looked at.
pub async fn danger_handshake<S>(stream: S, hello: &Hello<'_>) -> Result<(TlsStream<S>, Served), TlsProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = idna::domain_to_ascii(hello.name).unwrap_or_else(|_| hello.name.to_owned());
    let Ok(name) = ServerName::try_from(name) else { return Err(TlsProbeError::NameInvalid { name: hello.name.to_owned() }) };
    let connector = TlsConnector::from(Arc::new(config(hello.alpn)?));
    let tls = match tokio::time::timeout(hello.within, connector.connect(name, stream)).await {
        Err(_elapsed) => return Err(TlsProbeError::TimedOut { after: hello.within }),
        Ok(Err(error)) => return Err(told_apart(error)),
        Ok(Ok(tls)) => tls,
    };
    let served = describe(tls.get_ref().1, hello);
    Ok((tls, served))
}

fn describe(session: &ClientConnection, hello: &Hello<'_>) -> Served {
    let chain: Vec<Vec<u8>> = session.peer_certificates().unwrap_or_default().iter().map(|der| der.as_ref().to_vec()).collect();
    let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("unknown");
    let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown");
    let verified = judge(&chain, hello.name, hello.roots, hello.now);
    Served {
        chain,
        version: version.replace('_', "."),
        cipher: cipher.to_owned(),
        alpn: session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        verified,
    }
}

fn config(alpn: &[&str]) -> Result<ClientConfig, TlsProbeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsProbeError::Protocol { source })?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(DangerAnyChain { provider })).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(config)
}

fn told_apart(error: io::Error) -> TlsProbeError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    use rustls::Error::{AlertReceived, InvalidMessage as Invalid, PeerIncompatible as Incompatible};
    let Some(reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        let closed = matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe);
        return if closed { TlsProbeError::Closed } else { TlsProbeError::Network { source: error } };
    };
    if matches!(reason, Invalid(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)) {
        return TlsProbeError::NotTls;
    }
    let old = PeerIncompatible::ServerDoesNotSupportTls12Or13;
    let disabled = PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig;
    if *reason == Incompatible(old) || *reason == Incompatible(disabled) || *reason == AlertReceived(AlertDescription::ProtocolVersion) {
        return TlsProbeError::OldVersionOnly;
    }
    if let AlertReceived(alert) = reason {
        return TlsProbeError::Alert { alert: alert_name(*alert) };
    }
    TlsProbeError::Protocol { source: reason.clone() }
}

/// `UnrecognisedName` → `unrecognized_name`, as OpenSSL and servers' logs write it.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name.replace("unrecognised", "unrecognized")
}

/// Accepts any chain, and demands the proof of the key all the same.
#[derive(Debug)]
struct DangerAnyChain {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for DangerAnyChain {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_named_as_servers_log_them() {
        assert_eq!(alert_name(AlertDescription::HandshakeFailure), "handshake_failure");
        assert_eq!(alert_name(AlertDescription::UnrecognisedName), "unrecognized_name");
    }

    #[tokio::test]
    async fn a_server_that_speaks_first_does_not_speak_tls() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        tokio::io::AsyncWriteExt::write_all(&mut theirs, b"220 mail.example ESMTP\r\n").await.unwrap();
        let roots = Roots::none();
        let hello =
            Hello { name: "mail.example", alpn: &[], roots: &roots, now: jiff::Timestamp::UNIX_EPOCH, within: Duration::from_secs(5) };
        let error = probe(ours, &hello).await.unwrap_err();
        assert!(matches!(error, TlsProbeError::NotTls), "{error:?}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let roots = Roots::none();
        let hello =
            Hello { name: "mail.example", alpn: &[], roots: &roots, now: jiff::Timestamp::UNIX_EPOCH, within: Duration::from_millis(20) };
        let error = probe(ours, &hello).await.unwrap_err();
        assert_eq!(error.to_string(), "tls: the server did not answer the handshake within 20ms");
    }
}
