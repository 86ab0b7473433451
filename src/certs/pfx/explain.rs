//! Why a PFX opens here and not there: from its algorithm identifiers, without the password. "Wrong password" is
//! what all platforms say, whatever the reason.

use super::pbe::{self, MAX_WORK};
use super::platform::{Objection, PLATFORMS, Platform};
use super::scheme::{Hash, Mac, Scheme};
use super::structure::{Pfx, PfxReadError, Safe};
use crate::certs::algorithm::KeyKind;

const KEY: &str = "private key";

/// What can be said of a PFX without its password.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// How it is protected against change; `None`: not at all.
    pub mac: Option<Mac>,
    /// How each of its parts is encrypted, with what the part is; `None`: not encrypted.
    pub parts: Vec<(&'static str, Option<Scheme>)>,
    /// What each platform makes of it.
    pub readings: Vec<Reading>,
    /// What should be said besides.
    pub remarks: Vec<String>,
}

/// One platform's verdict.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The platform.
    pub platform: Platform,
    /// Why it cannot open the file; empty where it can.
    pub objections: Vec<String>,
    /// What is in the file of which it is not known whether it can open that.
    pub doubts: Vec<String>,
}

impl Reading {
    /// Whether the platform can open the file; `None` where that is not known.
    pub fn opens(&self) -> Option<bool> {
        match (self.objections.is_empty(), self.doubts.is_empty()) {
            (false, _) => Some(false),
            (true, true) => Some(true),
            (true, false) => None,
        }
    }

    fn take(&mut self, objection: Option<Objection>, about: &str) {
        let (list, text) = match objection {
            Some(Objection::Fails(text)) => (&mut self.objections, text),
            Some(Objection::Unknown(text)) => (&mut self.doubts, text),
            None => return,
        };
        let text = format!("{about}{text}");
        if !list.contains(&text) {
            list.push(text);
        }
    }
}

/// Takes a PFX apart as far as that goes without its password.
pub fn explain(bytes: &[u8]) -> Result<Explanation, PfxReadError> {
    let pfx = Pfx::parse(bytes)?;
    let mut parts: Vec<(&'static str, Option<Scheme>)> = Vec::new();
    for safe in &pfx.safes {
        match safe {
            Safe::Encrypted { scheme, .. } => parts.push(("certificates", Some(scheme.clone()))),
            Safe::ForRecipient => return Err(PfxReadError::PublicKeyMode),
            Safe::Plain(_) => {}
        }
    }
    for scheme in pfx.key_schemes()? {
        parts.push((KEY, scheme));
    }
    let readings = PLATFORMS.iter().map(|platform| read_by(platform, pfx.mac.as_ref(), &parts)).collect();
    let remarks = remarks(pfx.mac.as_ref(), &parts);
    Ok(Explanation { mac: pfx.mac, parts, readings, remarks })
}

impl Explanation {
    /// Adds what the private keys mean for the platforms, once the password has opened the file.
    pub fn consider_key(&mut self, kind: &KeyKind) {
        for reading in &mut self.readings {
            reading.take(reading.platform.objection_to_key(kind), &format!("{KEY}: "));
        }
    }

    /// Whether all of it is of kinds that this tool opens, given the password.
    pub fn is_read_here(&self) -> bool {
        let mac = self.mac.as_ref().is_none_or(pbe::knows_mac);
        mac && self.parts.iter().filter_map(|(_, scheme)| scheme.as_ref()).all(pbe::knows_scheme)
    }

    /// Adds what a password means for the platforms that is not ASCII alone.
    pub fn consider_password(&mut self, password: &str) {
        let encrypted = self.mac.is_some() || self.parts.iter().any(|(_, scheme)| scheme.is_some());
        if password.is_ascii() || !encrypted {
            return;
        }
        for reading in &mut self.readings {
            reading.take(reading.platform.objection_to_non_ascii(), "");
        }
        self.remarks.push(
            "the password has letters outside ASCII, which programs encode differently: one of ASCII alone opens everywhere".to_owned(),
        );
    }
}

fn read_by(platform: &Platform, mac: Option<&Mac>, parts: &[(&'static str, Option<Scheme>)]) -> Reading {
    let mut reading = Reading { platform: *platform, objections: Vec::new(), doubts: Vec::new() };
    reading.take(mac.map_or_else(|| platform.objection_to_no_mac(), |mac| platform.objection_to_mac(mac)), "");
    for (what, scheme) in parts {
        let to_part = match scheme {
            Some(scheme) => platform.objection_to_scheme(scheme),
            None if *what == KEY => platform.objection_to_plain_key(),
            None => None,
        };
        reading.take(to_part, &format!("{what}: "));
    }
    reading.take(platform.objection_to_work(most_iterations(mac, parts)), "");
    reading
}

/// The largest count that one of the derivations states.
fn most_iterations(mac: Option<&Mac>, parts: &[(&'static str, Option<Scheme>)]) -> u64 {
    let of_parts = parts.iter().filter_map(|(_, scheme)| scheme.as_ref()).map(Scheme::work);
    of_parts.chain(mac.map(Mac::work)).max().unwrap_or(0)
}

fn remarks(mac: Option<&Mac>, parts: &[(&'static str, Option<Scheme>)]) -> Vec<String> {
    let mut remarks = Vec::new();
    match mac {
        None => {
            remarks
                .push("it has no MAC: a wrong password shows only when a part fails to decrypt, and whether Windows, macOS and Android take it is not known".to_owned());
        }
        Some(Mac::Traditional { hash: Hash::Md5 | Hash::Sha1, .. }) => {
            remarks.push("its MAC rests on SHA-1 or older: good for old platforms, not for FIPS mode".to_owned());
        }
        Some(Mac::Pbmac1 { .. }) => {
            remarks.push("with an empty password NSS (pk12util) imports it nevertheless, without checking the MAC".to_owned());
        }
        Some(_) => {}
    }
    if parts.iter().any(|(what, scheme)| *what == KEY && scheme.is_none()) {
        remarks.push("its private key is not encrypted: whoever has the file has the key".to_owned());
    }
    if !parts.iter().any(|(what, _)| *what == KEY) {
        remarks.push("no private key can be seen in it without the password; there may be none".to_owned());
    }
    let work = most_iterations(mac, parts);
    if work > MAX_WORK {
        remarks.push(format!("it asks for {work} iterations: opening it takes long, and some platforms refuse"));
    }
    remarks
}
