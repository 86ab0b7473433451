//! What to do where a directory's TLS, or the tenant's, is not what a connector can use. Pure text.

use crate::checks::services::tls::{Distrust, TlsProbeError};

/// Why LDAPS came to nothing at `host:port`.
pub fn no_tls(error: &TlsProbeError, host: &str, port: u16) -> String {
    match error {
        TlsProbeError::NotTls | TlsProbeError::Closed => format!(
            "ask the directory team which port of {host} speaks TLS from the first byte (636 by custom) and whether it has a certificate there; {port} ends the connection at the first words of TLS, as a port of `ldap://` does"
        ),
        TlsProbeError::OldVersionOnly => format!(
            "ask the directory team to enable TLS 1.2 on {host} (slapd: `TLSProtocolMin 3.3`; Active Directory: Schannel's TLS 1.2)"
        ),
        TlsProbeError::TimedOut { .. } => {
            format!("ask the directory team whether {host}:{port} speaks TLS from the first byte, as `ldaps://` does")
        }
        TlsProbeError::Alert { .. } => {
            format!("ask the directory team for its log of this moment: {host} wants a client certificate, or no cipher is common")
        }
        TlsProbeError::NameInvalid { .. } => "correct `ldap_url` in the site file".to_owned(),
        TlsProbeError::Protocol { .. } | TlsProbeError::Network { .. } => {
            format!("try it by hand on the connector's server: `openssl s_client -connect {host}:{port}`")
        }
    }
}

/// What to do where `whose` certificate (`the directory's`, `the tenant's`), served for `host`, cannot be trusted.
pub fn distrusted(reason: &Distrust, whose: &str, host: &str) -> String {
    match reason {
        Distrust::Expired { .. } => format!("have {whose} certificate renewed; until then the connector refuses it"),
        Distrust::NotYetValid { .. } => format!("compare the clocks first; otherwise have {whose} certificate issued anew"),
        Distrust::NameMissing { presented, .. } => match presented.iter().find(|name| !name.starts_with('*')) {
            Some(name) => format!("use the name that the certificate holds ({name}), or have {whose} certificate issued for {host}"),
            None => format!("have {whose} certificate issued for {host}"),
        },
        Distrust::ChainIncomplete { issuer, .. } => format!(
            "have {issuer} served beside the certificate; where it is your own CA, import it on the connector's server and name it under the connector's `ca_certificates`"
        ),
        Distrust::SelfSigned { subject } | Distrust::UntrustedRoot { root: subject } => format!(
            "import {subject} on the connector's server, and name its certificate under the connector's `ca_certificates`; or have a certificate of a public CA"
        ),
        Distrust::NoCertificate | Distrust::Unreadable { .. } | Distrust::Refused { .. } => {
            format!("have {whose} certificate issued and installed anew")
        }
    }
}
