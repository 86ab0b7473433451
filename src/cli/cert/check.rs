//! `cert check`: every rule; findings with a fix each.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::input::{self, Input, TrustArgs};
use super::show::{self, Paint};
use super::{At, CertContext, CertError, DONE, FOUND, host, instant};
use crate::certs::{Certificate, Chain, ChainError, Demands, Elsewhere, LeafSelection, build_chain, review, review_without_chain};
use crate::finding::{Finding, has_errors};
use crate::site::model::{CertificateFiles, Site};

/// Arguments of `cert check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// PEM, DER, P7B and PFX files, in any order, `-` for standard input. Without any, all certificates that the site names
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The private key, where it is not in one of the files
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A name that must be covered; repeat for more. Without it the site's names, current and planned
    #[arg(long, value_name = "DNS", value_parser = host)]
    name: Vec<String>,
    /// The instant for which everything is judged (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<At>,
    /// A certificate of another environment, or its site file: none of its certificates may be this one; repeat for more
    #[arg(long, value_name = "ENVIRONMENT=FILE", value_parser = environment)]
    other_environment: Vec<(String, PathBuf)>,
    #[command(flatten)]
    trust: TrustArgs,
}

fn environment(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("write it as ENVIRONMENT=FILE, such as production=prod.pem")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

pub(super) fn run(args: &CheckArgs, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let now = context.instant(args.at);
    let elsewhere = elsewhere(&args.other_environment, context)?;
    let mut verdicts = Vec::new();
    for target in targets(args, context) {
        verdicts.push(look_at(target, args, now, &elsewhere, context)?);
    }
    print(&verdicts, context)?;
    Ok(if verdicts.iter().any(|verdict| has_errors(&verdict.findings)) { FOUND } else { DONE })
}

/// One certificate that is to be looked at.
struct Target {
    /// What the site calls it, where it has several.
    title: Option<String>,
    files: CertificateFiles,
    names: Vec<String>,
    /// A key was promised.
    key: bool,
}

/// What was found of it.
struct Verdict {
    title: Option<String>,
    chain: Option<Chain>,
    findings: Vec<Finding>,
}

/// The files given; without any, every certificate of the site: its own, and those of custom domains and extensions.
fn targets(args: &CheckArgs, context: &CertContext<'_>) -> Vec<Target> {
    let main = Target {
        title: None,
        files: input::stated(context, &args.files, args.key.as_deref()),
        names: context.names(&args.name),
        key: args.key.is_some(),
    };
    let given = !args.files.is_empty() || args.key.is_some() || !args.name.is_empty();
    let Some(site) = context.site.filter(|_| !given) else { return vec![main] };
    let mut targets = Vec::new();
    let domains = site.names.custom_domains.iter().map(|custom| (custom, custom.domain.clone()));
    let extensions = site.names.extensions.iter().map(|custom| (custom, format!("*.{}", custom.domain)));
    for (custom, name) in domains.chain(extensions) {
        if let Some(files) = &custom.certificate {
            let files = input::absolute(site, files);
            targets.push(Target { title: Some(custom.domain.clone()), files, names: vec![name], key: true });
        }
    }
    // Without any certificate at all the first is what is missing.
    if !main.files.files.is_empty() || targets.is_empty() {
        let title = (!targets.is_empty()).then(|| "tls.certificate".to_owned());
        targets.insert(0, Target { title, key: true, ..main });
    }
    targets
}

fn look_at(
    target: Target,
    args: &CheckArgs,
    now: jiff::Timestamp,
    elsewhere: &[Elsewhere],
    context: &mut CertContext<'_>,
) -> Result<Verdict, CertError> {
    let Target { title, files, names, key } = target;
    let mut input = input::load(context, files, &args.trust)?;
    input.key_is_decided();
    if args.trust.fetch_missing {
        super::fetch::complete(&mut input, &names, now, context)?;
    }
    // A kind of file that exists to hold a key promises one too.
    let key = key || !input.bag.pfx_files.is_empty();
    let demands = Demands { names: &names, now, key, appliance: context.site.is_some(), elsewhere };
    match chain(&input, &names, now, context.interactive)? {
        Ok(chain) => {
            say_if_newer(&chain, now, context)?;
            let mut findings = review(&input.bag, &chain, &demands);
            if args.trust.fetch_missing {
                super::fetch::without_fetch_hints(&mut findings);
            }
            Ok(Verdict { title, chain: Some(chain), findings })
        }
        Err(error) => match review_without_chain(&input.bag, &error) {
            Some(findings) => Ok(Verdict { title, chain: None, findings }),
            None => Err(CertError::Chain(error)),
        },
    }
}

/// The chain in the files; of a certificate and its renewal the newer one, and where several others could be meant, a
/// person at the terminal is asked.
pub(super) fn chain(
    input: &Input,
    names: &[String],
    now: jiff::Timestamp,
    interactive: bool,
) -> Result<Result<Chain, ChainError>, CertError> {
    let logged = |chain: Result<Chain, ChainError>| {
        match &chain {
            Ok(chain) => {
                let end = chain.root().map_or_else(|| "no trusted root".to_owned(), |root| root.subject.to_string());
                tracing::info!(leaf = %chain.leaf.subject, intermediates = chain.intermediates.len(), extra = chain.extra.len(), end, "chain");
            }
            Err(error) => tracing::info!(%error, "no chain"),
        }
        chain
    };
    let is_broken_off = Cell::new(false);
    let ask = |candidates: &[Arc<Certificate>]| ask_which(candidates).inspect_err(|_| is_broken_off.set(true)).ok();
    let choose = |candidates: &[Arc<Certificate>]| newest(candidates, now).or_else(|| if interactive { ask(candidates) } else { None });
    let chain = logged(build_chain(&input.bag, &input.roots, LeafSelection { names, choose: Some(&choose) }, now));
    if is_broken_off.get() { Err(CertError::Interrupted) } else { Ok(chain) }
}

/// Whether the one is the other issued anew: same key, same names, both valid.
fn is_renewal(one: &Certificate, other: &Certificate, now: jiff::Timestamp) -> bool {
    let names = |certificate: &Certificate| {
        let names: BTreeSet<String> = certificate.extensions.names.iter().map(|name| name.to_string().to_ascii_lowercase()).collect();
        names
    };
    let both_valid = one.is_valid_at(now) && other.is_valid_at(now);
    both_valid && one.public_key_info() == other.public_key_info() && names(one) == names(other)
}

/// The place of the newest, where all are renewals of one certificate.
fn newest(candidates: &[Arc<Certificate>], now: jiff::Timestamp) -> Option<usize> {
    let (first, others) = candidates.split_first()?;
    if !others.iter().all(|other| is_renewal(first, other, now)) {
        return None;
    }
    let newest = candidates.iter().enumerate().max_by_key(|(_, one)| (one.not_before, one.not_after));
    newest.map(|(place, _)| place)
}

/// Tells that the newer one of a certificate and its renewal was taken.
pub(super) fn say_if_newer(chain: &Chain, now: jiff::Timestamp, context: &mut CertContext<'_>) -> Result<(), CertError> {
    let leaf = &chain.leaf;
    let renewed = |one: &&Arc<Certificate>| is_renewal(leaf, one, now) && one.not_before <= leaf.not_before;
    for older in chain.extra.iter().filter(renewed) {
        let (from, to) = (leaf.not_before.strftime("%F"), leaf.not_after.strftime("%F"));
        let text = format!(
            "{} and {} are for the same key and names: the newer one is taken, {} (valid {from} to {to}); leave its file out for the other",
            older.origin, leaf.origin, leaf.origin
        );
        writeln!(context.err, "{text}").map_err(|source| CertError::Output { source })?;
    }
    Ok(())
}

fn ask_which(candidates: &[Arc<Certificate>]) -> std::io::Result<usize> {
    let label = |one: &Arc<Certificate>| {
        let names: Vec<&str> = one.extensions.dns_names().take(3).collect();
        format!("{} (valid to {}, {})", names.join(", "), one.not_after.strftime("%F"), one.origin)
    };
    let labels: Vec<String> = candidates.iter().map(label).collect();
    crate::wizard::ask_which("Which is the server's certificate?", &labels)
}

fn elsewhere(others: &[(String, PathBuf)], context: &CertContext<'_>) -> Result<Vec<Elsewhere>, CertError> {
    let mut elsewhere = Vec::new();
    for (environment, path) in others {
        let files = if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            let site = crate::site::load(path, context.home).map_err(|source| CertError::OtherSite { path: path.clone(), source })?;
            certificate_files(&site)
        } else {
            vec![path.clone()]
        };
        for file in files {
            let servers = input::read_certificates(&file)?.into_iter().filter(|one| !one.is_ca());
            elsewhere.extend(servers.map(|certificate| Elsewhere { environment: environment.clone(), certificate }));
        }
    }
    Ok(elsewhere)
}

/// The files of every certificate of a site.
fn certificate_files(site: &Site) -> Vec<PathBuf> {
    let own = site.tls.iter().map(|tls| &tls.certificate);
    let custom = site.names.custom_domains.iter().chain(&site.names.extensions).filter_map(|custom| custom.certificate.as_ref());
    own.chain(custom).flat_map(|stated| input::absolute(site, stated).files).collect()
}

fn print(verdicts: &[Verdict], context: &mut CertContext<'_>) -> Result<(), CertError> {
    if context.json {
        let findings: Vec<&Finding> = verdicts.iter().flat_map(|verdict| &verdict.findings).collect();
        return show::print_json(&json!({"findings": findings}), context.out);
    }
    let output = |source| CertError::Output { source };
    for (place, verdict) in verdicts.iter().enumerate() {
        if let Some(title) = &verdict.title {
            let gap = if place == 0 { "" } else { "\n" };
            writeln!(context.out, "{gap}{}", Paint::of(context).bold(title)).map_err(output)?;
        }
        match &verdict.chain {
            Some(chain) if verdict.findings.is_empty() => praise(chain, context).map_err(output)?,
            Some(_) | None => show::print_findings(&verdict.findings, Paint::of(context), context.out).map_err(output)?,
        }
    }
    Ok(())
}

fn praise(chain: &Chain, context: &mut CertContext<'_>) -> std::io::Result<()> {
    let root = chain.root().map(|root| root.subject.short()).unwrap_or_default();
    let intermediates = chain.intermediates.len();
    let plural = if intermediates == 1 { "" } else { "s" };
    let text = format!("nothing to complain about: {} leads over {intermediates} intermediate{plural} to {root}", chain.leaf.origin);
    writeln!(context.out, "{}", Paint::of(context).green(&text))
}
