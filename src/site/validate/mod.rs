//! From the input structs to the model. All problems are collected; a model comes out where there are none.
//!
//! Judges each value and how values fit together. Whether files exist or hosts answer is for checks.

mod appliance;
mod machines;
mod policy;
pub mod rules;
mod surroundings;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::site::file::input::{Secret, SiteFile, Text};
use crate::site::file::problems::Problems;
use crate::site::file::read::Located;
use crate::site::file::shape;
use crate::site::model::{SecretRef, Site, Sla};
use crate::site::profile::{self, Profile};
use rules::RuleError;

/// Turns what was read into a site; `None` where `problems` has anything to tell.
pub(crate) fn site(file: &SiteFile, path: &Path, home: Option<&Path>, problems: &mut Problems<'_>) -> Option<Site> {
    let mut values = Values { problems, home };
    let figures = figures(file, &mut values);
    let route = machines::route(file, &mut values);
    let nodes = machines::nodes(file, &mut values);
    let connectors = machines::connectors(file, &mut values);
    machines::refuse_names_twice(file, &mut values);
    let site = Site {
        name: file.site.as_ref().and_then(|name| values.text(name, "site", rules::site_name))?,
        file: path.to_owned(),
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        environment: file.environment.as_ref().map(|environment| environment.value)?,
        sla: file.sla.as_ref().map_or(Sla::Standard, |sla| sla.value),
        profile: figures.as_ref()?.name.clone(),
        figures: figures?,
        route: route?,
        hop_privileges: machines::hop_privileges(file, &mut values),
        nodes,
        known_hosts: known_hosts(file, &mut values),
        load_balancer: machines::load_balancer(file, &mut values),
        names: appliance::names(file, &mut values),
        tls: appliance::tls(file, &mut values),
        smtp: appliance::smtp(file, &mut values),
        proxy: appliance::proxy(file, &mut values),
        ntp_servers: values.texts(file.ntp.as_deref(), "ntp", rules::host),
        access: policy::access(file, &mut values),
        connectors,
        ledger: policy::ledger(file, &mut values),
        witnesses: policy::witnesses(file, &mut values),
        forward: policy::forward(file, &mut values),
        waivers: policy::waivers(file, &mut values),
        surroundings: surroundings::surroundings(file, &mut values),
    };
    values.problems.is_empty().then_some(site)
}

fn figures(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Profile> {
    let name = file.profile.as_ref().map_or(profile::DEFAULT, |name| &name.value);
    let built_in = match Profile::built_in(name) {
        Ok(built_in) => built_in,
        Err(error) => {
            let near = shape::nearest(name, profile::names().into_iter()).map(|near| format!("did you mean `{near}`?"));
            let span = file.profile.as_ref().map_or(0..0, |name| name.span.clone());
            values.problems.add(span, error.to_string(), near.or(error.help()));
            return None;
        }
    };
    let Some(overrides) = &file.profile_overrides else { return Some(built_in) };
    match built_in.with_overrides(&overrides.value) {
        Ok(figures) => Some(figures),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            values.problems.add(overrides.span.clone(), format!("{error}{cause}"), error.help());
            None
        }
    }
}

fn known_hosts(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<PathBuf> {
    match &file.known_hosts {
        Some(files) => values.paths(Some(files), "known_hosts"),
        // Left to the operator's own files, as far as they are there: a new machine has none yet.
        None => Vec::new(),
    }
}

/// Applies rules to values and keeps what they complain of.
struct Values<'v, 't> {
    problems: &'v mut Problems<'t>,
    home: Option<&'v Path>,
}

impl Values<'_, '_> {
    /// The value as `rule` gives it back; its complaint becomes a problem at the value's place.
    fn text<T>(&mut self, text: &Text, path: &str, rule: impl Fn(&str) -> Result<T, RuleError>) -> Option<T> {
        match rule(&text.value) {
            Ok(value) => Some(value),
            Err(error) => {
                let value = text.value.as_str();
                // The rule names the value; here it is named as far as it may be.
                let message = error.to_string().replace(&format!("`{value}`"), &self.problems.show(&text.span, value));
                self.problems.add(text.span.clone(), format!("`{path}`: {message}"), error.help());
                None
            }
        }
    }

    /// The same for a value that may be absent.
    fn optional<T>(&mut self, text: Option<&Text>, path: &str, rule: impl Fn(&str) -> Result<T, RuleError>) -> Option<T> {
        text.and_then(|text| self.text(text, path, rule))
    }

    /// The same for each element of a list that may be absent.
    fn texts<T>(&mut self, texts: Option<&[Text]>, path: &str, rule: impl Fn(&str) -> Result<T, RuleError>) -> Vec<T> {
        let texts = texts.unwrap_or_default().iter().enumerate();
        texts.filter_map(|(index, text)| self.text(text, &format!("{path}[{index}]"), &rule)).collect()
    }

    /// Paths, `~/` expanded.
    fn paths(&mut self, texts: Option<&[Text]>, path: &str) -> Vec<PathBuf> {
        self.texts(texts, path, some_text).into_iter().map(|path| self.expand(&path)).collect()
    }

    /// A path, `~/` expanded.
    fn path(&mut self, text: Option<&Text>, path: &str) -> Option<PathBuf> {
        self.optional(text, path, some_text).map(|path| self.expand(&path))
    }

    fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// A secret reference, `~/` expanded. The shape has refused what is none.
    fn secret(&mut self, secret: Option<&Located<Secret>>) -> Option<SecretRef> {
        let reference = secret?.value.0.parse::<SecretRef>().ok()?;
        Some(match reference {
            SecretRef::File(path) => SecretRef::File(self.expand(&path.to_string_lossy())),
            reference @ (SecretRef::Env(_) | SecretRef::Cmd(_) | SecretRef::Prompt) => reference,
        })
    }

    fn problem(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        self.problems.add(span.clone(), message, Some(help.to_owned()));
    }
}

/// Any text but none.
fn some_text(text: &str) -> Result<String, RuleError> {
    if text.trim().is_empty() { Err(RuleError::Empty) } else { Ok(text.to_owned()) }
}
