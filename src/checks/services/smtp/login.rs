//! AUTH PLAIN (RFC 4616), and nothing of the password anywhere else: not in a reply that is shown, not in memory after.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::wire::{Reply, Wire, WireError};

/// Who logs in.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The user.
    pub username: &'a str,
    /// The password.
    pub password: &'a SecretString,
}

/// Logs in. The caller has made sure that the password may cross this wire, and that PLAIN is offered.
pub(super) async fn plain(wire: &mut Wire, credentials: &Credentials<'_>) -> Result<Reply, WireError> {
    let response = initial_response(credentials);
    let mut reply = wire.command(&Zeroizing::new(format!("AUTH PLAIN {}", response.as_str()))).await?;
    if reply.code == 334 {
        // Servers that ignore an initial response ask for it again (RFC 4954, 4).
        reply = wire.command(&response).await?;
    }
    Ok(without_secret(reply, credentials, &response))
}

fn initial_response(credentials: &Credentials<'_>) -> Zeroizing<String> {
    let clear = Zeroizing::new(format!("\0{}\0{}", credentials.username, credentials.password.expose_secret()));
    Zeroizing::new(STANDARD.encode(clear.as_bytes()))
}

/// Some servers repeat the command they did not understand.
fn without_secret(reply: Reply, credentials: &Credentials<'_>, response: &str) -> Reply {
    let password = credentials.password.expose_secret();
    let encoded = Zeroizing::new(STANDARD.encode(password));
    let mut lines = reply.lines;
    for secret in [response, encoded.as_str(), password].into_iter().filter(|secret| !secret.is_empty()) {
        lines = lines.into_iter().map(|line| line.replace(secret, "•••")).collect();
    }
    Reply { code: reply.code, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_the_command_does_not_leak_the_password() {
        let password = SecretString::from("hunter2");
        let credentials = Credentials { username: "u", password: &password };
        let response = initial_response(&credentials);
        assert_eq!(response.as_str(), "AHUAaHVudGVyMg==");
        let echoed = vec![format!("5.5.1 unknown command AUTH PLAIN {}", response.as_str()), "bad password hunter2".to_owned()];
        let reply = without_secret(Reply { code: 500, lines: echoed }, &credentials, &response);
        assert_eq!(reply.shown(), "500 5.5.1 unknown command AUTH PLAIN ••• / bad password •••");
    }
}
