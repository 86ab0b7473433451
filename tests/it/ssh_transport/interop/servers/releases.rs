//! What OpenSSH's releases offer by default (`myproposal.h`), as far as the installed sshd can be told to.

/// A release, and the configuration that makes the installed sshd offer what it offered.
pub(in crate::ssh_transport::interop) struct Release {
    pub(in crate::ssh_transport::interop) name: &'static str,
    kex: &'static [&'static str],
    ciphers: &'static str,
    signatures: &'static str,
    /// What cannot be emulated.
    pub(in crate::ssh_transport::interop) lacks: &'static str,
}

const CURVES: &str = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521";
const GEX: &str = "diffie-hellman-group-exchange-sha256";
const GROUPS: &str = "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256";
const SNTRUP: &str = "sntrup761x25519-sha512@openssh.com";

const CTR_FIRST: &str = "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com";
const GCM_FIRST: &str = "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";
const MACS: &str = "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,\
                    hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1";

const WITH_SHA1: &str = "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa";
const WITHOUT_SHA1: &str = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

/// From the oldest that is supported to today's.
pub(in crate::ssh_transport::interop) const RELEASES: &[Release] = &[
    Release {
        name: "OpenSSH 7.4",
        kex: &[CURVES, GEX, GROUPS, "diffie-hellman-group14-sha1"],
        ciphers: CTR_FIRST,
        signatures: WITH_SHA1,
        lacks: "",
    },
    Release { name: "OpenSSH 8.2", kex: &[CURVES, GEX, GROUPS], ciphers: CTR_FIRST, signatures: WITH_SHA1, lacks: "" },
    Release { name: "OpenSSH 8.5", kex: &[CURVES, SNTRUP, GEX, GROUPS], ciphers: CTR_FIRST, signatures: WITH_SHA1, lacks: "" },
    Release { name: "OpenSSH 8.8", kex: &[CURVES, GEX, GROUPS], ciphers: CTR_FIRST, signatures: WITHOUT_SHA1, lacks: "" },
    Release { name: "OpenSSH 9.0", kex: &[SNTRUP, CURVES, GEX, GROUPS], ciphers: CTR_FIRST, signatures: WITHOUT_SHA1, lacks: "" },
    Release {
        name: "OpenSSH 9.9",
        kex: &[SNTRUP, CURVES, GEX, GROUPS],
        ciphers: CTR_FIRST,
        signatures: WITHOUT_SHA1,
        lacks: "without `mlkem768x25519-sha256`, which the installed sshd does not know",
    },
    Release {
        name: "OpenSSH 10.0",
        kex: &[SNTRUP, CURVES],
        ciphers: GCM_FIRST,
        signatures: WITHOUT_SHA1,
        lacks: "without `mlkem768x25519-sha256`, which the installed sshd does not know",
    },
];

/// Others than any release's default, met at hardened sites.
pub(in crate::ssh_transport::interop) const HARDENED: &[(&str, &str)] = &[
    (
        "curve25519 and CTR alone",
        "KexAlgorithms curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256\nCiphers aes256-ctr,aes128-ctr\nMACs hmac-sha2-512,hmac-sha2-256",
    ),
    (
        "as FIPS 140 asks",
        "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,diffie-hellman-group14-sha256\nCiphers aes256-gcm@openssh.com,aes256-ctr\n\
         MACs hmac-sha2-256\nHostKeyAlgorithms ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256",
    ),
    (
        "large groups alone",
        "KexAlgorithms diffie-hellman-group16-sha512,diffie-hellman-group18-sha512\nCiphers aes128-gcm@openssh.com\nHostKeyAlgorithms rsa-sha2-512",
    ),
    ("one EtM MAC alone", "KexAlgorithms curve25519-sha256\nCiphers aes192-ctr\nMACs hmac-sha2-512-etm@openssh.com"),
];

/// What is offered by servers that must be refused.
pub(in crate::ssh_transport::interop) const REFUSED: &[(&str, &str)] = &[
    ("diffie-hellman-group14-sha1", "KexAlgorithms diffie-hellman-group14-sha1"),
    ("diffie-hellman-group-exchange-sha1", "KexAlgorithms diffie-hellman-group-exchange-sha1"),
    ("diffie-hellman-group1-sha1", "KexAlgorithms diffie-hellman-group1-sha1"),
    ("aes128-cbc", "Ciphers aes128-cbc"),
    ("3des-cbc", "Ciphers 3des-cbc"),
    ("hmac-sha1", "Ciphers aes128-ctr\nMACs hmac-sha1"),
    ("hmac-md5", "Ciphers aes128-ctr\nMACs hmac-md5"),
    ("ssh-rsa", "HostKeyAlgorithms ssh-rsa"),
    (SNTRUP, "KexAlgorithms sntrup761x25519-sha512@openssh.com"),
];

impl Release {
    /// Lines for `sshd_config`.
    pub(in crate::ssh_transport::interop) fn configuration(&self) -> String {
        format!(
            "KexAlgorithms {}\nCiphers {}\nMACs {MACS}\nHostKeyAlgorithms {}\nPubkeyAcceptedAlgorithms {}",
            self.kex.join(","),
            self.ciphers,
            self.signatures,
            self.signatures
        )
    }
}
