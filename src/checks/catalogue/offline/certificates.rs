//! The rules of certificate files: those that `cert check` applies to each, and those about all of a site's together.

use super::{CheckSpec, Team};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: SSL Certificates";

const fn cert(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec::new(id, title, SOURCE).of(severity).ask(Team::Certificates)
}

use Severity::{Error, Info, Warning};

/// The rules of each certificate's files.
pub static RULES: &[&CheckSpec] = &[
    &cert("cert.unreadable", "Every certificate file can be read", Error)
        .mend("ask for the file again; `portcullis cert inspect` shows what is in it"),
    &cert("cert.chain.incomplete", "The chain leads to a trusted root", Error)
        .mend("append the CA's intermediate certificates to `tls.certificate.files`"),
    &cert("cert.chain.order", "The files are in chain order", Warning).mend("`portcullis cert pfx` puts them in order"),
    &cert("cert.chain.extra", "No certificate is of no use to the chain", Warning).mend("leave the certificate out"),
    &cert("cert.chain.root-included", "The root is not among the files", Info).mend("leave the root out: clients have their own"),
    &cert("cert.chain.signature", "Every signature of the chain holds", Error)
        .mend("fetch the intermediate that really signed it from the CA"),
    &cert("cert.chain.not-a-ca", "Every issuer is a CA", Error).mend("use the CA's certificate as the issuer"),
    &cert("cert.chain.refused", "A client's verification accepts the chain", Error).mend("have the certificate issued again"),
    &cert("cert.self-signed", "The certificate is not self-signed", Error)
        .mend("have it issued by a public CA: `portcullis cert csr` makes the request"),
    &cert("cert.untrusted-root", "The chain ends at a root that clients trust", Error)
        .mend("have it issued by a public CA, or name the private root under `tls.certificate.roots`"),
    &cert("cert.key.mismatch", "The private key belongs to the certificate", Error).mend("use the key that the request was made with"),
    &cert("cert.key.missing", "The private key is there", Error).mend("name it under `tls.certificate.key`"),
    &cert("cert.key.encrypted", "The private key can be opened", Error).mend("give its password under `tls.certificate.key_password`"),
    &cert("cert.key.weak", "No key is weak", Error).mend("make a new key of 2048 bits or more, and have the certificate issued again"),
    &cert("cert.key.type", "The key is of a kind that the appliance's documents name", Warning)
        .mend("have the certificate issued for an RSA key"),
    &cert("cert.signature.weak", "No signature is weak", Error).mend("have it issued again with SHA-256"),
    &cert("cert.expired", "No certificate has expired", Error).mend("renew it, then `portcullis apply rotate-tls`"),
    &cert("cert.not-yet-valid", "Every certificate is valid already", Error).mend("wait, or see that this machine's clock is right"),
    &cert("cert.expires-soon", "The certificate is valid for some time yet", Warning)
        .mend("renew it now, and agree on a window for its installation"),
    &cert("cert.name.missing", "Every name of the site is covered", Error)
        .mend("have it issued with all names: `portcullis cert csr` lists them"),
    &cert("cert.name.wildcard-depth", "No wildcard is trusted to cover more than one label", Error)
        .mend("name the host itself, or a wildcard one label above it"),
    &cert("cert.usage.no-server-auth", "The certificate is for servers", Error).mend("have it issued with the usage `serverAuth`"),
    &cert("cert.usage.ca", "The server's certificate is no CA's", Warning).mend("have a server certificate issued"),
    &cert("cert.lifetime.too-long", "Clients accept the certificate's lifetime", Warning).mend("have it issued for 398 days at most"),
    &cert("cert.duplicate", "No certificate is there twice", Warning).mend("leave one of them out"),
    &cert("cert.shared", "No certificate serves two environments", Warning).mend("have a certificate issued for each environment"),
];

/// Tenants to come.
pub static FUTURE: CheckSpec = cert("cert.san.future", "Tenants to come are covered already", Warning)
    .mend("have a wildcard issued, or name the tenants to come under `names.planned` and in the request");
/// Dedicated webtask names.
pub static EXTENSIONS: CheckSpec = cert("cert.wt", "The extensions' domain has a wildcard certificate of its own", Error)
    .mend("order a certificate for `*.` and the extensions' domain; name it under `names.extensions.certificate`");
/// Custom domains.
pub static EACH_DOMAIN: CheckSpec = cert("cert.custom.each", "Each custom domain has a certificate of its own", Error)
    .mend("order one for each domain; name it under `names.custom_domains`");
/// Environments.
pub static UNIQUE: CheckSpec =
    cert("cert.env.unique", "No other environment has the same certificate", Error).mend("have a certificate issued for each environment");

/// The rules about all certificates of a site.
pub static SITE: &[&CheckSpec] = &[&FUTURE, &EXTENSIONS, &EACH_DOMAIN, &UNIQUE];
