//! `cert check`: every rule; findings with a fix each.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::input::{self, Input, TrustArgs};
use super::show::{self, Paint};
use super::{At, CertContext, CertError, DONE, FOUND, instant};
use crate::certs::{Certificate, Chain, ChainError, Demands, Elsewhere, LeafSelection, build_chain, review, review_without_chain};
use crate::finding::{Finding, has_errors};

/// Arguments of `cert check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// PEM, DER, P7B and PFX files, in any order; the site's where there is one
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The private key, where it is not in one of the files
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A name that must be covered; repeat for more. Without it the site's names, current and planned
    #[arg(long, value_name = "DNS")]
    name: Vec<String>,
    /// The instant for which everything is judged (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<At>,
    /// A certificate of another environment, which must not be this one; repeat for more
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
    let names = context.names(&args.name);
    let elsewhere = elsewhere(&args.other_environment)?;
    let mut input = input::load(context, &args.files, args.key.as_deref(), &args.trust)?;
    if args.trust.fetch_missing {
        super::fetch::complete(&mut input, &names, now, context)?;
    }
    // A key was promised: by `--key`, or by the kind of file, which exists to hold one.
    let key = args.key.is_some() || !input.bag.pfx_files.is_empty();
    let demands = Demands { names: &names, now, key, appliance: context.site.is_some(), elsewhere: &elsewhere };
    let (chain, findings) = match chain(&input, &names, now, context.interactive) {
        Ok(chain) => {
            let findings = review(&input.bag, &chain, &demands);
            (Some(chain), findings)
        }
        Err(error) => match review_without_chain(&input.bag, &error) {
            Some(findings) => (None, findings),
            None => return Err(CertError::Chain(error)),
        },
    };
    print(&findings, chain.as_ref(), context)?;
    Ok(if has_errors(&findings) { FOUND } else { DONE })
}

/// The chain in the files; where several certificates could be meant, a person at the terminal is asked.
pub(super) fn chain(input: &Input, names: &[String], now: jiff::Timestamp, interactive: bool) -> Result<Chain, ChainError> {
    let ask = |candidates: &[Arc<Certificate>]| ask_which(candidates);
    let choose: Option<&crate::certs::Choose<'_>> = if interactive { Some(&ask) } else { None };
    build_chain(&input.bag, &input.roots, LeafSelection { names, choose }, now)
}

fn ask_which(candidates: &[Arc<Certificate>]) -> Option<usize> {
    let label = |one: &Arc<Certificate>| {
        let names: Vec<&str> = one.extensions.dns_names().take(3).collect();
        format!("{} (valid to {}, {})", names.join(", "), one.not_after.strftime("%F"), one.origin)
    };
    let labels: Vec<String> = candidates.iter().map(label).collect();
    dialoguer::Select::new().with_prompt("Which is the server's certificate?").items(&labels).default(0).interact_opt().ok().flatten()
}

fn elsewhere(others: &[(String, PathBuf)]) -> Result<Vec<Elsewhere>, CertError> {
    let mut elsewhere = Vec::new();
    for (environment, path) in others {
        let servers = input::read_certificates(path)?.into_iter().filter(|one| !one.is_ca());
        elsewhere.extend(servers.map(|certificate| Elsewhere { environment: environment.clone(), certificate }));
    }
    Ok(elsewhere)
}

fn print(findings: &[Finding], chain: Option<&Chain>, context: &mut CertContext<'_>) -> Result<(), CertError> {
    if context.json {
        return show::print_json(&json!({"findings": findings}), context.out);
    }
    let output = |source| CertError::Output { source };
    if let (Some(chain), []) = (chain, findings) {
        let root = chain.root().map(|root| root.subject.short()).unwrap_or_default();
        let intermediates = chain.intermediates.len();
        let text = format!(
            "nothing to complain about: {} leads over {intermediates} intermediate{} to {root}",
            chain.leaf.origin,
            if intermediates == 1 { "" } else { "s" }
        );
        return writeln!(context.out, "{}", Paint(context.color).green(&text)).map_err(output);
    }
    show::print_findings(findings, Paint(context.color), context.out).map_err(output)
}
