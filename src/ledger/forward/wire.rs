//! The connection to a syslog receiver: TCP, or TLS whose certificate is verified; closed by both sides or not believed.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openssl::x509::X509;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::site::model::Forward;

/// Why a receiver did not take what was sent.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Its name is not known.
    #[error("its name cannot be resolved")]
    Name {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("it cannot be reached")]
    Connect {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A CA's file cannot be used.
    #[error("the CA certificate {path} cannot be used: {reason}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No TLS can be spoken.
    #[error("TLS cannot be set up")]
    Tls {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The connection broke, or its certificate is not believed.
    #[error("the connection failed")]
    Broken {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It took the bytes, and never said that it was done with them.
    #[error("it did not close the connection after the last event, so nobody knows what it read")]
    Unconfirmed,
}

impl WireError {
    /// What to do next.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::Connect { .. } => "see that `ledger.forward.to` names the receiver and that it listens there",
            Self::Ca { .. } => "mend `ledger.forward.ca_certificates`",
            Self::Tls { .. } | Self::Broken { .. } => {
                "see the receiver's log, and that its certificate is for that name and signed by one of the CAs"
            }
            Self::Unconfirmed => "see the receiver's log",
        }
    }
}

/// Sends `frames` over a connection of its own. Done when the receiver has closed it after us.
pub(super) fn send(target: &Forward, frames: &[u8], patience: Duration) -> Result<(), WireError> {
    let broken = |source| WireError::Broken { source };
    // Read before anybody is dialled: a CA that cannot be read is no reason to knock.
    let config = target.tls.then(|| tls_config(target)).transpose()?;
    let mut socket = connect(target, patience)?;
    socket.set_read_timeout(Some(patience)).map_err(broken)?;
    socket.set_write_timeout(Some(patience)).map_err(broken)?;
    let Some(config) = config else {
        socket.write_all(frames).map_err(broken)?;
        must_be_open(&socket)?;
        socket.shutdown(Shutdown::Write).map_err(broken)?;
        return wait_for_end(socket);
    };
    let name = ServerName::try_from(target.host.clone()).map_err(|error| WireError::Name { source: io::Error::other(error) })?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|source| WireError::Tls { source })?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(frames).map_err(broken)?;
    stream.conn.send_close_notify();
    stream.flush().map_err(broken)?;
    must_be_open(&stream.sock)?;
    stream.sock.shutdown(Shutdown::Write).map_err(broken)?;
    wait_for_end(stream)
}

fn connect(target: &Forward, patience: Duration) -> Result<TcpStream, WireError> {
    let addresses = (target.host.as_str(), target.port).to_socket_addrs().map_err(|source| WireError::Name { source })?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(WireError::Connect { source: last })
}

/// A receiver that closes before it is told to has not read everything.
fn must_be_open(socket: &TcpStream) -> Result<(), WireError> {
    let broken = |source| WireError::Broken { source };
    socket.set_nonblocking(true).map_err(broken)?;
    let seen = socket.peek(&mut [0]);
    socket.set_nonblocking(false).map_err(broken)?;
    match seen {
        Ok(0) => Err(broken(io::ErrorKind::UnexpectedEof.into())),
        // TLS session tickets may be waiting.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(source) => Err(broken(source)),
    }
}

/// Reads to the end: a receiver that was killed or refused resets the connection, one that read everything closes it.
fn wait_for_end(mut stream: impl io::Read) -> Result<(), WireError> {
    let mut rest = [0; 256];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Closed without TLS's own goodbye, which nobody waits for here.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(WireError::Unconfirmed);
            }
            Err(source) => return Err(WireError::Broken { source }),
        }
    }
}

fn tls_config(target: &Forward) -> Result<ClientConfig, WireError> {
    let mut roots = RootCertStore::empty();
    for path in &target.ca_certificates {
        let unusable = |reason: String| WireError::Ca { path: path.clone(), reason };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let certificates = X509::stack_from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("no certificate is in it".to_owned()));
        }
        for certificate in certificates {
            let der = certificate.to_der().map_err(|error| unusable(error.to_string()))?;
            roots.add(CertificateDer::from(der)).map_err(|error| unusable(error.to_string()))?;
        }
    }
    if target.ca_certificates.is_empty() {
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| WireError::Tls { source })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
