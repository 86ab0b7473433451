//! `cert inspect`: what is in the files, in chain order, as a tree.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::input::{self, TrustArgs};
use super::show::{self, Paint};
use super::{At, CertContext, CertError, DONE, FOUND, instant};
use crate::certs::{Bag, Certificate, Chain, Chains, End, all_chains, printable, review_without_chain};

/// Arguments of `cert inspect`.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// PEM, DER, P7B, PFX and key files, in any order; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The instant from which days are counted (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<At>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Steps to the right that the tree makes; what stands deeper is written below one another. A chain of thousands would
/// fill gigabytes with spaces.
const DEEPEST: usize = 12;

/// Names of one certificate that people are shown.
const MOST_NAMES: usize = 100;

pub(super) fn run(args: &InspectArgs, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let now = context.instant(args.at);
    let mut input = input::load(context, input::stated(context, &args.files, None), &args.trust)?;
    if args.trust.fetch_missing {
        super::fetch::complete(&mut input, &[], now, context)?;
    }
    let found = all_chains(&input.bag, &input.roots, now);
    if let Some(findings) = found.tangled.as_ref().and_then(|tangled| review_without_chain(&input.bag, tangled)) {
        input.bag.findings = findings;
    }
    if context.json {
        show::print_json(&Answer { bag: &input.bag, found: &found, now }, context.out)?;
    } else {
        let printer = Printer { bag: &input.bag, now, paint: Paint::of(context) };
        printer.print(&found, context.out).map_err(|source| CertError::Output { source })?;
    }
    let unreadable = input.bag.findings.iter().any(|finding| finding.id == "cert.unreadable");
    let nothing = input.bag.certificates.is_empty() && input.bag.keys.is_empty();
    Ok(if unreadable || nothing || found.tangled.is_some() { FOUND } else { DONE })
}

/// The answer as JSON, each certificate made when it is written.
struct Answer<'a> {
    bag: &'a Bag,
    found: &'a Chains,
    now: Timestamp,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let leaves: Vec<&Arc<Certificate>> = self.found.chains.iter().map(|chain| &chain.leaf).collect();
        let mut object = serializer.serialize_struct("Answer", 3)?;
        object.serialize_field("certificates", &Certificates(self))?;
        object.serialize_field("keys", &show::keys_json(self.bag, &leaves))?;
        object.serialize_field("findings", &self.bag.findings)?;
        object.end()
    }
}

struct Certificates<'a>(&'a Answer<'a>);

impl Serialize for Certificates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answer { found, now, .. } = self.0;
        let of_chains = found.chains.iter().flat_map(show::in_order);
        let unused = found.unused.iter().map(|one| ("extra", one));
        serializer.collect_seq(of_chains.chain(unused).map(|(role, one)| show::certificate_json(one, role, *now)))
    }
}

struct Printer<'a> {
    bag: &'a Bag,
    now: Timestamp,
    paint: Paint,
}

impl Printer<'_> {
    fn print(&self, found: &Chains, out: &mut dyn Write) -> io::Result<()> {
        for chain in &found.chains {
            self.chain(chain, out)?;
            writeln!(out)?;
        }
        let relation = if found.tangled.is_some() { "" } else { "not part of any chain" };
        for certificate in &found.unused {
            self.certificate(certificate, "", (relation, false), out)?;
        }
        for key in &self.bag.keys {
            let owner = found.chains.iter().find(|chain| key.fits(&chain.leaf));
            let owner =
                owner.map_or_else(|| self.paint.yellow("fits none of the certificates"), |chain| format!("fits {}", title(&chain.leaf)));
            writeln!(out, "private key {}  {owner}  {}", key.kind, self.paint.dim(&printable(&key.origin.to_string())))?;
        }
        show::print_findings(&self.bag.findings, self.paint, out)
    }

    fn chain(&self, chain: &Chain, out: &mut dyn Write) -> io::Result<()> {
        let listed = show::in_order(chain);
        let count = listed.len();
        let mut indent = String::new();
        for (depth, (_, certificate)) in listed.iter().enumerate() {
            let last = depth + 1 == count;
            self.certificate(certificate, &indent, (if depth == 0 { "" } else { "signed by" }, true), out)?;
            if last {
                return self.end(chain, &indent, out);
            }
            if depth < DEEPEST {
                indent.push_str("   ");
            }
        }
        Ok(())
    }

    fn end(&self, chain: &Chain, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let paint = self.paint;
        let hung = |text: &str| paint.hanging(indent.len() + 3, text);
        let text = match &chain.end {
            End::Trusted { given: true, private, .. } => {
                paint.green(if *private { "trusted: private root given with --root" } else { "trusted: Mozilla's roots" })
            }
            End::Trusted { root, private, .. } => {
                let whose = if *private { "private root, given with --root" } else { "Mozilla's roots" };
                hung(&format!("{} {}", paint.green(&format!("signed by {}", root.subject.short())), paint.dim(&format!("({whose})"))))
            }
            End::UntrustedRoot { root } if *root == chain.leaf => paint.red(&hung("self-signed: no CA stands behind it")),
            End::UntrustedRoot { .. } => paint.red(&hung("not trusted: not among Mozilla's roots")),
            End::Missing(missing) | End::NotSigned { missing, .. } => {
                let from = missing.url().map_or_else(String::new, |url| format!(", to be had from {url}"));
                paint.red(&hung(&format!("missing: {} (key id {}){from}", missing.name, missing.key_id_text())))
            }
            End::NotACa { signer, .. } => paint.red(&hung(&format!("signed by {}, which is no CA", signer.subject.short()))),
            End::Circle => paint.red(&hung("the CA certificates sign each other in a circle")),
        };
        writeln!(out, "{indent}└─ {text}")
    }

    fn certificate(&self, one: &Certificate, indent: &str, (relation, in_tree): (&str, bool), out: &mut dyn Write) -> io::Result<()> {
        let paint = self.paint;
        let relation = if relation.is_empty() { String::new() } else { format!("{relation} ") };
        let branch = if indent.is_empty() || !in_tree { "" } else { "└─ " };
        let lead = indent.strip_suffix("   ").unwrap_or(indent);
        writeln!(
            out,
            "{lead}{branch}{}{}  {}",
            paint.dim(&relation),
            paint.bold(&title(one)),
            paint.dim(&printable(&one.origin.to_string()))
        )?;
        let column = indent.len() + 12;
        let mut field =
            |name: &str, value: String| writeln!(out, "{indent}   {} {}", paint.dim(&format!("{name:<8}")), paint.hanging(column, &value));
        field("subject", one.subject.to_string())?;
        if !one.extensions.names.is_empty() {
            let names: Vec<String> = one.extensions.names.iter().take(MOST_NAMES).map(ToString::to_string).collect();
            let more = one.extensions.names.len().saturating_sub(MOST_NAMES);
            let more = if more > 0 { format!(", and {more} more (`--output json` lists them)") } else { String::new() };
            field("names", names.join(", ") + &more)?;
        }
        field("issuer", one.issuer.to_string())?;
        field("valid", self.validity(one))?;
        field("key", format!("{}, signed with {}", one.key, one.signature.name))?;
        if let Some(name) = &one.origin.friendly_name {
            field("friendly", name.clone())?;
        }
        field("sha256", one.fingerprint_text())
    }

    fn validity(&self, one: &Certificate) -> String {
        let day = |time: Timestamp| time.strftime("%F").to_string();
        let span = format!("{} to {}", day(one.not_before), day(one.not_after));
        let days = one.days_left(self.now);
        let left = match days {
            _ if self.now < one.not_before => self.paint.red("not yet valid"),
            ..0 => self.paint.red(&format!("expired {} days ago", -days)),
            0..30 => self.paint.yellow(&format!("{days} days left")),
            _ => self.paint.green(&format!("{days} days left")),
        };
        format!("{span}, {left}")
    }
}

fn title(certificate: &Certificate) -> String {
    let name = certificate.extensions.dns_names().next().filter(|_| !certificate.is_ca());
    name.map_or_else(|| certificate.subject.short(), ToOwned::to_owned)
}
