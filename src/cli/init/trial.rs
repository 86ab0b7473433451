//! What `init` tries on the spot: the logins, the certificate, the mail server. Whatever comes of it is told, and the
//! conversation goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::look;
use crate::checks::offline;
use crate::checks::services::reach::Unreached;
use crate::checks::services::smtp::{self, Dialogue, examine, unreachable};
use crate::checks::services::tls::Roots;
use crate::checks::spec::findings;
use crate::checks::{Outcome, Verdict};
use crate::cli::cluster::{Cluster, limited};
use crate::cli::context::Context;
use crate::cli::outcome::chain;
use crate::cli::requirements;
use crate::finding::Severity;
use crate::node::{Inquiry, Probe, RemoteError};
use crate::site::model::{Node, Site, Smtp};
use crate::site::secret::Secrets;
use crate::ssh::{Error, ShownKey};
use crate::wizard::{Section, Seen, Surroundings, Told};

/// How long one trial may take: somebody sits and waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a port may take to answer.
const PORT: Duration = Duration::from_secs(5);

/// Looks around on this machine, and tries what was answered from here.
pub(super) struct OnTheSpot<'a> {
    context: &'a Context,
    folder: PathBuf,
    secrets: Arc<Secrets>,
}

impl<'a> OnTheSpot<'a> {
    /// For the site that is to stand in `folder`.
    pub(super) fn new(context: &'a Context, folder: &Path) -> Self {
        Self { context, folder: folder.to_owned(), secrets: context.secrets(folder) }
    }

    async fn machines(&self, site: &Site) -> Vec<Told> {
        let cluster = match self.cluster(site) {
            Ok(cluster) => cluster,
            Err(told) => return vec![told],
        };
        let mut told = Vec::new();
        if let Err(error) = cluster.fleet().hops().await {
            told.push(of_machine(site, &error));
        } else {
            told.extend(site.route.hops.iter().map(|hop| Told::Good(format!("logged in to {}", hop.name))));
            let nodes = limited(site, &[]).unwrap_or_default();
            told.extend(futures_util::future::join_all(nodes.iter().map(|node| log_in(site, &cluster, node))).await);
        }
        cluster.close().await;
        told
    }

    fn cluster(&self, site: &Site) -> Result<Cluster, Told> {
        Cluster::new(self.context, site, Arc::clone(&self.secrets), &[])
            .map_err(|failure| Told::Bad { what: chain(failure.error.as_ref()), help: failure.help })
    }

    fn certificate(&self, site: &Site) -> Vec<Told> {
        let (outcomes, _) = requirements::certificates(site, &self.secrets, self.context.now);
        let missing = offline::files(site).into_iter().filter(is_of_certificate).collect::<Vec<_>>();
        let mut told = bad(&missing);
        told.extend(bad(&outcomes));
        // What could not be judged is no praise: a file that cannot be read breaks no rule.
        let unjudged = outcomes.iter().find_map(|outcome| match &outcome.verdict {
            Verdict::CouldNotRun { why } => Some(why.clone()),
            Verdict::Passed | Verdict::Found { .. } | Verdict::NotApplicable { .. } => None,
        });
        match unjudged {
            Some(why) if told.is_empty() => vec![Told::Bad { what: format!("the certificate could not be judged: {why}"), help: None }],
            None if told.is_empty() => {
                let names = site.names.required().len();
                vec![Told::Good(format!("the certificate has its chain and its key, and covers all {names} names"))]
            }
            _ => told,
        }
    }

    /// From the first node, as the appliance will meet it; from the jumphost where that cannot be had yet.
    async fn mail(&self, site: &Site, smtp: &Smtp) -> Vec<Told> {
        let cluster = match self.cluster(site) {
            Ok(cluster) => cluster,
            Err(told) => return vec![told],
        };
        let nodes = limited(site, &[]).unwrap_or_default();
        let machine = match nodes.first() {
            Some(node) => cluster.connect(node.clone()).await.ok().map(|machine| (node.name.clone(), machine)),
            None => None,
        };
        let from = machine.as_ref().map(|(name, _)| name.clone());
        let from = from.or_else(|| site.route.hops.last().map(|hop| hop.name.clone())).unwrap_or_else(|| "this machine".to_owned());
        let roots = requirements::mail_roots(site);
        let hello = format!("{}.{}", site.name, smtp.from.rsplit_once('@').map_or("invalid", |(_, domain)| domain));
        let asked = dialogue(smtp, (&from, &hello), &roots, self.context.now);
        let stream = async {
            match &machine {
                Some((_, machine)) => machine.connect_tcp(&smtp.host, smtp.port).await,
                None => cluster.fleet().connect_tcp(&smtp.host, smtp.port).await.map_err(RemoteError::from),
            }
        };
        let report = match tokio::time::timeout(PORT, stream).await {
            Ok(Ok(stream)) => examine(stream, &asked).await,
            Ok(Err(error)) => unreachable(&asked, &Unreached::from_remote(&error, &smtp.host, PORT)),
            Err(_late) => unreachable(&asked, &Unreached::Filtered { after: PORT }),
        };
        cluster.close().await;
        let mut told = bad(&report.outcomes);
        let is_offered = report.outcomes.iter().any(|outcome| outcome.spec.id == smtp::AUTH_PLAIN.id && outcome.verdict == Verdict::Passed);
        if is_offered {
            told.insert(0, Told::Good(format!("{}:{} offers AUTH PLAIN, seen from {from}", smtp.host, smtp.port)));
        }
        told
    }

    async fn tried(&self, section: Section, site: &Site) -> Vec<Told> {
        match (section, &site.smtp) {
            (Section::Machines, _) => self.machines(site).await,
            (Section::Mail, Some(smtp)) => self.mail(site, smtp).await,
            _ => Vec::new(),
        }
    }
}

impl Surroundings for OnTheSpot<'_> {
    fn forget(&mut self) {
        self.secrets = self.context.secrets(&self.folder);
    }

    fn seen(&mut self) -> Seen {
        look::around(&self.context.home, &self.folder, self.context.now)
    }

    fn trial(&self, section: Section, site: &Site) -> Option<String> {
        match section {
            Section::Machines if site.route.hops.is_empty() => Some("logging in to the nodes".to_owned()),
            Section::Machines => Some("logging in to the jumphost and the nodes".to_owned()),
            Section::Certificate => site.tls.is_some().then(|| "looking at the certificate".to_owned()),
            Section::Mail => site.smtp.as_ref().map(|smtp| format!("asking {}:{} what it offers", smtp.host, smtp.port)),
            Section::Environment | Section::Names | Section::Network | Section::Access | Section::Connectors => None,
        }
    }

    fn try_out(&mut self, section: Section, site: &Site) -> Vec<Told> {
        if section == Section::Certificate {
            return self.certificate(site);
        }
        let given_up = |why: &str| vec![Told::Bad { what: format!("not tried to its end: {why}"), help: None }];
        let trial = async {
            tokio::select! {
                told = self.tried(section, site) => told,
                _ = tokio::signal::ctrl_c() => given_up("left out"),
                () = tokio::time::sleep(PATIENCE) => given_up("it takes too long"),
            }
        };
        tokio::runtime::Handle::current().block_on(trial)
    }
}

async fn log_in(site: &Site, cluster: &Cluster, node: &Node) -> Told {
    // A login alone is half of it: root is what runs need, and sudo may ask for a password.
    let reached = async { cluster.connect(node.clone()).await?.look(&Inquiry::default()).await };
    match reached.await {
        Ok(_) => Told::Good(format!("logged in to {}, and root is reached there", node.name)),
        Err(RemoteError::Ssh(error)) => of_machine(site, &error),
        Err(error) => Told::Bad { what: chain(&error), help: None },
    }
}

/// A host key that is not known is a question; all else is told.
fn of_machine(site: &Site, error: &Error) -> Told {
    if let Error::HostKeyUnknown { place, shown } = error {
        let hop = site.route.hops.iter().position(|hop| hop.name == place.machine).map(|index| format!("route.hops[{index}].host_keys"));
        let node = || site.nodes.iter().position(|node| node.name == place.machine).map(|index| format!("nodes[{index}].host_keys"));
        if let Some(key) = hop.or_else(node) {
            let ShownKey { algorithm, fingerprint, .. } = shown.as_ref();
            return Told::HostKey { key, machine: place.to_string(), algorithm: algorithm.clone(), fingerprint: fingerprint.clone() };
        }
    }
    Told::Bad { what: chain(error), help: error.help() }
}

fn dialogue<'a>(smtp: &'a Smtp, (origin, hello): (&'a str, &'a str), roots: &'a Roots, now: jiff::Timestamp) -> Dialogue<'a> {
    Dialogue {
        origin,
        hello,
        host: &smtp.host,
        port: smtp.port,
        starttls: smtp.starttls,
        provider: smtp.provider,
        from: &smtp.from,
        // The login is for `check`: a password that is mistyped here must not lock the account.
        credentials: None,
        message: None,
        roots,
        now,
        patience: PORT,
    }
}

/// Whether an outcome is about a file of the site's certificate.
fn is_of_certificate(outcome: &Outcome) -> bool {
    matches!(&outcome.verdict, Verdict::Found { findings } if findings.iter().any(|finding| finding.message.starts_with("tls.certificate")))
}

/// What is wrong, worst first, a line each.
fn bad(outcomes: &[Outcome]) -> Vec<Told> {
    let errors = findings(outcomes).into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| Told::Bad { what: format!("{}: {}", finding.subject, finding.message), help: Some(finding.fix) }).collect()
}
