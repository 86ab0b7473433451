//! What a command wants of a site: the site itself, its playbooks, and what all nodes share.

use std::sync::Arc;

use super::cluster::{Cluster, limited, secret_failure};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::playbook::{Library, LoadError, Material, Planner, Playbook, PrepareError, RenderError, Templates, UnknownStep, prepare};
use crate::site::model::{Node, Site};
use crate::site::secret::Secrets;

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// The playbooks, in order; `bootstrap` where none is named.
    pub(crate) playbooks: &'a [String],
    /// Only these nodes; all where none is named.
    pub(crate) limit: &'a [String],
    /// Without these steps.
    pub(crate) skip: &'a [String],
}

/// Everything that planning needs, loaded once a command.
#[derive(Debug)]
pub(crate) struct Desired {
    /// The site.
    pub(crate) site: Site,
    /// The nodes concerned.
    pub(crate) nodes: Vec<Node>,
    /// The playbooks' steps.
    pub(crate) playbook: Playbook,
    /// What all nodes share.
    pub(crate) material: Material,
    templates: Templates,
    secrets: Arc<Secrets>,
}

impl Desired {
    /// Loads site, playbooks (`bootstrap` where none is named) and material; asks for no more than they need.
    pub(crate) fn load(context: &Context, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let Wanted { playbooks, limit, skip } = wanted;
        let site = context.site()?;
        let nodes = limited(&site, limit)?;
        let library = Library::new(&site.folder);
        let names = if playbooks.is_empty() { vec!["bootstrap".to_owned()] } else { playbooks.to_vec() };
        let playbook = library.load(&names).map_err(load_failure)?.without(skip).map_err(skip_failure)?;
        let templates = Templates::parse(&library.templates().map_err(load_failure)?).map_err(render_failure)?;
        templates.must_have(&playbook).map_err(render_failure)?;
        let secrets = context.secrets(&site.folder);
        let material = prepare(&site, &playbook, &secrets, context.now).map_err(prepare_failure)?;
        Ok(Self { site, nodes, playbook, material, templates, secrets })
    }

    /// The way to the nodes.
    pub(crate) fn cluster(&self, context: &Context) -> Result<Cluster, Failure> {
        Cluster::new(context, &self.site, Arc::clone(&self.secrets), &self.nodes)
    }

    /// Plans for the nodes.
    pub(crate) fn planner(&self) -> Planner<'_> {
        Planner { site: &self.site, playbook: &self.playbook, templates: &self.templates, material: &self.material, journal: false }
    }

    /// The templates, parsed.
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }
}

/// A playbook that cannot be used.
pub(crate) fn load_failure(error: LoadError) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error, help)
}

fn skip_failure(error: UnknownStep) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error, Some(help))
}

/// A template that cannot be used.
pub(crate) fn render_failure(error: RenderError) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error, help)
}

fn prepare_failure(error: PrepareError) -> Failure {
    let help = error.help();
    match error {
        PrepareError::Secret(error) => secret_failure(error),
        PrepareError::Certificate { .. } => Failure::new(Exit::Findings, error, help),
        PrepareError::BadSecret { .. } | PrepareError::Unreadable { .. } | PrepareError::Certs { .. } => {
            Failure::new(Exit::Usage, error, help)
        }
    }
}
