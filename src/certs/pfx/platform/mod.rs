//! What each platform can open, as data.

mod feature;
mod table;

use std::fmt;

use super::scheme::{Mac, Scheme};
use crate::certs::algorithm::KeyKind;
use feature::{Feature, Needed};

pub(super) use table::PLATFORMS;

/// One platform that people import PFX files on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: &'static str,
    /// What the entry rests on.
    pub source: &'static str,
    knows: &'static [&'static [Feature]],
    /// What it was not tried with, so that nothing can be said.
    untried: &'static [&'static [Feature]],
    /// Most iterations of one derivation that it does, where it has such a bound.
    most_work: Option<u64>,
}

/// What stands in a platform's way, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    /// It fails, for this reason.
    Fails(String),
    /// Whether it fails is not known, for this reason.
    Unknown(String),
}

impl Platform {
    fn knows(&self, feature: Feature) -> bool {
        self.knows.iter().any(|features| features.contains(&feature))
    }

    /// Judges by what is needed for `what`; a refusal goes before a doubt.
    fn judge(&self, needed: &Needed, what: &dyn fmt::Display, refusal: impl Fn(Feature) -> String) -> Option<Objection> {
        let mut doubt = None;
        for one in needed {
            match one {
                Some(feature) if self.knows(*feature) => {}
                Some(feature) if self.untried.iter().any(|features| features.contains(feature)) => {
                    doubt.get_or_insert_with(|| format!("whether it takes {what} is not known to this tool"));
                }
                Some(feature) => return Some(Objection::Fails(refusal(*feature))),
                None => {
                    doubt = Some(format!("{what} is not known to this tool"));
                }
            }
        }
        doubt.map(Objection::Unknown)
    }

    /// Why it cannot open something encrypted like this; `None` where it can.
    pub(super) fn objection_to_scheme(&self, scheme: &Scheme) -> Option<Objection> {
        let what = match scheme {
            Scheme::Pbes2 { cipher, .. } => format!("PBES2 with {cipher}"),
            Scheme::Pkcs12 { cipher, .. } => cipher.to_string(),
            Scheme::Pbes1 { hash, cipher, .. } => format!("PBES1 with {cipher} and {hash}"),
            Scheme::Other(_) => scheme.to_string(),
        };
        self.judge(&Feature::of_scheme(scheme), &what, |feature| {
            let what = if feature == Feature::Scrypt { "scrypt" } else { what.as_str() };
            let all = feature == Feature::Aes;
            if all { "it does not know PBES2 (AES) in a PFX yet".to_owned() } else { format!("it does not know {what}") }
        })
    }

    /// Why it does not even begin with so many iterations; `None` where it does.
    pub(super) fn objection_to_work(&self, iterations: u64) -> Option<Objection> {
        let most = self.most_work.filter(|most| iterations > *most)?;
        Some(Objection::Fails(format!("it refuses {iterations} iterations, more than {most}")))
    }

    /// Why it makes nothing of a file without MAC; `None` where it opens that, or nothing is known.
    pub(super) fn objection_to_no_mac(&self) -> Option<Objection> {
        (!self.knows(Feature::NoMac)).then(|| Objection::Fails("it refuses a file without MAC".to_owned()))
    }

    /// Why it makes nothing of a private key that is not encrypted; `None` where it takes it, or nothing is known.
    pub(super) fn objection_to_plain_key(&self) -> Option<Objection> {
        let why = "it refuses a key that is not encrypted, or passes over it and shows no entry";
        (!self.knows(Feature::PlainKey)).then(|| Objection::Fails(why.to_owned()))
    }

    /// Why it refuses a password with letters outside ASCII; `None` where it does not.
    pub(super) fn objection_to_non_ascii(&self) -> Option<Objection> {
        let refuses = self.name.starts_with("Java");
        refuses.then(|| Objection::Fails("it refuses a password with letters outside ASCII".to_owned()))
    }

    /// Why it cannot use such a private key, once the file is open; `None` where it can.
    pub(super) fn objection_to_key(&self, kind: &KeyKind) -> Option<Objection> {
        let what = format!("a key of the kind {kind}");
        self.judge(&Feature::of_key(kind), &what, |_| format!("it does not import {what}"))
    }

    /// Why it cannot check such a MAC; `None` where it can.
    pub(super) fn objection_to_mac(&self, mac: &Mac) -> Option<Objection> {
        let what = match mac {
            Mac::Pbmac1 { .. } => "PBMAC1".to_owned(),
            Mac::Traditional { hash, .. } => format!("a MAC with {hash}"),
        };
        self.judge(&Feature::of_mac(mac), &what, |feature| {
            let what = if feature == Feature::Sha2Mac { "a MAC with SHA-2" } else { what.as_str() };
            let yet = if matches!(feature, Feature::Sha2Mac | Feature::Pbmac1) { " yet" } else { "" };
            format!("it does not know {what}{yet}, and will say that the password is wrong")
        })
    }
}
