//! Takes each file apart and puts what it finds into the bag.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::pem::{self, Block, Body};
use super::shape::{self, Mistaken, Shape};
use super::{Bag, MAX_CERTIFICATES, MAX_FILE, MAX_KEYS, Passwords, Source};
use crate::certs::asn1::{self, Asn1Error, Reader, context, definite};
use crate::certs::certificate::{Certificate, CertificateError, Origin};
use crate::certs::key::{Key, KeyError};
use crate::certs::pfx::pbe::{self, Password, PbeError};
use crate::certs::pfx::structure::{Content, Item, Pfx, PfxReadError};
use crate::certs::verdict::{SECURITY_AND_ACCESS, Verdict};

/// OpenSSL's opinion takes time; of a larger bundle only a few certificates will be used.
const LOOKED_AT: usize = 256;
/// Most work that all passwords tried on all files together may take, in hash iterations: one file at the limit of what one
/// may ask for, without a password, with an empty one and with the one given; or some hundred as programs write them.
const MAX_WORK_IN_ALL: u64 = 3 * pbe::MAX_WORK;
const UNREADABLE: Verdict<'_> = Verdict::new("cert.unreadable", SECURITY_AND_ACCESS);
const LOCKED: Verdict<'_> = Verdict::new("cert.key.encrypted", SECURITY_AND_ACCESS);

pub(super) struct Gatherer<'a> {
    passwords: &'a dyn Passwords,
    bag: Bag,
    /// Something of use was found in the file at hand.
    useful: bool,
    place: usize,
    /// Hash iterations spent on passwords so far, in all files together.
    work: u64,
    /// Private keys met so far, also those that cannot be read.
    keys_met: usize,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(passwords: &'a dyn Passwords) -> Self {
        Self { passwords, bag: Bag::default(), useful: false, place: 0, work: 0, keys_met: 0 }
    }

    pub(super) fn finish(self) -> Bag {
        self.bag
    }

    pub(super) fn take(&mut self, source: &Source) {
        self.useful = false;
        self.place = 0;
        let name = &source.name;
        if source.bytes.len() > MAX_FILE {
            let message = format!("the file is larger than {} MB, which certificates never are", MAX_FILE >> 20);
            return self.unreadable(&origin(name, None), &message, "give the certificate files themselves, not an archive or an image");
        }
        if let Some(mistake) = shape::made_text(&source.bytes) {
            return self.mistaken(&origin(name, None), mistake);
        }
        if source.bytes.first() == Some(&asn1::SEQUENCE) && !source.bytes.is_ascii() {
            return self.take_der(&source.bytes, &origin(name, None));
        }
        let text = pem::text_of(&source.bytes);
        if let Some(mistake) = shape::mangled(&text).filter(|_| pem::blocks(&text).all(|block| !matches!(block.body, Body::Der(_)))) {
            return self.mistaken(&origin(name, None), mistake);
        }
        if pem::has_blocks(&text) {
            self.take_text(name, &text);
        } else if let Some(bytes) = shape::bare_base64(&text) {
            match std::str::from_utf8(&bytes) {
                // What a Kubernetes secret holds is PEM in base64.
                Ok(inner) if pem::has_blocks(inner) => self.take_text(name, inner),
                _ => self.take_der(&bytes, &origin(name, None)),
            }
        } else {
            self.mistaken(&origin(name, None), shape::mistaken_file(&source.bytes, &text));
        }
    }

    fn take_text(&mut self, name: &str, text: &str) {
        let before = self.bag.certificates.len();
        let mut parameters = None;
        let mut set_aside = Vec::new();
        let mut all_certificates = true;
        for block in pem::blocks(text) {
            all_certificates &= !matches!(block.label, "PKCS7" | "CMS" | "PKCS12");
            if shape::is_parameters(block.label) {
                parameters.get_or_insert_with(|| origin(name, Some(block.line)));
                continue;
            }
            if let Some(mistake) = self.take_block(name, block) {
                set_aside.push(mistake);
            }
        }
        if self.bag.certificates.len() > before + 1 && all_certificates {
            self.bag.ordered_files.push(name.to_owned());
        }
        // A request or a public key beside the certificate does no harm; alone it is a mistake.
        if !self.useful {
            match set_aside.into_iter().next().or_else(|| parameters.map(|at| (at, shape::parameters_alone()))) {
                Some((origin, mistake)) => self.mistaken(&origin, mistake),
                None if self.bag.findings.iter().any(|finding| finding.subject.starts_with(name)) => {}
                None => self.mistaken(&origin(name, None), shape::mistaken_file(&[], "certificate:")),
            }
        }
    }

    fn take_block(&mut self, name: &str, block: Block<'_>) -> Option<(Origin, Mistaken)> {
        let at = origin(name, Some(block.line));
        if let Some(mistake) = shape::mistaken_label(block.label) {
            return Some((at, mistake));
        }
        match block.body {
            Body::Der(der) => match shape::shape_of_der(&der) {
                Err(mistake) => self.mistaken(&at, shape::of_label(block.label, mistake)),
                Ok(_) => self.take_der(&der, &at),
            },
            Body::DekInfo(pem) => self.take_dek_info(&pem, &at),
            Body::CutOff => {
                let message = format!("the block `{}` that begins here has no end: the file was cut off or edited", block.label);
                self.unreadable(
                    &at,
                    &message,
                    "fetch the file again, or copy the block whole, from `-----BEGIN` to `-----END`, dashes included",
                );
            }
            Body::NotBase64 => {
                let message = format!("the block `{}` that begins here is damaged: it is not base64", block.label);
                self.unreadable(&at, &message, "fetch the file again; mail programs and word processors alter such text");
            }
        }
        None
    }

    fn take_der(&mut self, bytes: &[u8], at: &Origin) {
        let mut rest = bytes;
        loop {
            match shape::shape_of_der(rest) {
                Ok(shape) => self.take_shape(shape, rest, at),
                Err(mistake) if rest.len() == bytes.len() => return self.mistaken(at, mistake),
                // What follows the first structure may be padding or OpenSSL's trust settings.
                Err(_) => return,
            }
            let Ok(element) = Reader::new(rest).next() else { return };
            rest = rest.get(element.raw.len()..).unwrap_or_default();
            if rest.first() != Some(&asn1::SEQUENCE) {
                return;
            }
        }
    }

    fn take_shape(&mut self, shape: Shape, bytes: &[u8], at: &Origin) {
        match shape {
            Shape::Certificate => self.add_certificate(bytes, at.clone()),
            Shape::PrivateKey | Shape::EncryptedPrivateKey if !self.may_read_key(at) => {}
            Shape::PrivateKey => self.add_key(Key::from_der(bytes, at.clone()), at),
            Shape::EncryptedPrivateKey => {
                let open = |password: Password<'_>| Key::from_encrypted_pkcs8(bytes, password, at.clone());
                let work = Key::work_to_open(bytes);
                self.take_locked(Lock { at, what: "the private key", work }, open, Self::keep_key);
            }
            Shape::Pkcs7 => self.take_pkcs7(bytes, at),
            Shape::Pfx => self.take_pfx(bytes, at),
        }
    }

    fn take_dek_info(&mut self, pem: &str, at: &Origin) {
        if !self.may_read_key(at) {
            return;
        }
        let open = |password: Password<'_>| match password {
            Password::Text(text) if !text.is_empty() => Key::from_dek_info(pem.as_bytes(), text, at.clone()),
            // OpenSSL takes no empty password for this shape.
            Password::Text(_) | Password::Missing => Err(PbeError::WrongPassword.into()),
        };
        self.take_locked(Lock { at, what: "the private key", work: 1 }, open, Self::keep_key);
    }

    fn take_pkcs7(&mut self, bytes: &[u8], at: &Origin) {
        match pkcs7_certificates(bytes) {
            Ok(found) if found.is_empty() => {
                self.unreadable(at, "a P7B without any certificate in it", "ask the CA for the certificates as P7B or PEM");
            }
            Ok(found) => found.iter().for_each(|der| self.add_certificate(der, at.clone())),
            Err(error) => self.unreadable(at, &format!("a damaged P7B: {error}"), "fetch the file again"),
        }
    }

    fn take_pfx(&mut self, bytes: &[u8], at: &Origin) {
        self.bag.pfx_files.push(at.file.clone());
        let pfx = match Pfx::parse(bytes) {
            Ok(pfx) => pfx,
            Err(error) => {
                return self.unreadable(at, &format!("a PFX that cannot be read: {error}"), "export it again, protected by a password");
            }
        };
        let open = |password: Password<'_>| -> Result<Vec<Content>, PfxReadError> {
            pfx.authenticate(password)?;
            pfx.open(password)
        };
        let work = pfx.work_to_open();
        self.take_locked(Lock { at, what: PFX, work }, open, |gatherer, contents| gatherer.take_contents(contents, at));
    }

    fn take_contents(&mut self, contents: Vec<Content>, at: &Origin) {
        for content in contents {
            let at = Origin { friendly_name: content.friendly_name, ..at.clone() };
            match content.item {
                Item::Key(_) if !self.may_read_key(&at) => {}
                Item::Key(der) => self.add_key(Key::from_der(&der, at.clone()), &at),
                Item::Certificate(der) => self.add_certificate(&der, at),
                Item::Other => {}
            }
        }
    }

    /// Opens something encrypted: without a password, with an empty one, which is another thing, then with the one given.
    fn take_locked<T, E: Opening>(&mut self, lock: Lock<'_>, open: impl Fn(Password<'_>) -> Result<T, E>, keep: impl FnOnce(&mut Self, T)) {
        self.useful = true;
        let mut open = |password: Password<'_>| {
            // What asks for more than a single file may is refused by itself, before any work.
            self.work = self.work.saturating_add(lock.work.min(pbe::MAX_WORK));
            if self.work > MAX_WORK_IN_ALL { Err(E::from(PbeError::TooMuchInAll)) } else { open(password) }
        };
        let mut outcome = open(Password::Missing);
        if outcome.as_ref().is_err_and(E::is_wrong_password) {
            outcome = open(Password::Text(""));
        }
        let mut asked: Option<SecretString> = None;
        if outcome.as_ref().is_err_and(E::is_wrong_password) {
            asked = self.passwords.password_for(&format!("{} in {}", lock.what, lock.at));
            if let Some(password) = &asked {
                outcome = open(Password::Text(password.expose_secret()));
            }
        }
        match outcome {
            Err(error) if error.is_too_much_in_all() => {
                let message = format!("{} and what else is encrypted here cannot be opened: {error}", lock.what);
                self.once(lock.at, &message, "give the files that belong to this certificate alone, with their password");
            }
            Ok(contents) => keep(self, contents),
            Err(error) if error.is_wrong_password() => self.locked(lock, asked.is_some()),
            Err(error) => {
                let message = format!("{} cannot be opened: {error}", lock.what);
                let fix = if lock.what == PFX {
                    "write it anew with a common scheme: `openssl pkcs12 -legacy -in FILE -nodes | portcullis cert pfx --in - --out NEW.pfx`"
                } else {
                    "write it anew with a common scheme: `openssl pkcs8 -topk8 -provider legacy -provider default -in KEY -out NEW.key` (without the legacy provider OpenSSL 3 does not open what is as old as PBE with MD5 and DES)"
                };
                self.unreadable(lock.at, &message, fix);
            }
        }
    }

    fn locked(&mut self, lock: Lock<'_>, tried: bool) {
        let what = lock.what;
        let (message, fix) = if tried {
            let fix = "give the password with which it was encrypted (`--key-password-from`); look for a space or line break at its end, the keyboard's layout, and letters outside ASCII, which programs encode differently";
            (format!("{what} is encrypted, and the password given does not open it"), fix)
        } else {
            let fix = "say where its password is: `--key-password-from env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`";
            (format!("{what} is encrypted, and no password was given"), fix)
        };
        let fix = if what == PFX { format!("{fix}; `portcullis cert explain FILE` says how it is encrypted") } else { fix.to_owned() };
        self.bag.findings.push(LOCKED.error(lock.at, message, fix));
    }

    fn keep_key(gatherer: &mut Self, key: Key) {
        let at = key.origin.clone();
        gatherer.add_key(Ok(key), &at);
    }

    /// Whether one more private key is read. OpenSSL takes a millisecond to find that one is damaged, so that a file of nothing
    /// but such keys would take minutes.
    fn may_read_key(&mut self, at: &Origin) -> bool {
        self.useful = true;
        self.keys_met += 1;
        let may = self.keys_met <= MAX_KEYS;
        if !may {
            self.once(at, &format!("more than {MAX_KEYS} private keys"), "give the key that belongs to the certificate");
        }
        may
    }

    fn add_key(&mut self, key: Result<Key, KeyError>, at: &Origin) {
        self.useful = true;
        match key {
            Ok(key) => self.bag.keys.push(Arc::new(key)),
            Err(error @ KeyError::AnotherPurpose(_)) => self.unreadable(
                at,
                &format!("this is {error}"),
                "give the key from which the certificate's signing request was made; `portcullis cert csr` makes one",
            ),
            Err(error) => self.unreadable(
                at,
                &format!("a damaged private key: {error}"),
                "take the key from its backup, or make a new key and ask for a new certificate: `portcullis cert csr`",
            ),
        }
    }

    fn add_certificate(&mut self, der: &[u8], at: Origin) {
        self.useful = true;
        if self.bag.certificates.len() >= MAX_CERTIFICATES {
            return self.once(
                &at,
                &format!("more than {MAX_CERTIFICATES} certificates"),
                "give the server's certificate and its intermediates alone",
            );
        }
        let at = Origin { place: self.place, ..at };
        let usable = |certificate: Certificate| {
            let refused = self.bag.certificates.len() < LOOKED_AT && certificate.x509().is_none();
            if refused { Err(CertificateError::Refused) } else { Ok(certificate) }
        };
        match Certificate::from_der(der, at.clone()).and_then(usable) {
            Ok(certificate) => {
                self.place += 1;
                self.bag.certificates.push(Arc::new(certificate));
            }
            Err(error) => {
                let fix = "fetch the certificate again from the CA; if it stays so, send it to them with this message";
                self.unreadable(&at, &error.to_string(), fix);
            }
        }
    }

    /// A finding that would otherwise come thousands of times.
    fn once(&mut self, at: &Origin, message: &str, fix: &str) {
        if self.bag.findings.last().is_none_or(|last| last.message != message) {
            self.unreadable(&origin(&at.file, None), message, fix);
        }
    }

    fn mistaken(&mut self, at: &Origin, mistake: Mistaken) {
        self.unreadable(at, &format!("this is {}", mistake.what), mistake.fix);
    }

    fn unreadable(&mut self, at: &Origin, message: &str, fix: &str) {
        self.bag.findings.push(UNREADABLE.error(at, message, fix));
    }
}

const PFX: &str = "the PFX";

/// Something encrypted: where, and what it is called.
#[derive(Clone, Copy)]
struct Lock<'a> {
    at: &'a Origin,
    what: &'static str,
    /// Hash iterations that one password takes.
    work: u64,
}

/// Failures to open something, of which a wrong password is the one that another password may mend.
trait Opening: std::error::Error + From<PbeError> {
    fn of_password(&self) -> Option<&PbeError>;

    fn is_wrong_password(&self) -> bool {
        matches!(self.of_password(), Some(PbeError::WrongPassword))
    }

    fn is_too_much_in_all(&self) -> bool {
        matches!(self.of_password(), Some(PbeError::TooMuchInAll))
    }
}

impl Opening for KeyError {
    fn of_password(&self) -> Option<&PbeError> {
        if let Self::Locked(error) = self { Some(error) } else { None }
    }
}

impl Opening for PfxReadError {
    fn of_password(&self) -> Option<&PbeError> {
        if let Self::Opening(error) = self { Some(error) } else { None }
    }
}

fn origin(name: &str, line: Option<usize>) -> Origin {
    Origin { file: name.to_owned(), line, ..Origin::default() }
}

/// The certificates of a `SignedData` (RFC 5652, 5.1), in the order of the file, which means nothing.
fn pkcs7_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Asn1Error> {
    let whole = definite(bytes)?;
    let mut info = Reader::new(&whole).sequence("a P7B")?;
    info.oid()?;
    let mut data = info.expect(context(0), "signed data")?.inside().sequence("signed data")?;
    data.expect(asn1::INTEGER, "a version")?;
    data.expect(asn1::SET, "digest algorithms")?;
    data.expect(asn1::SEQUENCE, "a content info")?;
    let mut found = Vec::new();
    if let Some(set) = data.optional(context(0))? {
        let mut set = set.inside();
        while !set.is_empty() {
            let element = set.next()?;
            if element.tag == asn1::SEQUENCE {
                found.push(element.raw.to_vec());
            }
        }
    }
    Ok(found)
}
