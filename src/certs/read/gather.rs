//! Takes each file apart and puts what it finds into the bag.

use std::sync::Arc;

use super::locked::{Lock, TAKE_BACKUP, What};
use super::pem::{self, Block, Body};
use super::shape::{self, Mistaken, Shape};
use super::{Bag, MAX_CERTIFICATES, MAX_FAULTS, MAX_FILE, MAX_KEYS, Passwords, Source, altered};
use crate::certs::asn1::{self, Asn1Error, Reader, context, definite};
use crate::certs::certificate::{Certificate, CertificateError, Origin};
use crate::certs::key::{Key, KeyError};
use crate::certs::name::printable;
use crate::certs::pfx::pbe::Password;
use crate::certs::pfx::structure::{Content, Item, Pfx, PfxReadError};
use crate::certs::verdict::{SECURITY_AND_ACCESS, Verdict};
use crate::finding::Finding;

/// OpenSSL's opinion takes time; of a larger bundle only a few certificates will be used.
const LOOKED_AT: usize = 256;
/// What the labels of keys have in common.
const PRIVATE_KEY: &str = "PRIVATE KEY";
const UNREADABLE: Verdict<'_> = Verdict::new("cert.unreadable", SECURITY_AND_ACCESS);

pub(super) struct Gatherer<'a> {
    pub(super) passwords: &'a dyn Passwords,
    pub(super) bag: Bag,
    /// Something of use was found in the file at hand.
    pub(super) useful: bool,
    place: usize,
    /// Hash iterations spent on passwords so far, in all files together.
    pub(super) work: u64,
    /// Private keys met so far, also those that cannot be read.
    keys_met: usize,
    /// Faults found in the file at hand, also those that are no more told one by one.
    faults: usize,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(passwords: &'a dyn Passwords) -> Self {
        Self { passwords, bag: Bag::default(), useful: false, place: 0, work: 0, keys_met: 0, faults: 0 }
    }

    pub(super) fn finish(self) -> Bag {
        self.bag
    }

    pub(super) fn take(&mut self, source: &Source) {
        self.faults = 0;
        self.take_file(source);
        if let Some(more) = self.faults.checked_sub(MAX_FAULTS).filter(|more| *more > 0) {
            let message = format!("{more} more faults of this file are not told one by one");
            let fix = "give the files with the server's certificate, its intermediates and its key alone";
            self.bag.findings.push(UNREADABLE.error(&source.name, message, fix));
        }
    }

    fn take_file(&mut self, source: &Source) {
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
        for altered in altered::lines(text) {
            let message = format!("the line `{}` was altered: no program takes it for `{}`", printable(altered.text), altered.meant);
            let fix = format!("put `{}` in its place, alone on its line, or fetch the file again", altered.meant);
            self.bag.unread_keys += usize::from(altered.meant.contains(PRIVATE_KEY));
            self.fault(UNREADABLE.error(&origin(name, Some(altered.line)), message, fix));
        }
        let mut parameters = None;
        let mut set_aside = None;
        let mut all_certificates = true;
        for block in pem::blocks(text) {
            all_certificates &= !matches!(block.label, "PKCS7" | "CMS" | "PKCS12");
            if shape::is_parameters(block.label) {
                parameters.get_or_insert_with(|| origin(name, Some(block.line)));
                continue;
            }
            if let Some(mistake) = self.take_block(name, block) {
                set_aside.get_or_insert(mistake);
            }
        }
        if self.bag.certificates.len() > before + 1 && all_certificates {
            self.bag.ordered_files.push(name.to_owned());
        }
        // A request or a public key beside the certificate does no harm; alone it is a mistake.
        if !self.useful {
            match set_aside.or_else(|| parameters.map(|at| (at, shape::parameters_alone()))) {
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
        if matches!(block.body, Body::CutOff | Body::NotBase64) && block.label.contains(PRIVATE_KEY) {
            self.bag.unread_keys += 1;
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
                self.take_locked(Lock { at, what: What::Key, work }, open, Self::keep_key);
            }
            Shape::Pkcs7 => self.take_pkcs7(bytes, at),
            Shape::Pfx => self.take_pfx(bytes, at),
        }
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
                self.bag.unread_keys += 1;
                return self.unreadable(at, &format!("a PFX that cannot be read: {error}"), "export it again, protected by a password");
            }
        };
        let open = |password: Password<'_>| -> Result<Vec<Content>, PfxReadError> {
            pfx.authenticate(password)?;
            pfx.open(password)
        };
        let what = if pfx.is_encrypted() { What::Pfx } else { What::SealedPfx };
        let work = pfx.work_to_open();
        self.take_locked(Lock { at, what, work }, open, |gatherer, contents| gatherer.take_contents(contents, at));
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

    pub(super) fn keep_key(gatherer: &mut Self, key: Key) {
        let at = key.origin.clone();
        gatherer.add_key(Ok(key), &at);
    }

    /// Whether one more private key is read. OpenSSL takes a millisecond to find that one is damaged, so that a file of nothing
    /// but such keys would take minutes.
    pub(super) fn may_read_key(&mut self, at: &Origin) -> bool {
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
            Err(error) => {
                self.bag.unread_keys += 1;
                self.unreadable(at, &format!("a damaged private key: {error}"), TAKE_BACKUP);
            }
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
    pub(super) fn once(&mut self, at: &Origin, message: &str, fix: &str) {
        if self.bag.findings.last().is_none_or(|last| last.message != message) {
            self.unreadable(&origin(&at.file, None), message, fix);
        }
    }

    fn mistaken(&mut self, at: &Origin, mistake: Mistaken) {
        self.unreadable(at, &format!("this is {}", mistake.what), mistake.fix);
    }

    pub(super) fn unreadable(&mut self, at: &Origin, message: &str, fix: &str) {
        self.fault(UNREADABLE.error(at, message, fix));
    }

    /// Keeps a finding, unless the file has given more than anybody reads.
    pub(super) fn fault(&mut self, finding: Finding) {
        self.faults += 1;
        if self.faults <= MAX_FAULTS {
            self.bag.findings.push(finding);
        }
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
