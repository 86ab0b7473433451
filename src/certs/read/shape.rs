//! What a file is, from its bytes alone: which of the shapes that can be read, or what it looks like instead.

use zeroize::Zeroizing;

use crate::certs::asn1::{self, Asn1Error, Reader, context, definite};

/// A DER structure that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Certificate,
    /// PKCS#8, PKCS#1 or SEC1.
    PrivateKey,
    EncryptedPrivateKey,
    Pkcs7,
    Pfx,
}

/// Something else, that people give by mistake: what it is and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mistaken {
    pub(super) what: &'static str,
    pub(super) fix: &'static str,
}

const fn mistaken(what: &'static str, fix: &'static str) -> Mistaken {
    Mistaken { what, fix }
}

pub(super) const REQUEST: Mistaken = mistaken(
    "a certificate signing request (CSR), which is what the CA needs and not what it sends back",
    "send this file to the CA, and give here the certificate that it issues",
);
pub(super) const PUBLIC_KEY: Mistaken = mistaken(
    "a public key alone, without certificate",
    "give the certificate that the CA issued, or the private key that belongs to this one",
);
pub(super) const OPENSSH_KEY: Mistaken = mistaken(
    "an OpenSSH private key, a key to log in with",
    "give the key from which the signing request was made; if this is it: `ssh-keygen -p -N '' -m PKCS8 -f COPY-OF-THE-KEY` turns a copy of it into PKCS#8",
);
pub(super) const REVOCATION_LIST: Mistaken = mistaken("a certificate revocation list (CRL)", "give the certificate and its intermediates");
pub(super) const PGP: Mistaken =
    mistaken("a PGP message or key", "decrypt it with `gpg --decrypt`, and give what comes out; a PGP key is of no use for TLS");
const REVOCATION_ANSWER: Mistaken =
    mistaken("an OCSP request or answer, which says whether a certificate was revoked", "give the certificate and its intermediates");
const PARAMETERS: Mistaken = mistaken(
    "parameters of a key exchange or key (DH, DSA or EC PARAMETERS), without a key or certificate",
    "give the certificate that the CA issued, and its private key",
);
const ENCRYPTED_MESSAGE: Mistaken =
    mistaken("an encrypted message (S/MIME)", "open it with the mail program it was sent to, and give what is attached");
const NOTHING: Mistaken =
    mistaken("nothing that is known here", "ask the CA for the certificate as PEM, DER, P7B or PFX; `file NAME` may say what this is");

const DASHES_CHANGED: Mistaken = mistaken(
    "PEM text whose dashes a word processor changed (en or em dashes instead of `-----`)",
    "fetch the file again, or put five plain hyphens before and after `BEGIN …` and `END …` and save it as plain text",
);
const ENDS_ALTERED: Mistaken = mistaken(
    "PEM text whose `-----BEGIN …-----` lines were altered: each needs five hyphens on both sides, capital letters and plain spaces",
    "fetch the file again, or mend these lines and save it as plain text",
);
const LINES_ESCAPED: Mistaken = mistaken(
    "PEM text with `\\n` written out instead of line breaks, as it stands in JSON or environment variables",
    "turn each `\\n` into a line break: `printf '%b' \"$(cat FILE)\" > NEW.pem`",
);
const MADE_TEXT: Mistaken = mistaken(
    "DER that some program took for text and wrote anew in UTF-8, so that it is lost",
    "fetch the file again, as it is (in binary mode, as an attachment)",
);
const DAMAGED_CERTIFICATE: Mistaken = mistaken(
    "a CERTIFICATE block whose content is no certificate: it was damaged or altered",
    "fetch the file again from the CA, or copy the block whole",
);

/// What became of a PEM text on its way that cannot be read any more.
pub(super) fn mangled(text: &str) -> Option<Mistaken> {
    let dashes = |letter: char| matches!(letter, '\u{2010}'..='\u{2015}' | '\u{2212}');
    let labels = ["BEGIN CERTIFICATE", "BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY", "BEGIN EC PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY"];
    let named = labels.iter().any(|label| text.contains(label));
    match (named, text.contains("-----\\n"), text.contains(dashes)) {
        (true, true, _) => Some(LINES_ESCAPED),
        (true, false, true) => Some(DASHES_CHANGED),
        _ => None,
    }
}

/// DER's first two bytes, the second beyond ASCII, as UTF-8 has them: no structure is so long that it begins like this.
pub(super) fn made_text(bytes: &[u8]) -> Option<Mistaken> {
    [b"0\xc2\x82".as_slice(), b"0\xef\xbf\xbd"].iter().any(|start| bytes.starts_with(start)).then_some(MADE_TEXT)
}

/// Whether the beginning of a text speaks of a block, in letters or spaces that no program takes for one.
fn ends_altered(head: &str) -> bool {
    let plain = head.replace(['\u{a0}', '_', '\t'], " ");
    ["begin certificate", "begin private key", "begin rsa private key", "begin ec private key", "begin encrypted private key"]
        .iter()
        .any(|label| plain.contains(label))
}

/// A block that calls itself a certificate and holds what is known as nothing.
pub(super) fn of_label(label: &str, mistake: Mistaken) -> Mistaken {
    if matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") && mistake == NOTHING {
        DAMAGED_CERTIFICATE
    } else {
        mistake
    }
}

/// What a PEM label announces that is no certificate and no key for TLS. `None`: look at the content.
pub(super) fn mistaken_label(label: &str) -> Option<Mistaken> {
    match label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Some(REQUEST),
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => Some(PUBLIC_KEY),
        "OPENSSH PRIVATE KEY" => Some(OPENSSH_KEY),
        "X509 CRL" => Some(REVOCATION_LIST),
        _ if label.starts_with("PGP ") => Some(PGP),
        _ => None,
    }
}

/// Labels that say nothing by themselves and stand beside keys by custom.
pub(super) fn is_parameters(label: &str) -> bool {
    matches!(label, "EC PARAMETERS" | "DH PARAMETERS" | "X9.42 DH PARAMETERS" | "DSA PARAMETERS")
}

/// What a file is that holds nothing but these.
pub(super) fn parameters_alone() -> Mistaken {
    PARAMETERS
}

/// What a DER structure is.
pub(super) fn shape_of_der(bytes: &[u8]) -> Result<Shape, Mistaken> {
    // Whether all of it is there is told by the outermost length; what is short inside is something else.
    if matches!(
        definite(bytes).map(|whole| Reader::new(&whole).next().map(|_| ())),
        Err(Asn1Error::Truncated) | Ok(Err(Asn1Error::Truncated))
    ) {
        return Err(mistaken("DER that ends too early: the file was cut off", "fetch it again, in binary mode, and compare its size"));
    }
    look(bytes).unwrap_or(Err(NOTHING))
}

const ENUMERATED: u8 = 0x0a;

/// An OCSP request is one value in another in another, and then lists what is asked for (RFC 6960, 4.1.1).
fn is_revocation_request(request: Reader<'_>) -> bool {
    let asked = |mut request: Reader<'_>| {
        request.optional(context(0)).ok()?;
        request.optional(context(1)).ok()?;
        let mut one = request.sequence("requests").ok()?.sequence("a request").ok()?.sequence("a certificate's id").ok()?;
        one.sequence("a hash").ok()?.oid().ok()?;
        one.expect(asn1::OCTET_STRING, "a name's hash").ok().map(drop)
    };
    asked(request).is_some()
}

fn look(bytes: &[u8]) -> Result<Result<Shape, Mistaken>, Asn1Error> {
    let whole = definite(bytes)?;
    let mut outer = Reader::new(&whole).sequence("a structure")?;
    let first = outer.next()?;
    Ok(match first.tag {
        asn1::OID => match first.oid()?.as_str() {
            "1.2.840.113549.1.7.2" => Ok(Shape::Pkcs7),
            "1.2.840.113549.1.7.3" | "1.2.840.113549.1.7.6" => Err(ENCRYPTED_MESSAGE),
            kind if kind.starts_with("1.2.840.113549.1.7.") => {
                Err(mistaken("a PKCS#7 message without certificates", "ask the CA for the certificates as P7B or PEM"))
            }
            _ => Err(NOTHING),
        },
        // An OCSP answer begins with its status (RFC 6960, 4.2.1).
        ENUMERATED => Err(REVOCATION_ANSWER),
        asn1::INTEGER => look_behind_version(first.number().unwrap_or(u64::MAX), outer)?,
        asn1::SEQUENCE if is_revocation_request(first.inside()) => Err(REVOCATION_ANSWER),
        asn1::SEQUENCE => look_behind_sequence(first.inside(), outer)?,
        _ => Err(NOTHING),
    })
}

fn look_behind_version(version: u64, mut rest: Reader<'_>) -> Result<Result<Shape, Mistaken>, Asn1Error> {
    let second = rest.next()?;
    let numbers = second.tag == asn1::INTEGER;
    Ok(match (version, second.tag) {
        (3, asn1::SEQUENCE) => Ok(Shape::Pfx),
        (0 | 1, asn1::SEQUENCE) | (1, asn1::OCTET_STRING) => Ok(Shape::PrivateKey),
        // PKCS#1 and old DSA keys: a row of numbers after the version.
        (0 | 1, _) if numbers && !rest.is_empty() => Ok(Shape::PrivateKey),
        _ if numbers && rest.is_empty() => Err(PUBLIC_KEY),
        _ => Err(NOTHING),
    })
}

fn look_behind_sequence(mut first: Reader<'_>, mut rest: Reader<'_>) -> Result<Result<Shape, Mistaken>, Asn1Error> {
    let second = rest.next()?;
    match second.tag {
        asn1::OCTET_STRING => return Ok(Ok(Shape::EncryptedPrivateKey)),
        asn1::BIT_STRING => return Ok(Err(PUBLIC_KEY)),
        asn1::SEQUENCE if rest.optional(asn1::BIT_STRING)?.is_some() => {}
        _ => return Ok(Err(NOTHING)),
    }
    // Something signed: certificate, request or revocation list.
    let start = first.next()?;
    if start.tag == context(0) {
        return Ok(Ok(Shape::Certificate));
    }
    if start.tag == asn1::SEQUENCE {
        return Ok(Err(REVOCATION_LIST));
    }
    let second = first.next()?;
    let is_algorithm = second.inside().next().is_ok_and(|element| element.tag == asn1::OID);
    if start.tag != asn1::INTEGER || second.tag != asn1::SEQUENCE {
        return Ok(Err(NOTHING));
    }
    if !is_algorithm {
        return Ok(Err(REQUEST));
    }
    first.next()?;
    // A version 1 certificate has a validity here, a revocation list a bare date.
    Ok(if first.next()?.tag == asn1::SEQUENCE { Ok(Shape::Certificate) } else { Err(REVOCATION_LIST) })
}

/// What a file that holds neither PEM nor DER looks like.
pub(super) fn mistaken_file(bytes: &[u8], text: &str) -> Mistaken {
    const MAGIC: &[(&[u8], Mistaken)] = &[
        (
            &[0xfe, 0xed, 0xfe, 0xed],
            mistaken(
                "a Java keystore (JKS)",
                "turn it into a PFX: `keytool -importkeystore -srckeystore FILE -destkeystore FILE.pfx -deststoretype PKCS12`",
            ),
        ),
        (
            &[0xce, 0xce, 0xce, 0xce],
            mistaken(
                "a Java keystore (JCEKS)",
                "turn it into a PFX: `keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore FILE.pfx -deststoretype PKCS12`",
            ),
        ),
        (b"PK\x03\x04", mistaken("a ZIP archive", "unpack it and give the files inside")),
        (&[0x1f, 0x8b], mistaken("a gzip archive", "unpack it and give the files inside")),
        (b"Rar!", mistaken("a RAR archive", "unpack it and give the files inside")),
        (b"7z\xbc\xaf", mistaken("a 7-Zip archive", "unpack it and give the files inside")),
        (b"%PDF", mistaken("a PDF document", "ask the CA for the certificate itself, as PEM, P7B or PFX")),
        (&[0xd0, 0xcf, 0x11, 0xe0], mistaken("an Office document or saved Outlook message", "save the attachment and give that")),
        (
            b"\0\0\0\0CERT",
            mistaken("a Windows certificate store (SST)", "export the certificate from it as P7B with all certificates of the path"),
        ),
        (b"\x7fELF", mistaken("a program", "give the certificate's file")),
    ];
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let head: String = start.chars().take(4096).collect::<String>().to_ascii_lowercase();
    let known = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, verdict)| *verdict);
    known.or_else(|| mistaken_text(&head)).unwrap_or(NOTHING)
}

fn mistaken_text(head: &str) -> Option<Mistaken> {
    let has = |part: &str| head.contains(part);
    Some(if head.is_empty() {
        mistaken("an empty file", "fetch it again; nothing arrived")
    } else if head.starts_with("<!doctype html") || has("<html") {
        mistaken(
            "a web page (HTML), most likely the login page of a portal in the place of the download",
            "sign in with a browser and download the certificate again",
        )
    } else if ends_altered(head) {
        ENDS_ALTERED
    } else if head.starts_with('<') {
        mistaken("an XML document", "ask for the certificate as PEM, DER, P7B or PFX")
    } else if head.starts_with('{') || head.starts_with('[') {
        mistaken(
            "a JSON document, such as a server's error message",
            "read it: it may say why there is no certificate; then download again",
        )
    } else if ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| head.starts_with(start)) || has("ssh2 public key") {
        mistaken("an SSH public key", "give the certificate that the CA issued; SSH keys are of no use for TLS")
    } else if head.starts_with("putty-user-key-file") {
        mistaken("a PuTTY key", "give the key from which the signing request was made; PuTTY keys are for logging in")
    } else if head.starts_with("age-encryption.org") {
        mistaken("a file encrypted with age", "decrypt it with `age --decrypt` and give what comes out")
    } else if head.starts_with("bag attributes") || head.starts_with("certificate:") {
        mistaken("the description of a certificate without the certificate", "give the file with `-----BEGIN CERTIFICATE-----` in it")
    } else if has("content-transfer-encoding: base64") || has("mime-version:") {
        mistaken("a saved e-mail message", "save its attachment and give that")
    } else {
        return None;
    })
}

/// Bytes of a file that holds nothing but base64, as some portals and secret stores give it: DER, or PEM once more.
pub(super) fn bare_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let plausible = text.len() > 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/= \r\n\t".contains(&byte));
    let der = plausible.then(|| super::pem::from_base64(text)).flatten()?;
    let known = der.starts_with(&[asn1::SEQUENCE]) || std::str::from_utf8(&der).is_ok_and(super::pem::has_blocks);
    known.then_some(der)
}
