//! Why there is no plan, and what to do about it.

use std::collections::BTreeSet;

use crate::playbook::material::PfxFailed;
use crate::playbook::template::RenderError;

/// Why no plan could be made for a node.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A template failed.
    #[error("step `{step}` on {node}")]
    Render {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// Why.
        source: RenderError,
    },
    /// The node has not got the programs that a look at it, or a run, is made of.
    #[error("{node} has no {}", programs.join(", no "))]
    Lacks {
        /// The node.
        node: String,
        /// The programs.
        programs: Vec<String>,
    },
    /// What stands at a path cannot be replaced by a file.
    #[error("step `{step}` on {node}: {path} is {found}")]
    InTheWay {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// The path.
        path: String,
        /// What was found there.
        found: String,
    },
    /// The PFX could not be made.
    #[error("step `{step}` on {node}")]
    Pfx {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// Why.
        source: PfxFailed,
    },
    /// The step needs something that the site file does not have.
    #[error("step `{step}` on {node} needs {what}, which is not in the site file")]
    Missing {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// What is missing.
        what: String,
    },
}

impl PlanError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Render { source, .. } => source.help(),
            Self::Lacks { node, programs } => {
                let packages: BTreeSet<_> = programs.iter().map(|program| package_of(program)).collect();
                let packages: Vec<_> = packages.into_iter().collect();
                Some(format!("install on {node} what they are in ({})", packages.join(", ")))
            }
            Self::InTheWay { path, node, found, .. } if !found.contains("link") => {
                Some(format!("look at {path} on {node}; if the step means another place, mend its path"))
            }
            Self::InTheWay { path, node, .. } => {
                Some(format!("a link is never followed out of its place: look at {path} on {node} and move it away if it is not needed"))
            }
            Self::Pfx { .. } => Some("`portcullis cert check` on the site's files says more".to_owned()),
            Self::Missing { .. } => Some("add it, or give the step a `when` under which it does not count".to_owned()),
        }
    }
}

/// The package that has `program` in every large distribution.
fn package_of(program: &str) -> &'static str {
    match program {
        "flock" => "util-linux",
        "tar" => "tar",
        _ => "coreutils",
    }
}
