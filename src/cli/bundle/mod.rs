//! `portcullis bundle`: what support needs, redacted, in one archive. Only looks; what cannot be had is named as missing.

mod gather;
mod secrets;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::cluster::machines;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::bundle::{Archive, PackError, Packed, Redactor};
use crate::disk::{Existing, WriteError, write_atomically};
use crate::report::text::counted;

/// Arguments of `bundle`.
#[derive(Debug, Args)]
pub(super) struct BundleArgs {
    /// The archive [default: portcullis-SITE-TIME.tar.gz]
    #[arg(long, value_name = "FILE.tar.gz")]
    pub out: Option<PathBuf>,
    /// Replace the file where it is there already
    #[arg(long)]
    pub force: bool,
    /// Only these machines
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// Nothing that leaves this machine
    #[arg(long)]
    pub offline: bool,
}

/// Runs `bundle`.
pub(super) async fn run(args: &BundleArgs, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let nodes = machines(&site, "--limit", &args.limit)?;
    let name = format!("portcullis-{}-{}", site.name, context.now.strftime("%Y%m%dT%H%M%SZ"));
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    // Gathering takes its time: what would be refused in the end is refused now.
    if !args.force && std::fs::symlink_metadata(&out).is_ok() {
        return Err(unwritable(WriteError::Exists { path: out }));
    }
    let resolver = context.secrets(&site.folder);
    let untold = secrets::have_all(&site, &resolver);
    let sink = context.sink_for_query();
    let work = gather::Work { context, site: &site, secrets: &resolver, nodes: &nodes, sink: sink.as_ref() };
    let mut gathered = Box::pin(work.all(args.offline)).await?;
    drop(sink);
    gathered.missing.extend(untold);
    // Only now is every secret known that somebody was asked for on the way.
    let redactor = Redactor::new(&secrets::known(&site, &resolver));
    let mut archive = Archive::new(redactor);
    gathered.pour(&mut archive);
    let about = json!({"site": site.name, "portcullis": env!("CARGO_PKG_VERSION"), "offline": args.offline});
    let packed = archive.pack(&name, &about, context.now).map_err(failure)?;
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    write_atomically(&out, &packed.bytes, 0o600, existing).map_err(unwritable)?;
    tell(&out, &packed, context)?;
    Ok(Exit::Done)
}

fn tell(out: &std::path::Path, packed: &Packed, context: &Context) -> Result<(), Failure> {
    if context.is_json() {
        let (size, sha256) = (packed.bytes.len(), &packed.sha256);
        return context.print_json(&json!({"out": out, "size": size, "sha256": sha256, "files": packed.files, "missing": packed.missing}));
    }
    let taken: usize = packed.files.iter().flat_map(|file| file.redacted.values()).sum();
    let mut text = format!("{}\n", out.display());
    for file in &packed.files {
        let kinds: Vec<String> = file.redacted.iter().map(|(kind, times)| format!("{times} × {kind}")).collect();
        let taken = if kinds.is_empty() { String::new() } else { format!("  redacted: {}", kinds.join(", ")) };
        let _infallible = writeln!(text, "  {:>9}  {}{taken}", file.size, file.path);
    }
    for missing in &packed.missing {
        let _infallible = writeln!(text, "  missing    {}: {}", missing.path, missing.why);
    }
    let files = counted(packed.files.len(), "file");
    let _infallible = writeln!(text, "{files}, {} redacted, sha256 {}", counted(taken, "secret"), packed.sha256);
    text.push_str("Look through it before you send it: it tells of your network, and holds the site file.\n");
    context.print(&text)
}

fn failure(error: PackError) -> Failure {
    let help = match &error {
        PackError::Unclean(_) => "nothing was written; say which text it was to whoever maintains Portcullis, and send that text by hand",
        PackError::Io { .. } => "nothing was written; name fewer machines by `--limit`",
    };
    Failure::new(Exit::Failed, error, Some(help.to_owned()))
}

fn unwritable(error: WriteError) -> Failure {
    let help = match &error {
        WriteError::Exists { .. } => "give another name by `--out`, or `--force` to replace it",
        WriteError::NotAFile { .. } | WriteError::Io { .. } => "name a file in a folder that is there and may be written",
    };
    Failure::new(Exit::Failed, error, Some(help.to_owned()))
}
