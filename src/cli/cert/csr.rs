//! `cert csr`: a key, a signing request, and the text that says what to order.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::show;
use super::{CertContext, CertError, DONE};
use crate::certs::csr::{CsrError, KeyType, make_request, order_text, reserved_addresses};
use crate::cli::interrupt::Held;
use crate::disk::{self, Existing, Staged, WriteError};

/// Arguments of `cert csr`.
#[derive(Debug, clap::Args)]
pub struct CsrArgs {
    /// The folder in which key, request and order are put
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// A name or IP address to ask for; repeat for more. Without it the site's names, current and planned
    #[arg(long, value_name = "DNS")]
    name: Vec<String>,
    /// Kind of key: rsa-3072 (all that the appliance's documents name) or ecdsa-p256
    #[arg(long, value_name = "TYPE", value_parser = key_type, default_value = "rsa-3072")]
    key_type: KeyType,
    /// Replace existing files, the private key among them
    #[arg(long)]
    force: bool,
}

fn key_type(text: &str) -> Result<KeyType, String> {
    match text.to_ascii_lowercase().as_str() {
        "rsa-3072" | "rsa3072" | "rsa" => Ok(KeyType::Rsa3072),
        "ecdsa-p256" | "p256" | "p-256" | "ecdsa" => Ok(KeyType::EcdsaP256),
        _ => Err("there are rsa-3072 and ecdsa-p256".to_owned()),
    }
}

pub(super) fn run(args: &CsrArgs, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let names = context.names(&args.name);
    let request = make_request(&names, args.key_type).map_err(CertError::Csr)?;
    let base = base_name(context, request.names.first().map_or("server", String::as_str));
    let file = |end: &str| args.out_dir.join(format!("{base}{end}"));
    let (key, csr, order) = (file(".key"), file(".csr"), file(".order.txt"));
    // All or none: a new key beside an old request would be worse than neither.
    if !args.force
        && let Some(path) = [&key, &csr, &order].into_iter().find(|path| path.exists())
    {
        return Err(CertError::Write(WriteError::Exists { path: path.clone() }));
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let key_pem = request.key.to_pkcs8_pem().map_err(|error| CertError::Csr(CsrError::Crypto(error)))?;
    let text = order_text(context.site.map(|site| site.name.as_str()), &request.names, args.key_type, &format!("{base}.csr"));
    std::fs::create_dir_all(&args.out_dir).map_err(|source| CertError::Write(WriteError::Io { path: args.out_dir.clone(), source }))?;
    disk::sweep_beside(&key);
    let held = Held::begin();
    let stage = |path: &Path, bytes: &[u8], mode: u32| Staged::beside(path, bytes, mode).map_err(CertError::Write);
    let files =
        vec![stage(&key, key_pem.as_bytes(), 0o600)?, stage(&csr, request.pem.as_bytes(), 0o644)?, stage(&order, text.as_bytes(), 0o644)?];
    if held.was_asked() {
        return Err(CertError::Interrupted);
    }
    disk::place_together(files, existing).map_err(CertError::Write)?;
    tracing::info!(key = %key.display(), csr = %csr.display(), names = ?request.names, "key and request written");
    let output = |source| CertError::Output { source };
    for address in reserved_addresses(&request.names) {
        let text = format!("{address} is an address of a private network: only a private CA can certify it");
        writeln!(context.err, "warning: {text}").map_err(output)?;
    }
    if context.json {
        let shown = |path: &Path| path.display().to_string();
        let value = json!({"key": shown(&key), "csr": shown(&csr), "order": shown(&order), "names": request.names});
        show::print_json(&value, context.out)?;
    } else {
        writeln!(context.out, "{}  the private key ({}); keep it here", key.display(), args.key_type.name()).map_err(output)?;
        writeln!(context.out, "{}  the request, for the CA", csr.display()).map_err(output)?;
        writeln!(context.out, "{}  what to order, for your network security team", order.display()).map_err(output)?;
    }
    Ok(DONE)
}

/// The site's name, else the first name asked for, as a file name.
fn base_name(context: &CertContext<'_>, first: &str) -> String {
    let name = context.site.map_or(first, |site| site.name.as_str());
    let plain: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() || "-._".contains(letter) { letter } else { '_' }).collect();
    plain.trim_start_matches(['_', '.']).to_owned()
}
