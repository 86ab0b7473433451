//! `cert explain`: which platforms can open a PFX, which cannot, and why.

use std::io::{self, Write};
use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde_json::json;

use super::input::read_file;
use super::show::{self, Paint, shell_word};
use super::{CertContext, CertError, DONE, FOUND, secret_ref};
use crate::certs::pfx::{Cipher, Explanation, Scheme, explain};
use crate::certs::{self, NoPasswords, Source, printable};
use crate::site::model::SecretRef;

/// Arguments of `cert explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The PFX; its password is not needed
    #[arg(value_name = "FILE.pfx")]
    file: PathBuf,
    /// Say too whether this password opens it: `env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`
    #[arg(long, value_name = "REF", value_parser = secret_ref)]
    key_password_from: Option<SecretRef>,
}

pub(super) fn run(args: &ExplainArgs, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let path = &args.file;
    let bytes = read_file(path).map_err(|source| CertError::Read { path: path.clone(), source })?;
    let mut explanation = match explain(&bytes) {
        Ok(explanation) => explanation,
        Err(source) => return not_a_pfx(Source { name: path.display().to_string(), bytes }, source, context),
    };
    let password = args.key_password_from.as_ref().map(|reference| context.secrets.resolve(reference, "the PFX's password"));
    let opens = password.transpose().map_err(CertError::Secret)?.map(|password| {
        explanation.consider_password(password.expose_secret());
        let bag = certs::read(&[Source { name: path.display().to_string(), bytes }], &password);
        bag.keys.iter().for_each(|key| explanation.consider_key(&key.kind));
        bag.findings.is_empty()
    });
    if context.json {
        show::print_json(&as_json(args, &explanation, opens), context.out)?;
    } else {
        print(args, &explanation, opens, Paint::of(context), context.out).map_err(|source| CertError::Output { source })?;
    }
    Ok(if opens == Some(false) { FOUND } else { DONE })
}

/// Says what the file is instead, where that can be told.
fn not_a_pfx(source: Source, reason: certs::pfx::PfxReadError, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let path = PathBuf::from(&source.name);
    let bag = certs::read(&[source], &NoPasswords);
    if !bag.certificates.is_empty() || !bag.keys.is_empty() {
        return Err(CertError::NotEvenAPfx { path });
    }
    if bag.findings.is_empty() || context.json {
        return Err(CertError::NotAPfx { path, source: reason });
    }
    show::print_findings(&bag.findings, Paint::of(context), context.out).map_err(|source| CertError::Output { source })?;
    Ok(FOUND)
}

fn scheme_text(scheme: Option<&Scheme>) -> String {
    scheme.map_or_else(|| "not encrypted".to_owned(), ToString::to_string)
}

fn seal_text(explanation: &Explanation) -> String {
    explanation.mac.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn as_json(args: &ExplainArgs, explanation: &Explanation, opens: Option<bool>) -> serde_json::Value {
    let parts: Vec<_> =
        explanation.parts.iter().map(|(what, scheme)| json!({"part": what, "encryption": scheme_text(scheme.as_ref())})).collect();
    let platforms: Vec<_> = explanation
        .readings
        .iter()
        .map(|reading| json!({"name": reading.platform.name, "opens": reading.opens(), "because": reading.objections, "not_known": reading.doubts, "source": reading.platform.source}))
        .collect();
    json!({
        "file": args.file.display().to_string(),
        "mac": seal_text(explanation),
        "parts": parts,
        "platforms": platforms,
        "remarks": explanation.remarks,
        "password_opens_it": opens,
    })
}

/// The platforms of which that is to be said, those with the same reasons together.
fn together<'a>(explanation: &'a Explanation, opens: Option<bool>) -> Vec<(Vec<&'a str>, Vec<&'static str>)> {
    let mut groups: Vec<(Vec<&'a str>, Vec<&'static str>)> = Vec::new();
    for reading in explanation.readings.iter().filter(|reading| reading.opens() == opens) {
        let reasons: Vec<&str> = reading.objections.iter().chain(&reading.doubts).map(String::as_str).collect();
        match groups.iter_mut().find(|(known, _)| *known == reasons) {
            Some((_, platforms)) => platforms.push(reading.platform.name),
            None => groups.push((reasons, vec![reading.platform.name])),
        }
    }
    groups
}

/// What to write it anew for: what is too old for new platforms for one of these, what is too new for an old one.
fn target(explanation: &Explanation) -> &'static str {
    let too_old = |scheme: &Scheme| match scheme {
        Scheme::Pkcs12 { cipher, .. } => *cipher != Cipher::TripleDes(192),
        Scheme::Pbes1 { .. } => true,
        Scheme::Pbes2 { .. } | Scheme::Other(_) => false,
    };
    let too_old = explanation.parts.iter().filter_map(|(_, scheme)| scheme.as_ref()).any(too_old);
    if too_old { "openssl3" } else { "windows-2016" }
}

fn print(args: &ExplainArgs, explanation: &Explanation, opens: Option<bool>, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", paint.bold(&printable(&args.file.display().to_string())))?;
    writeln!(out, "  {} {}", paint.dim(&format!("{:<14}", "MAC")), paint.hanging(17, &seal_text(explanation)))?;
    for (what, scheme) in &explanation.parts {
        writeln!(out, "  {} {}", paint.dim(&format!("{what:<14}")), paint.hanging(17, &scheme_text(scheme.as_ref())))?;
    }
    match opens {
        Some(true) => writeln!(out, "  {}", paint.green("the password opens it"))?,
        Some(false) => writeln!(out, "  {}", paint.red("the password does not open it"))?,
        None => {}
    }
    for remark in &explanation.remarks {
        writeln!(out, "  {} {}", paint.yellow("note:"), paint.hanging(8, remark))?;
    }
    writeln!(out)?;
    for (opens, verdict) in
        [(Some(true), paint.green("opens     ")), (None, paint.yellow("not known ")), (Some(false), paint.red("fails     "))]
    {
        for (reasons, platforms) in together(explanation, opens) {
            for platform in platforms {
                writeln!(out, "  {verdict} {}", paint.hanging(13, platform))?;
            }
            for reason in reasons {
                writeln!(out, "             - {}", paint.hanging(15, reason))?;
            }
        }
    }
    if explanation.readings.iter().any(|reading| reading.opens() != Some(true)) {
        writeln!(out, "\n  For a platform that fails, write it anew, such as:")?;
        writeln!(out, "  {}", anew(args, explanation))?;
        writeln!(out, "  (of a private CA, add its root: --root ROOT.pem)")?;
    }
    Ok(())
}

/// The command that writes it anew. What is of a kind that only OpenSSL opens comes from there, and is on no disk in between.
fn anew(args: &ExplainArgs, explanation: &Explanation) -> String {
    let (file, target) = (shell_word(&args.file.display().to_string()), target(explanation));
    if explanation.is_read_here() {
        return format!("portcullis cert pfx --in {file} --key-password-from prompt --target {target} --out NEW.pfx");
    }
    format!("openssl pkcs12 -legacy -in {file} -nodes | portcullis cert pfx --in - --target {target} --out NEW.pfx")
}
