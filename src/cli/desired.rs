//! What a command wants of a site: the site itself, its playbooks, and what all nodes share.

use std::sync::Arc;

use super::cluster::{Cluster, machines, secret_of_site_failure};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use crate::playbook::{
    Library, LoadError, Machines, Material, Planner, Playbook, PrepareError, RenderError, Templates, UnknownStep, prepare,
};
use crate::site::model::{Node, Role, Site};
use crate::site::secret::Secrets;

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// The playbooks, in order; `bootstrap` where none is named.
    pub(crate) playbooks: &'a [String],
    /// Only these nodes; all where none is named.
    pub(crate) limit: &'a [String],
    /// The flag that named them, where it is not `--limit`.
    pub(crate) flag: Option<&'static str>,
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
        let site = context.site()?;
        let secrets = context.secrets(&site.folder);
        Self::of(context, site, secrets, wanted)
    }

    /// The same of a site that is loaded already, with secrets some of which may have been asked for.
    pub(crate) fn of(context: &Context, site: Site, secrets: Arc<Secrets>, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let Wanted { playbooks, limit, flag, skip } = wanted;
        let library = Library::new(&site.folder);
        let names = if playbooks.is_empty() { vec!["bootstrap".to_owned()] } else { playbooks.to_vec() };
        let playbook = library.load(&names).map_err(load_failure)?.without(skip).map_err(skip_failure)?;
        let nodes = concerned(&site, &playbook, (flag.unwrap_or("--limit"), limit))?;
        let templates = Templates::parse(library.templates().map_err(load_failure)?).map_err(render_failure)?;
        let material = prepare(&site, &playbook, &templates, &secrets, context.now).map_err(|error| prepare_failure(error, &site))?;
        let desired = Self { site, nodes, playbook, material, templates, secrets };
        desired.planner().rehearse(&desired.nodes).map_err(render_failure)?;
        Ok(desired)
    }

    /// The way to the nodes.
    pub(crate) fn cluster(&self, context: &Context) -> Result<Cluster, Failure> {
        Cluster::new(context, &self.site, Arc::clone(&self.secrets), &self.nodes)
    }

    /// Plans for the nodes.
    pub(crate) fn planner(&self) -> Planner<'_> {
        Planner::new(&self.site, &self.playbook, &self.templates, &self.material)
    }

    /// The templates, parsed.
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }
}

// The machines that some step of the playbook is for, less those that the flag leaves out.
fn concerned(site: &Site, playbook: &Playbook, (flag, limit): (&str, &[String])) -> Result<Vec<Node>, Failure> {
    let is_for = |machines: Machines| playbook.steps.iter().any(|step| step.machines == machines || step.machines == Machines::All);
    // One of handouts alone is looked at from any node.
    let (nodes, balancers) = (is_for(Machines::Nodes) || playbook.steps.is_empty(), is_for(Machines::LoadBalancers));
    let connectors = playbook.steps.iter().any(|step| step.machines == Machines::Connectors);
    let mut chosen = machines(site, flag, limit)?;
    chosen.retain(|machine| match machine.role {
        Role::LoadBalancer => balancers,
        Role::Connector if site.node(&machine.name).is_none() => connectors,
        Role::Node | Role::Arbiter | Role::Connector => nodes,
    });
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    if !limit.is_empty() {
        let what = format!("{flag} names no machine that the playbook {} is for", playbook.name);
        let whom = if nodes {
            "the nodes"
        } else if connectors {
            "connectors' servers"
        } else {
            "the load balancer's machines"
        };
        return Err(Failure::usage(what, format!("it is for {whom}")));
    }
    if connectors {
        let what = format!("the playbook {} is for connectors' servers, and the site file names the address of none", playbook.name);
        return Err(Failure::usage(what, "name it: connectors: [{name: …, tenant: …, ldap_url: …, address: …, user: …}]"));
    }
    let what = format!("the playbook {} is for the load balancer's machines, and the site names none", playbook.name);
    Err(Failure::usage(what, "name them: load_balancer: {address: …, machines: [{name: lb-1, address: …, user: …}]}"))
}

/// A playbook that cannot be used.
pub(crate) fn load_failure(error: LoadError) -> Failure {
    let help = error.help();
    let problems = error.problems().to_vec();
    Failure::new(Exit::Usage, error, help).with_problems(&problems)
}

fn skip_failure(error: UnknownStep) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error, Some(help))
}

/// A template that cannot be used.
pub(crate) fn render_failure(error: RenderError) -> Failure {
    let help = error.help();
    let problems = error.problems().to_vec();
    if problems.is_empty() {
        return Failure::new(Exit::Usage, error, help);
    }
    // Each stands below with its place and its own help.
    let head = Sentence(format!("{} in the templates", crate::report::text::counted(problems.len(), "problem")));
    let help = "mend the template; `portcullis render` shows the result without touching a node".to_owned();
    Failure::new(Exit::Usage, head, Some(help)).with_problems(&problems)
}

fn prepare_failure(error: PrepareError, site: &Site) -> Failure {
    let help = error.help();
    match error {
        PrepareError::Secret(error) => secret_of_site_failure(error, site),
        PrepareError::Certificate { .. } => Failure::new(Exit::Findings, error, help),
        PrepareError::BadSecret { .. }
        | PrepareError::Unreadable { .. }
        | PrepareError::Authorities { .. }
        | PrepareError::Certs { .. } => Failure::new(Exit::Usage, error, help),
    }
}
