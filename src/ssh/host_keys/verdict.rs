//! The verdict on a shown host key: pins, known keys, authorities, revocations. Values in, verdict out.

use std::sync::Arc;

use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::KnownHosts;
use super::known_hosts::{Marker, lookup_name};
use crate::ssh::error::{Error, ExpectedKey, Place, ShownKey};

/// A pinned host key.
#[derive(Debug, Clone)]
enum Pin {
    Fingerprint(String),
    Key(Box<PublicKey>),
}

/// Which host keys a machine may show.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    place: Arc<Place>,
    pins: Vec<Pin>,
    known: Arc<KnownHosts>,
    names: Vec<String>,
    port: u16,
    /// The name in the line that would accept its key.
    written_as: String,
    now: jiff::Timestamp,
}

/// What one name's entries say of a key.
enum Standing {
    Unknown,
    Known,
    Other(Vec<ExpectedKey>),
}

impl Expectation {
    /// What is expected of the machine at `place`, known under `names` (its own first, then its address) on `port`.
    pub(crate) fn new(
        place: Arc<Place>,
        pins: &[String],
        known: Arc<KnownHosts>,
        names: (Vec<String>, u16),
        now: jiff::Timestamp,
    ) -> Result<Self, Error> {
        let parse = |pin: &String| parse_pin(pin).ok_or_else(|| Error::PinMalformed { place: Arc::clone(&place), pin: pin.clone() });
        let pins = pins.iter().map(parse).collect::<Result<_, _>>()?;
        let (mut names, port) = names;
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
        let written_as = names.last().map(|name| lookup_name(name, port)).unwrap_or_default();
        Ok(Self { place, pins, known, names, port, written_as, now })
    }

    /// Names the machine in the line that would accept its key as `ssh` itself looks it up: by its alias
    /// (`HostKeyAlias`), else by the address and port that were dialled. The name in a site file is no good there: the
    /// next site may have a machine of the same name.
    pub(crate) fn is_written_as(&mut self, alias: Option<&str>, host: &str) {
        self.written_as = alias.map_or_else(|| lookup_name(host, self.port), ToOwned::to_owned);
    }

    /// The types of keys that are known of this machine, and whether an authority is known for it.
    pub(crate) fn known_types(&self) -> (Vec<Algorithm>, bool) {
        if !self.pins.is_empty() {
            let types = self.pins.iter().filter_map(|pin| match pin {
                Pin::Key(key) => Some(key.algorithm()),
                Pin::Fingerprint(_) => None,
            });
            return (types.collect(), false);
        }
        let names: Vec<String> = self.lookup_names().collect();
        let entries = names.iter().flat_map(|name| self.known.about(name)).map(|(_, entry)| entry);
        let (authorities, hosts): (Vec<_>, Vec<_>) =
            entries.filter(|entry| entry.marker != Marker::Revoked).partition(|entry| entry.marker == Marker::Authority);
        (hosts.iter().map(|entry| entry.key.algorithm()).collect(), !authorities.is_empty())
    }

    /// Accepts what was shown, or says why not.
    pub(crate) fn judge(&self, shown: &PublicKeyOrCertificate) -> Result<(), Error> {
        let key = shown.public_key();
        self.refuse_revoked(&key)?;
        if !self.pins.is_empty() {
            return self.judge_by_pins(&key);
        }
        match shown.certificate() {
            Some(certificate) => self.judge_certificate(certificate),
            None => self.judge_by_known_hosts(&key),
        }
    }

    /// `[name]:port`, and on other ports than 22 the plain name as well, as `ssh` looks hosts up.
    fn lookup_names(&self) -> impl Iterator<Item = String> {
        let plain = (self.port != 22).then_some(22);
        self.names.iter().flat_map(move |name| [Some(self.port), plain].into_iter().flatten().map(move |port| lookup_name(name, port)))
    }

    fn refuse_revoked(&self, key: &PublicKey) -> Result<(), Error> {
        for name in self.lookup_names() {
            let mut entries = self.known.about(&name);
            let revoked = entries.find(|(_, entry)| entry.marker == Marker::Revoked && entry.key.key_data() == key.key_data());
            if let Some((path, entry)) = revoked {
                let stands_in = format!("{}:{}", path.display(), entry.line);
                return Err(Error::HostKeyRevoked { place: Arc::clone(&self.place), shown: Box::new(self.shown(key)), stands_in });
            }
        }
        Ok(())
    }

    fn judge_by_pins(&self, key: &PublicKey) -> Result<(), Error> {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let fits = |pin: &Pin| match pin {
            Pin::Fingerprint(pinned) => *pinned == fingerprint,
            // The comment would count in `==` of whole keys.
            Pin::Key(pinned) => pinned.key_data() == key.key_data(),
        };
        if self.pins.iter().any(fits) {
            return Ok(());
        }
        let expected = self.pins.iter().map(|pin| ExpectedKey {
            fingerprint: match pin {
                Pin::Fingerprint(pinned) => pinned.clone(),
                Pin::Key(pinned) => pinned.fingerprint(HashAlg::Sha256).to_string(),
            },
            stands_in: "the site file's `host_keys`".to_owned(),
        });
        Err(Error::HostKeyChanged { place: Arc::clone(&self.place), shown: Box::new(self.shown(key)), expected: expected.collect() })
    }

    fn judge_by_known_hosts(&self, key: &PublicKey) -> Result<(), Error> {
        // The machine's own name decides before its address: addresses are given to other machines, names are not.
        for name in &self.names {
            match self.standing(&lookup_name(name, self.port), key) {
                Standing::Known => return Ok(()),
                Standing::Other(expected) => {
                    return Err(Error::HostKeyChanged { place: Arc::clone(&self.place), shown: Box::new(self.shown(key)), expected });
                }
                Standing::Unknown => {}
            }
            // Only the very same key counts here: another port is another server.
            if matches!(self.standing(&lookup_name(name, 22), key), Standing::Known) {
                return Ok(());
            }
        }
        Err(Error::HostKeyUnknown { place: Arc::clone(&self.place), shown: Box::new(self.shown(key)) })
    }

    /// Another key of another type counts as another key, not as none.
    fn standing(&self, name: &str, key: &PublicKey) -> Standing {
        let mut others = Vec::new();
        for (path, entry) in self.known.about(name).filter(|(_, entry)| entry.marker == Marker::Host) {
            if entry.key.key_data() == key.key_data() {
                return Standing::Known;
            }
            others.push(ExpectedKey {
                fingerprint: entry.key.fingerprint(HashAlg::Sha256).to_string(),
                stands_in: format!("{}:{}", path.display(), entry.line),
            });
        }
        if others.is_empty() { Standing::Unknown } else { Standing::Other(others) }
    }

    fn judge_certificate(&self, certificate: &Certificate) -> Result<(), Error> {
        let refused = |reason: String| Error::HostCertificateRefused { place: Arc::clone(&self.place), reason };
        if !certificate.cert_type().is_host() {
            return Err(refused("it is a user's certificate".to_owned()));
        }
        let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
        let names: Vec<String> = self.lookup_names().collect();
        let mut entries = names.iter().flat_map(|name| self.known.about(name)).map(|(_, entry)| entry);
        let about_authority = entries.any(|entry| entry.marker == Marker::Authority && entry.key.key_data() == certificate.signature_key());
        if !about_authority {
            return Err(refused(format!("its authority {authority} is not known for this machine")));
        }
        let revoked = |name: &String| {
            let mut entries = self.known.about(name);
            entries.any(|(_, entry)| entry.marker == Marker::Revoked && entry.key.key_data() == certificate.signature_key())
        };
        if names.iter().any(revoked) {
            return Err(refused(format!("its authority {authority} is revoked")));
        }
        let is_named = |principal: &String| self.names.iter().any(|name| name.eq_ignore_ascii_case(principal));
        // A certificate without principals would hold for every machine; OpenSSH refuses those as well.
        if !certificate.valid_principals().iter().any(is_named) {
            return Err(refused(format!("it is for {}", certificate.valid_principals().join(", "))));
        }
        if !certificate.critical_options().is_empty() {
            return Err(refused("it has critical options, and a host certificate knows none".to_owned()));
        }
        let now = u64::try_from(self.now.as_second()).unwrap_or_default();
        if now < certificate.valid_after() {
            return Err(refused("it is not yet valid".to_owned()));
        }
        if now >= certificate.valid_before() {
            return Err(refused("it has expired".to_owned()));
        }
        certificate.validate_at(now, [&authority]).map_err(|error| refused(error.to_string()))
    }

    fn shown(&self, key: &PublicKey) -> ShownKey {
        let name = &self.written_as;
        let line = PublicKey::new(key.key_data().clone(), "").to_openssh().unwrap_or_default();
        ShownKey {
            algorithm: key.algorithm().as_str().to_owned(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            known_hosts_line: format!("{name} {}", line.trim_end()),
            known_hosts_file: self.known.first.clone(),
        }
    }
}

fn parse_pin(pin: &str) -> Option<Pin> {
    let pin = pin.trim();
    if let Some(digest) = pin.strip_prefix("SHA256:") {
        use base64::Engine as _;
        let digest = digest.trim_end_matches('=');
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digest).ok()?;
        return (bytes.len() == 32).then(|| Pin::Fingerprint(format!("SHA256:{digest}")));
    }
    PublicKey::from_openssh(pin).ok().map(|key| Pin::Key(Box::new(key)))
}

#[cfg(test)]
mod tests;
