//! The texts themselves: an allow-list, and why one of them could not be had.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::bundle::{Archive, Missing, facts_json};
use crate::checks::assess;
use crate::cli::check::Asked;
use crate::cli::cluster::Cluster;
use crate::cli::context::Context;
use crate::cli::desired::{Desired, Wanted};
use crate::cli::failure::Failure;
use crate::cli::outcome::{chain, reached, unreached};
use crate::cli::selection::Selection;
use crate::cli::{interrupt, planfile};
use crate::event::Sink;
use crate::node::{Facts, Inquiry, Probe as _};
use crate::playbook::survey as survey_of;
use crate::site::model::{Node, Site};
use crate::site::secret::Secrets;

/// Services whose logs support asks for. What users do stands in none of them.
const SERVICES: [&str; 8] = ["nginx", "postfix", "postfix@-", "chrony", "ssh", "haproxy", "auth0-adldap", "portcullis-*"];
/// Variables of the environment that change what Portcullis does.
const VARIABLES: [&str; 16] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "LANG",
    "TERM",
    "NO_COLOR",
    "PORTCULLIS_SITE",
    "PORTCULLIS_OUTPUT",
    "PORTCULLIS_PROGRESS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// As much of the log's end.
const LOG_BYTES: u64 = 1 << 20;

/// What there is to read before anything is redacted.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    texts: Vec<(String, String)>,
    documents: Vec<(String, Value)>,
    pub(super) missing: Vec<Missing>,
}

impl Gathered {
    fn lacks(&mut self, path: &str, why: impl Into<String>) {
        self.missing.push(Missing { path: path.to_owned(), why: why.into() });
    }

    /// Puts it into the archive; the one way there.
    pub(super) fn pour(self, archive: &mut Archive) {
        for (path, text) in &self.texts {
            archive.text(path, text);
        }
        for (path, document) in self.documents {
            archive.json(&path, document);
        }
        for missing in &self.missing {
            archive.missing(&missing.path, &missing.why);
        }
    }
}

/// What is gathered from.
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) site: &'a Site,
    pub(super) secrets: &'a Arc<Secrets>,
    pub(super) nodes: &'a [Node],
    pub(super) sink: &'a dyn Sink,
}

impl Work<'_> {
    /// Everything; of this machine alone where it is to be `offline`.
    pub(super) async fn all(&self, offline: bool) -> Result<Gathered, Failure> {
        let mut gathered = Gathered::default();
        gathered.texts.push(("README.txt".to_owned(), README.to_owned()));
        match std::fs::read_to_string(&self.site.file) {
            Ok(text) => gathered.texts.push(("site.yaml".to_owned(), without_comments(&text))),
            Err(error) => gathered.lacks("site.yaml", error.to_string()),
        }
        self.log(&mut gathered);
        gathered.documents.push(("here.json".to_owned(), self.here()));
        self.checks(offline, &mut gathered).await?;
        if offline {
            gathered.lacks("plan.json", "nothing was to leave this machine (--offline)");
            gathered.lacks("nodes/", "nothing was to leave this machine (--offline)");
        } else {
            self.plan(&mut gathered).await?;
            self.machines(&mut gathered).await?;
        }
        Ok(gathered)
    }

    fn here(&self) -> Value {
        let variables = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), Value::String(std::env::var(name).ok()?))));
        json!({
            "portcullis": env!("CARGO_PKG_VERSION"),
            "host": self.context.host,
            "system": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "environment": variables.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// The end of Portcullis's own log.
    fn log(&self, gathered: &mut Gathered) {
        let read = || {
            let mut file = std::fs::File::open(&self.context.log_file)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(LOG_BYTES).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        match read() {
            Ok(text) => gathered.texts.push(("portcullis.log".to_owned(), text)),
            Err(error) => gathered.lacks("portcullis.log", error.to_string()),
        }
    }

    async fn checks(&self, offline: bool, gathered: &mut Gathered) -> Result<(), Failure> {
        let selection = Selection::parse(&[], &[])?;
        let nodes: Vec<Node> = self.nodes.iter().filter(|node| self.site.node(&node.name).is_some()).cloned().collect();
        let asked = Asked { context: self.context, site: self.site, secrets: self.secrets, nodes: &nodes, selection: &selection, offline };
        let outcomes = Box::pin(asked.look(self.sink)).await?;
        let assessment = assess(&outcomes, &selection.waivers(self.site, self.context.now));
        let document =
            json!({"counts": assessment.counts, "findings": assessment.findings, "waived": assessment.waived, "checks": outcomes});
        gathered.documents.push(("checks.json".to_owned(), document));
        Ok(())
    }

    /// What `plan` would say of the default playbook; where it cannot be made, support wants to know why.
    async fn plan(&self, gathered: &mut Gathered) -> Result<(), Failure> {
        let wanted = Wanted::default();
        let desired = match Desired::of(self.context, self.site.clone(), Arc::clone(self.secrets), &wanted) {
            Ok(desired) => desired,
            Err(failure) => {
                gathered.lacks("plan.json", chain(failure.error.as_ref()));
                return Ok(());
            }
        };
        let cluster = match desired.cluster(self.context) {
            Ok(cluster) => cluster,
            Err(failure) => {
                gathered.lacks("plan.json", chain(failure.error.as_ref()));
                return Ok(());
            }
        };
        let nodes: Vec<Node> =
            desired.nodes.iter().filter(|node| self.nodes.iter().any(|meant| meant.name == node.name)).cloned().collect();
        let planner = desired.planner().with_journal();
        let surveyed = interrupt::or_stop(survey_of(&nodes, &planner, nodes.len().max(1), |node| cluster.connect(node), self.sink)).await?;
        cluster.close().await;
        gathered.documents.push(("plan.json".to_owned(), planfile::json(&desired, &[], reached(&surveyed), &unreached(&surveyed))));
        Ok(())
    }

    /// Facts and logs of each machine that can be reached.
    async fn machines(&self, gathered: &mut Gathered) -> Result<(), Failure> {
        let machines = self.nodes;
        let cluster = match Cluster::new(self.context, self.site, Arc::clone(self.secrets), machines) {
            Ok(cluster) => cluster,
            Err(failure) => {
                let why = chain(failure.error.as_ref());
                for machine in machines {
                    gathered.lacks(&format!("nodes/{}/", machine.name), why.clone());
                }
                return Ok(());
            }
        };
        let looks = join_all(machines.iter().map(|machine| async {
            let looked = match cluster.connect(machine.clone()).await {
                Ok(connected) => connected.look(&inquiry()).await,
                Err(error) => Err(error),
            };
            (machine.name.clone(), looked.map_err(|error| chain(&error)))
        }));
        let looked = interrupt::or_stop(looks).await?;
        cluster.close().await;
        for (name, facts) in looked {
            match facts {
                Ok(facts) => take(&name, &facts, gathered),
                Err(why) => gathered.lacks(&format!("nodes/{name}/"), why),
            }
        }
        Ok(())
    }
}

fn inquiry() -> Inquiry {
    let mut inquiry = Inquiry::machine();
    inquiry.survey(crate::node::Survey::default());
    for service in SERVICES {
        inquiry.log(service);
        if !service.contains(['*', '@']) {
            inquiry.service(service);
        }
    }
    inquiry
}

fn take(name: &str, facts: &Facts, gathered: &mut Gathered) {
    gathered.documents.push((format!("nodes/{name}/facts.json"), facts_json(facts)));
    for (service, log) in facts.logs.iter().filter(|(_, log)| !log.is_empty()) {
        let file = match service.as_str() {
            "postfix@-" => "postfix-instance",
            other => other.trim_end_matches("-*"),
        };
        gathered.texts.push((format!("nodes/{name}/log/{file}.txt"), String::from_utf8_lossy(log).into_owned()));
    }
}

/// A YAML text without its comments, where people note what they should not.
fn without_comments(text: &str) -> String {
    let bare = |line: &str| {
        let begins = line
            .char_indices()
            .find(|(place, c)| *c == '#' && line.get(..*place).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t'])));
        begins.map_or(line, |(place, _)| line.get(..place).unwrap_or(line)).trim_end().to_owned()
    };
    let mut text = text.lines().map(bare).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

const README: &str = "\
What Portcullis gathered for support.

manifest.json     every file with its size and SHA-256, what was taken out of it, and what is missing and why
site.yaml         the site file without its comments; secrets stand in it as references alone
checks.json       what `portcullis check -v` found
plan.json         what `portcullis plan` would change, secrets masked
here.json         the operator's machine: versions, and the variables that change what Portcullis does
portcullis.log    the end of Portcullis's own log
nodes/NAME/       facts of each machine, and the end of what its services said

Every text passed one redacting writer: where `[redacted: …]` stands there was a key, a password, a token, or something that
looked like one.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_colours_stay() {
        let text = "a: 1 # the password is hunter2\n# hunter2\nb: x#y\n  #z\nc: 'd'\n";
        assert_eq!(without_comments(text), "a: 1\n\nb: x#y\n\nc: 'd'\n");
    }
}
