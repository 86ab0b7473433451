//! `portcullis check --here`: the machine that the command runs on, as a connector's server or as a node; a site file is taken
//! where there is one, and the profile's figures count alone where there is none.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;

use super::{CheckArgs, Told};
use crate::checks::survey::{self, ConnectorLook, Survey};
use crate::checks::{Outcome, assess};
use crate::cli::cluster::limited;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::selection::Selection;
use crate::cli::{interrupt, record, requirements};
use crate::event::Event;
use crate::node::Here;
use crate::site::model::{Connector, Login, Node, Privilege, Role, Site};
use crate::site::secret::Secrets;

/// What this machine is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum HereRole {
    /// The server of an AD/LDAP connector
    Connector,
    /// A node of a production cluster
    Node,
    /// A development node
    Development,
    /// An arbiter
    Arbiter,
}

/// Arguments of `check --here`.
#[derive(Debug, Args)]
#[command(next_help_heading = "This machine alone")]
pub(in crate::cli) struct HereArgs {
    /// Look at this machine itself, without a login anywhere; a site file is not needed
    #[arg(long, requires = "role", conflicts_with = "offline")]
    pub here: bool,
    /// What this machine is to be
    #[arg(long, value_enum, requires = "here")]
    pub role: Option<HereRole>,
    /// The tenant's address that the connector is for, where no site file names it
    #[arg(long, value_name = "NAME", requires = "here")]
    pub tenant: Option<String>,
    /// The directory, where no site file names it: `ldap://…` or `ldaps://…`
    #[arg(long, value_name = "URL", requires = "here", requires = "tenant")]
    pub ldap_url: Option<String>,
}

/// Runs `check --here`.
pub(super) async fn run(args: &CheckArgs, role: HereRole, selection: &Selection, context: &Context) -> Result<Exit, Failure> {
    let known = context.site_if_any()?;
    let has_site = known.is_some();
    let mut site = match known {
        Some(site) => site,
        None => nameless(role, context)?,
    };
    take_words(&mut site, &args.here, role, context)?;
    let secrets = context.secrets(&site.folder);
    let sink = context.sink();
    sink.emit(&Event::Started { command: "check".into(), site: site.name.clone(), run: None, nodes: vec![context.host.clone()] });
    let mut wants = selection.of_nodes();
    // Its neighbours, where it is one of the site's.
    wants.ports = wants.ports && has_site;
    let survey = requirements::survey(context, &site, &secrets, None, wants);
    let looking = async {
        Ok(match role {
            HereRole::Connector => connectors(&survey, &secrets, &args.limit, context).await?,
            HereRole::Node | HereRole::Development | HereRole::Arbiter => {
                let node = own_node(&site, role, &args.limit, has_site, context)?;
                survey::node_here(&node, here(&survey, &node.name), &survey, sink.as_ref()).await
            }
        })
    };
    let mut outcomes: Vec<Outcome> = Box::pin(interrupt::or_stop(looking)).await??;
    selection.keep(&mut outcomes);
    let waivers = selection.waivers(&site, context.now);
    let assessment = assess(&outcomes, &waivers);
    let told = Told { site: &site, outcomes: &outcomes, waivers: &waivers, assessment: &assessment, chain: &[] };
    told.write_files(args, context)?;
    if has_site {
        record::waived(context, &site, "check", &assessment)?;
    }
    told.tell(context, sink)
}

fn here(survey: &Survey<'_>, name: &str) -> Here {
    Here::new(name, survey.patience)
}

/// A site that says nothing but that this machine is one of its kind.
fn nameless(role: HereRole, context: &Context) -> Result<Site, Failure> {
    let environment = if role == HereRole::Development { "development" } else { "production" };
    let text = format!(
        "site: this-machine\nenvironment: {environment}\nroute: {{vpn: true}}\nnodes:\n  - {{name: this-machine, address: 127.0.0.1}}\n"
    );
    crate::site::parse_at(&text, Path::new("site.yaml"), &context.home).map_err(crate::cli::site::failure)
}

/// What the command line says of the connector beside the site file.
fn take_words(site: &mut Site, args: &HereArgs, role: HereRole, context: &Context) -> Result<(), Failure> {
    let Some(tenant) = &args.tenant else { return Ok(()) };
    if role != HereRole::Connector {
        return Err(Failure::usage("--tenant is for a connector's server", "leave it out, or say `--role connector`"));
    }
    let url = args.ldap_url.clone().unwrap_or_default();
    if !(url.is_empty() || url.starts_with("ldap://") || url.starts_with("ldaps://")) {
        return Err(Failure::usage(format!("`{url}` is no directory's address"), "write `ldaps://HOST` or `ldap://HOST`"));
    }
    site.connectors = vec![Connector {
        name: context.host.clone(),
        tenant: tenant.clone(),
        ldap_url: url,
        http_proxy: None,
        inbound: false,
        login: None,
        instances: None,
        system: None,
        server_url: None,
        bind_user: None,
        bind_password: None,
        base: None,
        base_groups: None,
        ca_certificates: Vec::new(),
    }];
    Ok(())
}

async fn connectors(survey: &Survey<'_>, secrets: &Arc<Secrets>, limit: &[String], context: &Context) -> Result<Vec<Outcome>, Failure> {
    let site = survey.site;
    if let Some(unknown) = limit.iter().find(|name| site.connectors.iter().all(|connector| connector.name != **name)) {
        let known: Vec<&str> = site.connectors.iter().map(|connector| connector.name.as_str()).collect();
        let help = if known.is_empty() { "the site has none".to_owned() } else { format!("connectors are: {}", known.join(", ")) };
        return Err(Failure::usage(format!("--limit names `{unknown}`, which is no connector of this site"), help));
    }
    let meant = site.connectors.iter().filter(|connector| limit.is_empty() || limit.contains(&connector.name));
    let looks: Vec<ConnectorLook<'_>> = meant
        .map(|connector| ConnectorLook { is_here: true, ..requirements::connector(site, connector, secrets, &survey.trust.public) })
        .collect();
    if looks.is_empty() {
        let server = machine(&context.host, Role::Connector);
        return Ok(survey::connector_here(&server, None, here(survey, &server.name), survey).await);
    }
    let looked = looks.iter().map(|look| async move {
        let server = machine(&look.connector.name, Role::Connector);
        survey::connector_here(&server, Some(look), here(survey, &server.name), survey).await
    });
    Ok(join_all(looked).await.concat())
}

/// The site's node that this machine is, by its name or by `--limit`; else one of its own.
fn own_node(site: &Site, role: HereRole, limit: &[String], has_site: bool, context: &Context) -> Result<Node, Failure> {
    if has_site && !limit.is_empty() {
        let mut nodes = limited(site, limit)?;
        if nodes.len() == 1 {
            return Ok(nodes.remove(0));
        }
        return Err(Failure::usage("--here is about one machine, and --limit names several", "name the one that this is"));
    }
    let known = site.node(&context.host).filter(|_| has_site).cloned();
    let role = if role == HereRole::Arbiter { Role::Arbiter } else { Role::Node };
    Ok(known.unwrap_or_else(|| machine(&context.host, role)))
}

fn machine(name: &str, role: Role) -> Node {
    let login = Login {
        address: name.to_owned(),
        port: 22,
        user: None,
        identities: Vec::new(),
        passphrase: None,
        agent: false,
        password: None,
        one_time_code: None,
        host_keys: Vec::new(),
    };
    Node { name: name.to_owned(), role, login, privilege: Privilege::Root }
}
