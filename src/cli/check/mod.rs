//! `portcullis check`: every requirement, from here, from the jumphost and from each node; touches nothing.

mod here;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures_util::future::join_all;
use futures_util::join;
use serde_json::json;

use crate::checks::survey::{self, Seen, Survey};
use crate::checks::{self, Assessment, Outcome, Verdict, Waived, assess, catalogue, offline};
use crate::cli::cluster::{Cluster, limited};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt;
use crate::cli::outcome::chain;
use crate::cli::record;
use crate::cli::requirements;
use crate::cli::selection::Selection;
use crate::disk::{Existing, write_atomically};
use crate::event::{Event, Sink};
use crate::finding::has_errors;
use crate::node::Machine;
use crate::report;
use crate::report::checks::{Link, Page};
use crate::site::model::{Node, Site};
use crate::site::secret::Secrets;
use crate::ssh::Elevation;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Only these checks: ids, or beginnings such as `smtp`
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Run these too, but do not count what they find
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// Nothing that leaves this machine
    #[arg(long)]
    pub offline: bool,
    /// Write a page for people who were not there
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Write the outcomes for continuous integration, as `JUnit` XML
    #[arg(long, value_name = "FILE.xml")]
    pub junit: Option<PathBuf>,
    /// List all checks and run none
    #[arg(long)]
    pub list: bool,
    /// With --list: the reference page, in Markdown
    #[arg(long, requires = "list", hide = true)]
    pub markdown: bool,
    /// Of this machine alone
    #[command(flatten)]
    pub here: here::HereArgs,
}

impl CheckArgs {
    /// Finds out before the first look, and not after the last, that a report cannot be written.
    fn assert_writable(&self) -> Result<(), Failure> {
        let files: Vec<&PathBuf> = [&self.report, &self.junit].into_iter().flatten().collect();
        if let [page, results] = files.as_slice()
            && page == results
        {
            let what = format!("--report and --junit both name {}", page.display());
            return Err(Failure::usage(what, "give each a file of its own"));
        }
        let folder = |file: &&&PathBuf| file.parent().filter(|folder| !folder.as_os_str().is_empty()).is_none_or(Path::is_dir);
        match files.iter().find(|file| !folder(file)) {
            Some(file) => {
                let what = format!("{} cannot be written: there is no such folder", file.display());
                Err(Failure::usage(what, "name a file in a folder that is there and may be written"))
            }
            None => Ok(()),
        }
    }
}

/// Runs `check`.
pub(super) async fn run(args: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::parse(&args.only, &args.skip)?;
    if args.markdown {
        context.print(&report::checks::reference())?;
        return Ok(Exit::Done);
    }
    if args.list {
        return list(&selection, context);
    }
    args.assert_writable()?;
    if let Some(role) = args.here.role {
        return here::run(args, role, &selection, context).await;
    }
    let site = context.site()?;
    let nodes = limited(&site, &args.limit)?;
    let secrets = context.secrets(&site.folder);
    let sink = context.sink();
    let names = if args.offline { Vec::new() } else { nodes.iter().map(|node| node.name.clone()).collect() };
    sink.emit(&Event::Started { command: "check".into(), site: site.name.clone(), run: None, nodes: names });
    let asked = Asked { context, site: &site, secrets: &secrets, nodes: &nodes, selection: &selection, offline: args.offline };
    let mut outcomes = Box::pin(asked.look(sink.as_ref())).await?;
    selection.keep(&mut outcomes);
    let waivers = selection.waivers(&site, context.now);
    let assessment = assess(&outcomes, &waivers);
    let chain = if args.report.is_some() { requirements::chain_links(&site, &secrets, context.now) } else { Vec::new() };
    let told = Told { site: &site, outcomes: &outcomes, waivers: &waivers, assessment: &assessment, chain: &chain };
    told.write_files(args, context)?;
    record::waived(context, &site, "check", &assessment)?;
    told.tell(context, sink)
}

fn list(selection: &Selection, context: &Context) -> Result<Exit, Failure> {
    let mut all = checks::all();
    all.retain(|spec| selection.wants(spec.id));
    if context.is_json() {
        context.print_json(&json!({ "checks": all }))?;
    } else {
        context.report(|out, look| report::checks::write_list(out, &all, look))?;
    }
    Ok(Exit::Done)
}

/// What needs nothing but this machine; and the certificate that nodes should serve.
fn offline(site: &Site, secrets: &Secrets, selection: &Selection, context: &Context) -> (Vec<Outcome>, Option<Vec<u8>>) {
    let mut outcomes = offline::files(site);
    if selection.wants_any(&[&checks::catalogue::offline::here::SECRETS]) {
        outcomes.extend(offline::secrets(site, secrets));
    }
    let today = context.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    outcomes.extend(offline::waivers(site, today));
    outcomes.extend(offline::site_rules(site, today));
    outcomes.extend(checks::services::proxy::no_proxy(site));
    let (certificates, leaf) = requirements::certificates(site, secrets, context.now);
    outcomes.extend(certificates);
    (outcomes, leaf)
}

/// What is to be looked at, and by what means.
pub(super) struct Asked<'a> {
    pub(super) context: &'a Context,
    pub(super) site: &'a Site,
    pub(super) secrets: &'a Arc<Secrets>,
    pub(super) nodes: &'a [Node],
    pub(super) selection: &'a Selection,
    /// Nothing that leaves this machine.
    pub(super) offline: bool,
}

impl Asked<'_> {
    /// Every outcome, wanted or not.
    pub(super) async fn look(&self, sink: &dyn Sink) -> Result<Vec<Outcome>, Failure> {
        let Self { context, site, secrets, nodes, selection, offline: is_offline } = *self;
        let (mut outcomes, leaf) = offline(site, secrets, selection, context);
        if !is_offline {
            let wanted = requirements::survey(context, site, secrets, leaf, selection.of_nodes());
            let look = Look { context, secrets, nodes, wanted: &wanted, selection, sink };
            outcomes.extend(Box::pin(interrupt::or_stop(look.online())).await?);
        }
        Ok(outcomes)
    }
}

/// A look over the network.
struct Look<'a> {
    context: &'a Context,
    secrets: &'a Arc<Secrets>,
    nodes: &'a [Node],
    wanted: &'a Survey<'a>,
    selection: &'a Selection,
    sink: &'a dyn Sink,
}

impl Look<'_> {
    async fn online(&self) -> Vec<Outcome> {
        let site = self.wanted.site;
        let names_wanted = self.selection.wants_any(&[catalogue::network::LOOKED_UP, &[&catalogue::network::NODE_NAMES]].concat());
        let outside_wanted = self.selection.wants_any(survey::OUTSIDE);
        let naming = async { if names_wanted { survey::resolve(site, self.wanted.patience).await } else { Default::default() } };
        let outside = async { if outside_wanted { survey::outside(self.wanted).await } else { Vec::new() } };
        let ((names, known), outside, (mut seen, connectors)) = join!(naming, outside, self.machines());
        survey::compare_names(&known, &mut seen);
        let readings: Vec<_> = seen.iter().filter_map(|seen| seen.reading.clone()).collect();
        let clocks = survey::clocks(&readings, &site.figures.clock);
        let of_cluster = self.of_cluster(&seen, &readings);
        let unreached: Vec<String> = seen.iter().filter(|seen| !seen.reached).map(|seen| seen.machine.clone()).collect();
        let mut of_machines: Vec<Outcome> = seen.into_iter().flat_map(|seen| seen.outcomes).collect();
        survey::forgive_unreached(&mut of_machines, &unreached.iter().map(String::as_str).collect::<Vec<_>>());
        [names, outside, of_cluster, of_machines, connectors, clocks].concat()
    }

    /// What takes more than one machine to judge.
    fn of_cluster(&self, seen: &[Seen], readings: &[survey::Reading]) -> Vec<Outcome> {
        let site = self.wanted.site;
        // A machine that is named as off already is not named again as apart from the others.
        let is_named = |reading: &survey::Reading| {
            let about = |outcome: &Outcome| outcome.subject == reading.machine && matches!(outcome.verdict, Verdict::Found { .. });
            survey::clocks(readings, &site.figures.clock).iter().any(about)
        };
        let of_nodes: Vec<survey::Reading> =
            readings.iter().filter(|reading| site.node(&reading.machine).is_some() && !is_named(reading)).cloned().collect();
        let drives: Vec<checks::machine::Drives> = seen.iter().filter_map(|seen| seen.drives.clone()).collect();
        let mut outcomes = checks::machine::pairwise(&site.name, &of_nodes, &site.figures.clock);
        if self.wanted.wants.longer {
            outcomes.extend(checks::machine::backup_drive(site, &drives));
        }
        outcomes
    }

    /// Each connector, from its own server.
    async fn connectors(&self, cluster: &Cluster) -> Vec<Outcome> {
        let site = self.wanted.site;
        if !self.selection.wants_any(catalogue::connector::CHECKS) {
            return Vec::new();
        }
        let looks: Vec<_> = site
            .connectors
            .iter()
            .map(|connector| requirements::connector(site, connector, self.secrets, &self.wanted.trust.public))
            .collect();
        let looking = looks.iter().map(|look| {
            let connecting = look.server.clone().map(|server| cluster.connect(server));
            survey::connector(look, connecting, self.wanted)
        });
        join_all(looking).await.concat()
    }

    async fn machines(&self) -> (Vec<Seen>, Vec<Outcome>) {
        let wants = self.wanted.wants;
        let connectors = self.selection.wants_any(catalogue::connector::CHECKS) && !self.wanted.site.connectors.is_empty();
        if !(connectors
            || wants.machine
            || wants.mail
            || wants.way_out
            || wants.longer
            || wants.ports
            || self.selection.wants_any(&[&survey::PATH, &catalogue::access::HOST_KEY, &catalogue::access::JUMP_KEY]))
        {
            return (Vec::new(), Vec::new());
        }
        let cluster = match Cluster::new(self.context, self.wanted.site, Arc::clone(self.secrets), self.nodes) {
            Ok(cluster) => cluster,
            Err(failure) => {
                let why = chain(failure.error.as_ref());
                return (self.nodes.iter().map(|node| nobody_looked(node, &why)).collect(), Vec::new());
            }
        };
        let all = join_all(self.nodes.iter().map(|node| survey::check_node(node, cluster.connect(node.clone()), self.wanted, self.sink)));
        let (jumphost, mut seen, connectors) = join!(self.jumphost(&cluster), all, self.connectors(&cluster));
        cluster.close().await;
        seen.extend(jumphost);
        (seen, connectors)
    }

    /// A hop that cannot be had is told by every node behind it.
    async fn jumphost(&self, cluster: &Cluster) -> Option<Seen> {
        let session = cluster.fleet().jumphost().await.ok().flatten()?;
        let name = self.wanted.site.route.hops.last().map_or("the jumphost", |hop| hop.name.as_str());
        let machine = Machine::new(name, session, Elevation::None);
        let asking = async {
            let methods = cluster.jumphost_methods().await.map(|asked| asked.map_err(|error| chain(&error)));
            survey::jumphost_methods(name, methods)
        };
        let (mut seen, methods) = join!(survey::check_jumphost(&machine, self.wanted), asking);
        seen.outcomes.extend(methods);
        Some(seen)
    }
}

// A secret that is missing bars the way to every node before anything is dialled.
fn nobody_looked(node: &Node, why: &str) -> Seen {
    let tables = [&[&survey::PATH][..], &survey::of_node()].concat();
    let outcome =
        |spec| Outcome { spec, subject: node.name.clone(), verdict: Verdict::CouldNotRun { why: why.to_owned() }, evidence: Vec::new() };
    Seen {
        machine: node.name.clone(),
        reached: false,
        outcomes: tables.into_iter().map(outcome).collect(),
        reading: None,
        drives: None,
        names: Vec::new(),
    }
}

struct Told<'a> {
    site: &'a Site,
    outcomes: &'a [Outcome],
    waivers: &'a [Waived],
    assessment: &'a Assessment,
    chain: &'a [Link],
}

impl Told<'_> {
    fn write_files(&self, args: &CheckArgs, context: &Context) -> Result<(), Failure> {
        if let Some(path) = &args.junit {
            let mut text = Vec::new();
            let written = report::checks::write_junit(&mut text, "check", &self.site.name, self.outcomes, self.waivers);
            written.map_err(|error| Failure::new(Exit::Failed, error, None))?;
            keep(path, &text)?;
        }
        if let Some(path) = &args.report {
            let count = self.site.nodes.len();
            let about = format!("{} environment, {count} {}", environment(self.site), if count == 1 { "node" } else { "nodes" });
            let (assessment, outcomes) = (self.assessment, self.outcomes);
            let chain = self.chain;
            let page = Page { title: "Checks", site: self.site, about: &about, at: context.now, chain, assessment, outcomes };
            let mut text = Vec::new();
            report::checks::write_page(&mut text, &page).map_err(|error| Failure::new(Exit::Failed, error, None))?;
            keep(path, &text)?;
        }
        Ok(())
    }

    fn tell(&self, context: &Context, sink: Arc<dyn Sink>) -> Result<Exit, Failure> {
        let exit = if has_errors(&self.assessment.findings) { Exit::Findings } else { Exit::Done };
        let is_verbose = context.globals.verbose > 0;
        if context.is_json() {
            for finding in &self.assessment.findings {
                sink.emit(&Event::Finding { finding: finding.clone() });
            }
            let mut results = serde_json::Map::new();
            results.insert("counts".into(), json!(self.assessment.counts));
            results.insert("waived".into(), json!(self.assessment.waived));
            results.insert("ask".into(), report::checks::teams_json(&self.assessment.findings));
            if is_verbose {
                results.insert("checks".into(), json!(self.outcomes));
            }
            sink.emit(&Event::Summary { command: "check".into(), exit_code: exit.code(), results });
            return Ok(exit);
        }
        drop(sink);
        context.report(|out, look| report::checks::write_checks(out, self.assessment, self.outcomes, is_verbose, look))?;
        Ok(exit)
    }
}

fn environment(site: &Site) -> &'static str {
    use crate::site::model::Environment;
    match site.environment {
        Environment::Production => "production",
        Environment::Development => "development",
        Environment::Qa => "quality assurance",
    }
}

fn keep(path: &Path, text: &[u8]) -> Result<(), Failure> {
    write_atomically(path, text, 0o644, Existing::Replace).map_err(|error| {
        let help = Some("name a file in a folder that is there and may be written".to_owned());
        Failure::new(Exit::Failed, error, help)
    })
}
