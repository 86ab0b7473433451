//! The structure of a PFX (RFC 7292, 4): authenticated safes, their encryption, their bags.
//!
//! What can be seen without the password is read first; `explain` needs no more. Opening comes after, bag by bag,
//! so that a PFX with several keys gives them all.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::pbe::{self, Password, PbeError};
use super::scheme::{Mac, Scheme};
use crate::certs::asn1::{self, Asn1Error, Element, Reader, context, definite};

const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const ENVELOPED_DATA: &str = "1.2.840.113549.1.7.3";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const FRIENDLY_NAME: &str = "1.2.840.113549.1.9.20";
const BAG: &str = "1.2.840.113549.1.12.10.1.";
/// Bags within bags are allowed, and nobody writes them.
const MAX_NESTED_BAGS: usize = 4;

/// A PFX, closed.
#[derive(Debug, Clone)]
pub(crate) struct Pfx {
    /// How it is protected against change; `None`: not at all.
    pub(crate) mac: Option<Mac>,
    /// What the MAC is computed over.
    pub(crate) content: Vec<u8>,
    /// Its safes, in order.
    pub(crate) safes: Vec<Safe>,
}

/// One authenticated safe.
#[derive(Debug, Clone)]
pub(crate) enum Safe {
    /// Not encrypted as a whole.
    Plain(Vec<u8>),
    /// Encrypted by password.
    Encrypted {
        /// How.
        scheme: Scheme,
        /// What.
        data: Vec<u8>,
    },
    /// Encrypted for a recipient's public key, which nobody does.
    ForRecipient,
}

/// Why a PFX could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PfxReadError {
    /// Not the structure of RFC 7292.
    #[error("not a well-formed PFX: {0}")]
    Structure(#[from] Asn1Error),
    /// The password, or an algorithm.
    #[error(transparent)]
    Opening(#[from] PbeError),
    /// Public-key integrity or privacy mode.
    #[error("it is protected by a public key instead of a password")]
    PublicKeyMode,
}

/// One thing found in an opened PFX.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) item: Item,
    pub(crate) friendly_name: Option<String>,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A private key, PKCS#8.
    Key(Zeroizing<Vec<u8>>),
    /// A certificate, DER.
    Certificate(Vec<u8>),
    /// A CRL, a secret or something unknown.
    Other,
}

impl Pfx {
    /// Reads the outer structure; BER is taken as well as DER.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PfxReadError> {
        let whole = definite(bytes)?;
        let mut pfx = Reader::new(&whole).sequence("a PFX")?;
        if pfx.next()?.number()? != 3 {
            return Err(Asn1Error::BadValue("the PFX version").into());
        }
        let (kind, content) = content_info(&mut pfx)?;
        if kind == SIGNED_DATA {
            return Err(PfxReadError::PublicKeyMode);
        }
        let content = octets(kind == DATA, content)?.into_owned();
        let mac = pfx.optional(asn1::SEQUENCE)?.map(|data| Mac::parse(&data)).transpose()?;
        let mut safes = Vec::new();
        let list = definite(&content)?;
        let mut list = Reader::new(&list).sequence("authenticated safes")?;
        while !list.is_empty() {
            let (kind, content) = content_info(&mut list)?;
            safes.push(match kind.as_str() {
                ENCRYPTED_DATA => encrypted(content)?,
                ENVELOPED_DATA => Safe::ForRecipient,
                _ => Safe::Plain(octets(kind == DATA, content)?.into_owned()),
            });
        }
        Ok(Self { mac, content, safes })
    }

    /// Checks the MAC, where there is one.
    pub(crate) fn authenticate(&self, password: Password<'_>) -> Result<(), PbeError> {
        self.mac.as_ref().map_or(Ok(()), |mac| pbe::verify_mac(mac, password, &self.content))
    }

    /// Whether the password opens anything in it, and is not that of the MAC alone.
    pub(crate) fn is_encrypted(&self) -> bool {
        let safes = self.safes.iter().any(|safe| matches!(safe, Safe::Encrypted { .. } | Safe::ForRecipient));
        safes || self.key_schemes().is_ok_and(|schemes| schemes.iter().any(Option::is_some))
    }

    /// Hash iterations that one password takes, as far as can be seen without it.
    pub(crate) fn work_to_open(&self) -> u64 {
        let of_safes =
            self.safes.iter().filter_map(|safe| if let Safe::Encrypted { scheme, .. } = safe { Some(scheme.work()) } else { None });
        let of_keys = self.key_schemes().unwrap_or_default().into_iter().flatten().map(|scheme| scheme.work());
        of_safes.chain(of_keys).chain(self.mac.as_ref().map(Mac::work)).fold(1, u64::saturating_add)
    }

    /// How the private keys that can be seen without the password are encrypted; `None` for one that is not.
    pub(crate) fn key_schemes(&self) -> Result<Vec<Option<Scheme>>, Asn1Error> {
        let mut schemes = Vec::new();
        for safe in &self.safes {
            if let Safe::Plain(contents) = safe {
                let contents = definite(contents)?;
                let mut bags = Reader::new(&contents).sequence("safe contents")?;
                while !bags.is_empty() {
                    let bag = Bag::read(&mut bags)?;
                    match bag.kind.as_str() {
                        "1" => schemes.push(None),
                        "2" => schemes.push(Some(Scheme::parse(&bag.value.inside().next()?)?)),
                        _ => {}
                    }
                }
            }
        }
        Ok(schemes)
    }

    /// Everything in it, opened with `password`. The MAC is not looked at.
    pub(crate) fn open(&self, password: Password<'_>) -> Result<Vec<Content>, PfxReadError> {
        let mut opener = Opener { password, work: 0, found: Vec::new() };
        for safe in &self.safes {
            match safe {
                Safe::Plain(contents) => opener.take(contents, 0)?,
                Safe::Encrypted { scheme, data } => {
                    let contents = opener.decrypt(scheme, data)?;
                    opener.take(&contents, 0).map_err(garbled)?;
                }
                Safe::ForRecipient => return Err(PfxReadError::PublicKeyMode),
            }
        }
        Ok(opener.found)
    }
}

/// Decrypted with a wrong password, bytes sometimes pad well and then make no sense.
fn garbled(error: PfxReadError) -> PfxReadError {
    match error {
        PfxReadError::Structure(_) => PbeError::WrongPassword.into(),
        PfxReadError::Opening(_) | PfxReadError::PublicKeyMode => error,
    }
}

struct Opener<'a> {
    password: Password<'a>,
    work: u64,
    found: Vec<Content>,
}

impl Opener<'_> {
    fn decrypt(&mut self, scheme: &Scheme, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
        self.work = self.work.saturating_add(scheme.work());
        if self.work > pbe::MAX_WORK {
            return Err(PbeError::TooMuchWork(self.work));
        }
        pbe::decrypt(scheme, self.password, data)
    }

    fn take(&mut self, contents: &[u8], depth: usize) -> Result<(), PfxReadError> {
        if depth > MAX_NESTED_BAGS {
            return Err(Asn1Error::TooDeep.into());
        }
        let contents = definite(contents)?;
        let mut bags = Reader::new(&contents).sequence("safe contents")?;
        while !bags.is_empty() {
            let bag = Bag::read(&mut bags)?;
            let item = match bag.kind.as_str() {
                "1" => Item::Key(Zeroizing::new(bag.value.raw.to_vec())),
                "2" => {
                    let (scheme, data) = encrypted_key(&bag.value)?;
                    Item::Key(self.decrypt(&scheme, &data)?)
                }
                "3" => certificate(&bag.value)?,
                "6" => {
                    self.take(bag.value.raw, depth + 1)?;
                    continue;
                }
                _ => Item::Other,
            };
            self.found.push(Content { item, friendly_name: bag.friendly_name });
        }
        Ok(())
    }
}

struct Bag<'a> {
    /// The last arc of its identifier.
    kind: String,
    value: Element<'a>,
    friendly_name: Option<String>,
}

impl<'a> Bag<'a> {
    fn read(bags: &mut Reader<'a>) -> Result<Self, Asn1Error> {
        let mut bag = bags.sequence("a bag")?;
        let oid = bag.oid()?;
        let kind = oid.strip_prefix(BAG).unwrap_or_default().to_owned();
        let value = bag.expect(context(0), "a bag's value")?.inside().next()?;
        let mut read = Self { kind, value, friendly_name: None };
        if let Some(attributes) = bag.optional(asn1::SET)? {
            let mut attributes = attributes.inside();
            while !attributes.is_empty() {
                let mut attribute = attributes.sequence("a bag's attribute")?;
                let kind = attribute.oid()?;
                let mut values = attribute.expect(asn1::SET, "an attribute's values")?.inside();
                if kind == FRIENDLY_NAME && !values.is_empty() {
                    read.friendly_name = Some(utf16(values.next()?.content));
                }
            }
        }
        Ok(read)
    }
}

/// `EncryptedPrivateKeyInfo`: the scheme and the encrypted key.
pub(crate) fn encrypted_key(value: &Element<'_>) -> Result<(Scheme, Vec<u8>), Asn1Error> {
    let mut info = value.inside();
    let scheme = Scheme::parse(&info.expect(asn1::SEQUENCE, "an encryption scheme")?)?;
    Ok((scheme, info.expect(asn1::OCTET_STRING, "an encrypted key")?.content.to_vec()))
}

fn certificate(value: &Element<'_>) -> Result<Item, Asn1Error> {
    const X509: &str = "1.2.840.113549.1.9.22.1";
    let mut bag = value.inside();
    if bag.oid()? != X509 {
        return Ok(Item::Other);
    }
    let octets = bag.expect(context(0), "a certificate bag")?.inside().expect(asn1::OCTET_STRING, "a certificate")?;
    Ok(Item::Certificate(octets.content.to_vec()))
}

/// `ContentInfo`: what kind, and the content where there is any.
fn content_info<'a>(reader: &mut Reader<'a>) -> Result<(String, Option<Element<'a>>), Asn1Error> {
    let mut info = reader.sequence("a content info")?;
    let kind = info.oid()?;
    let content = info.optional(context(0))?.map(|wrapped| wrapped.inside().next()).transpose()?;
    Ok((kind, content))
}

fn octets(expected: bool, content: Option<Element<'_>>) -> Result<Cow<'_, [u8]>, Asn1Error> {
    match content {
        Some(content) if expected => content.joined_octets(),
        _ => Err(Asn1Error::BadValue("the kind of a PFX's content")),
    }
}

fn encrypted(content: Option<Element<'_>>) -> Result<Safe, Asn1Error> {
    let mut data = content.ok_or(Asn1Error::Truncated)?.inside();
    data.expect(asn1::INTEGER, "a version")?;
    let mut info = data.sequence("encrypted content")?;
    info.oid()?;
    let scheme = Scheme::parse(&info.expect(asn1::SEQUENCE, "an encryption scheme")?)?;
    let data = info.next()?.joined_octets()?.into_owned();
    Ok(Safe::Encrypted { scheme, data })
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte))).collect();
    crate::certs::name::printable(&String::from_utf16_lossy(&units))
}
