//! `portcullis render`: the files as they would be installed, and the handouts for other people.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::desired::{Desired, Wanted, render_failure};
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use crate::disk::{Existing, write_atomically};
use crate::node::Facts;
use crate::playbook::{Kind, handout_context};

/// Arguments of `render`.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The playbook
    pub(crate) playbook: String,
    /// The node [default: the first of the site]
    #[arg(long, value_name = "N")]
    pub(crate) node: Option<String>,
    /// Without these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Write the files below this folder rather than to standard output
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Show secrets too
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

struct Rendered {
    path: String,
    text: String,
    is_secret: bool,
}

/// Runs `render`.
pub(crate) fn run(args: &RenderArgs, context: &Context) -> Result<Exit, Failure> {
    let limit: Vec<String> = args.node.iter().cloned().collect();
    let playbooks = std::slice::from_ref(&args.playbook);
    let desired = Desired::load(context, &Wanted { playbooks, limit: &limit, flag: Some("--node"), skip: &args.skip })?;
    let files = rendered(&desired)?;
    match &args.out {
        Some(folder) => write(folder, &files, args.show_secrets, context)?,
        None if context.is_json() => context.print_json(&as_json(&files, args.show_secrets))?,
        None => {
            for Rendered { path, text, is_secret } in &files {
                let text = if *is_secret && !args.show_secrets { "(secret; --show-secrets shows it)\n" } else { text };
                context.print(&format!("==> {path}\n{text}\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn as_json(files: &[Rendered], show_secrets: bool) -> serde_json::Value {
    let one = |file: &Rendered| {
        let text = (!file.is_secret || show_secrets).then_some(&file.text);
        serde_json::json!({"path": file.path, "secret": file.is_secret, "text": text})
    };
    serde_json::json!({"files": files.iter().map(one).collect::<Vec<_>>()})
}

fn rendered(desired: &Desired) -> Result<Vec<Rendered>, Failure> {
    let planner = desired.planner();
    let mut files = Vec::new();
    if let Some(node) = desired.nodes.first() {
        for step in &desired.playbook.steps {
            if let Kind::Template(template) = &step.kind {
                if !planner.applies(step, node, &Facts::default()) {
                    continue;
                }
                let text = planner.render(node, &Facts::default(), template).map_err(render_failure)?;
                files.push(Rendered { path: template.dest.clone(), text: text.to_string(), is_secret: template.secret });
            }
        }
    }
    for handout in &desired.playbook.handouts {
        let text = desired.templates().render(&handout.template, &handout_context(&desired.site)).map_err(render_failure)?;
        files.push(Rendered { path: handout.name.clone(), text: text.to_string(), is_secret: false });
    }
    Ok(files)
}

fn write(folder: &std::path::Path, files: &[Rendered], show_secrets: bool, context: &Context) -> Result<(), Failure> {
    for Rendered { path, text, is_secret } in files {
        if *is_secret && !show_secrets {
            context.say(&format!("left out: {path} (secret; --show-secrets writes it, mode 0600)\n"))?;
            continue;
        }
        let target = folder.join(path.trim_start_matches('/'));
        let failed = |error: std::io::Error| {
            let what = Sentence(format!("cannot make the folder of {}: {error}", target.display()));
            Failure::new(Exit::Failed, what, Some("give a folder that you may write to".to_owned()))
        };
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mode = if *is_secret { 0o600 } else { 0o644 };
        write_atomically(&target, text.as_bytes(), mode, Existing::Replace).map_err(Failure::not_written)?;
        context.say(&format!("{}\n", target.display()))?;
    }
    Ok(())
}
