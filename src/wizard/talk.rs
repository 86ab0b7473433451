//! The conversation itself: which question comes next, going back, taking up what was broken off, trying out what
//! was answered as soon as a section is complete.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use secrecy::ExposeSecret;

use super::WizardError;
use super::asker::{Asker, Asking, Check, Reply};
use super::document::{self, Answers};
use super::question::{Kind, Question, Section, question_at, questions};
use super::record::Entry;
use super::render;
use super::stage::Stage;
use super::surroundings::{Surroundings, Told};
use crate::finding::{Finding, Severity};
use crate::site::file::shape::{kind, words};
use crate::site::model::Site;
use crate::site::{self, SiteErrors};

/// An answer that was given, and what was known before it.
struct Given {
    place: usize,
    entry: Entry,
    before: Answers,
}

/// A conversation.
pub(super) struct Talk<'a> {
    stage: Stage<'a>,
    asker: &'a mut dyn Asker,
    surroundings: &'a mut dyn Surroundings,
    keep: &'a mut dyn FnMut(&[Entry]),
    answers: Answers,
    given: Vec<Given>,
    /// What was answered before somebody went back.
    earlier: BTreeMap<String, String>,
    /// Host keys that were accepted: the machine with its address, and the fingerprint. Going back takes none of them away.
    accepted: BTreeSet<(String, String)>,
    /// What was answered before somebody broke off, the next one last.
    broken_off: Vec<Entry>,
    /// The section whose answers have not been tried out.
    untried: Option<Section>,
    /// What trials found wrong.
    wrong: BTreeMap<Section, Vec<String>>,
}

/// What a conversation came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The answers.
    pub(super) answers: Answers,
    /// The record.
    pub(super) entries: Vec<Entry>,
    /// What trials found wrong and was left so.
    pub(super) wrong: Vec<String>,
}

#[derive(PartialEq)]
enum Step {
    On,
    Back,
}

impl<'a> Talk<'a> {
    /// A conversation that begins with what is `known`, and takes up what was `broken_off`.
    pub(super) fn new(
        stage: Stage<'a>,
        (asker, surroundings): (&'a mut dyn Asker, &'a mut dyn Surroundings),
        known: Answers,
        mut broken_off: Vec<Entry>,
        keep: &'a mut dyn FnMut(&[Entry]),
    ) -> Self {
        broken_off.reverse();
        Self {
            stage,
            asker,
            surroundings,
            keep,
            answers: known,
            given: Vec::new(),
            earlier: BTreeMap::new(),
            accepted: BTreeSet::new(),
            broken_off,
            untried: None,
            wrong: BTreeMap::new(),
        }
    }

    /// Asks all that is not known.
    pub(super) fn hold(mut self) -> Result<Outcome, WizardError> {
        let known = questions().filter(|question| self.answers.has_value(question.key)).count();
        self.asker.begin(known + self.broken_off.len())?;
        let mut place = 0;
        loop {
            let question = question_at(place);
            if question.is_some_and(|question| self.answers.has(question.key) || !(question.when)(&self.answers)) {
                place += 1;
                continue;
            }
            if self.is_section_over(question) && self.try_out(place)? == Step::Back {
                place = self.back(place);
                continue;
            }
            let Some(question) = question else { break };
            let is_done = self.take_up(place, question)? || self.put(place, question)? == Step::On;
            place = if is_done { place + 1 } else { self.back(place) };
        }
        self.asker.finish()?;
        let entries = self.entries();
        Ok(Outcome { answers: self.answers, entries, wrong: self.wrong.into_values().flatten().collect() })
    }

    fn is_section_over(&self, next: Option<&Question>) -> bool {
        self.untried.is_some() && self.untried != next.map(|question| question.section)
    }

    /// What was answered before a conversation was broken off counts again, as long as it still will do.
    fn take_up(&mut self, place: usize, question: &Question) -> Result<bool, WizardError> {
        let Some((key, text)) = self.broken_off.pop() else { return Ok(false) };
        if key != question.key || (!text.is_empty() && judge(&self.answers, self.stage, &key, &text).is_err()) {
            // Proposed from here on, no more than that.
            self.earlier.insert(key, text);
            self.earlier.extend(self.broken_off.drain(..));
            return Ok(false);
        }
        self.give(place, key, &text)?;
        // Host keys that were accepted have no question of their own.
        while let Some((key, text)) = self.broken_off.pop_if(|(key, _)| !questions().any(|question| question.key == key)) {
            self.give(place, key, &text)?;
        }
        // Tried again: what was wrong when it was broken off may be so still, and is left to do then.
        self.untried = Some(question.section);
        Ok(true)
    }

    fn put(&mut self, place: usize, question: &'static Question) -> Result<Step, WizardError> {
        let choices = if question.kind == Kind::Choice { choices(question.key)? } else { Vec::new() };
        let (answers, stage) = (&self.answers, self.stage);
        let check = |text: &str| judge(answers, stage, question.key, text);
        let earlier = self.earlier.get(question.key).filter(|text| !text.is_empty()).cloned();
        let origin = if earlier.is_some() { None } else { (question.origin)(answers).map(str::to_owned) };
        // A proposal that will not do is worse than none.
        let proposed = earlier.or_else(|| (question.default)(answers)).filter(|text| origin.is_none() || check(text).is_ok());
        let asking = Asking {
            key: question.key.to_owned(),
            section: question.section,
            ask: question.ask.to_owned(),
            help: question.help.to_owned(),
            more: more(question),
            kind: question.kind,
            optional: question.optional,
            origin: origin.filter(|_| proposed.is_some()),
            default: proposed,
            choices,
            check: &Check(&check),
        };
        let text = match insist(self.asker, asking, stage)? {
            Reply::Back => return Ok(Step::Back),
            Reply::Nothing => return Ok(Step::On),
            Reply::Answer(text) if question.kind == Kind::Files => self.stage.located(&text),
            Reply::Answer(text) if is_of_machines(question.key) => self.answers.seen().spelt_out(text.trim()),
            Reply::Answer(text) => text.trim().to_owned(),
            Reply::Secret(secret) => self.stage.keep_secret(question.key, secret.expose_secret())?,
        };
        self.untried = Some(question.section);
        self.give(place, question.key.to_owned(), &text)?;
        Ok(Step::On)
    }

    fn give(&mut self, place: usize, key: String, text: &str) -> Result<(), WizardError> {
        let before = self.answers.clone();
        self.answers.set(&key, text)?;
        self.earlier.remove(&key);
        self.given.push(Given { place, entry: (key, text.to_owned()), before });
        let entries = self.entries();
        (self.keep)(&entries);
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        self.given.iter().map(|given| given.entry.clone()).collect()
    }

    /// Takes the last question back, with all that came of it; gives its place, or `place` where it was the first.
    fn back(&mut self, place: usize) -> usize {
        let Some(last) = self.given.last().map(|given| given.place) else { return place };
        while let Some(given) = self.given.pop_if(|given| given.place == last) {
            let (key, text) = given.entry;
            // A host key has no question of its own; what was accepted is remembered by its machine.
            if questions().any(|question| question.key == key) {
                self.earlier.insert(key, text);
            }
            self.answers = given.before;
        }
        self.untried = None;
        self.surroundings.forget();
        let entries = self.entries();
        (self.keep)(&entries);
        last
    }

    /// Tries out what the section's answers say. Host keys are shown, and pinned where the person accepts them.
    fn try_out(&mut self, place: usize) -> Result<Step, WizardError> {
        let Some(section) = self.untried.take() else { return Ok(Step::On) };
        self.wrong.remove(&section);
        let place = self.given.last().map_or(place, |given| given.place);
        // A pin that does not help is asked about, and not given for ever.
        let mut repeated = HashSet::new();
        loop {
            let text = render::bare(&self.answers.with_placeholders());
            let Ok(site) = site::parse_at(&text, self.stage.path, self.stage.home) else { return Ok(Step::On) };
            let Some(what) = self.surroundings.trial(section, &site) else { return Ok(Step::On) };
            self.asker.trying(&what)?;
            let mut is_pinned = false;
            for told in self.surroundings.try_out(section, &site) {
                match &told {
                    Told::HostKey { key, machine, algorithm, fingerprint } => {
                        let asking = (section, machine.as_str(), format!("{algorithm} {fingerprint}"));
                        let known = (machine.clone(), fingerprint.clone());
                        let answer = if self.accepted.contains(&known) && repeated.insert(known.clone()) {
                            Some(true)
                        } else {
                            self.ask_about_key(asking)?
                        };
                        match answer {
                            None => return Ok(Step::Back),
                            Some(true) => {
                                self.accepted.insert(known);
                                self.give(place, key.clone(), fingerprint)?;
                                is_pinned = true;
                            }
                            Some(false) => {
                                let left = format!("the host key of {machine} was not accepted: {algorithm} {fingerprint}");
                                self.wrong.entry(section).or_default().push(left);
                            }
                        }
                    }
                    Told::Bad { what, help } => {
                        self.asker.tell(&told)?;
                        let left = help.as_ref().map_or_else(|| what.clone(), |help| format!("{what}; {help}"));
                        self.wrong.entry(section).or_default().push(left);
                    }
                    Told::Good(_) | Told::Doubt(_) => self.asker.tell(&told)?,
                }
            }
            if !is_pinned {
                return Ok(Step::On);
            }
            self.wrong.remove(&section);
        }
    }

    fn ask_about_key(&mut self, (section, machine, shown): (Section, &str, String)) -> Result<Option<bool>, WizardError> {
        let check = |text: &str| if matches!(text, "yes" | "no") { Ok(()) } else { Err("answer yes or no".to_owned()) };
        let asking = Asking {
            key: "host_keys".to_owned(),
            section,
            ask: format!("Is this the host key of {machine}? {shown}"),
            help: "Compare it with what its administrator reads on the machine's own console.".to_owned(),
            more: "There: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`. Accepted, it is pinned in the site file, and any other is refused. \
                   Not accepted, the machine cannot be logged in to yet."
                .to_owned(),
            kind: Kind::Choice,
            optional: false,
            default: Some("no".to_owned()),
            origin: None,
            choices: vec!["yes", "no"],
            check: &Check(&check),
        };
        match self.asker.ask(&asking)? {
            Reply::Back => Ok(None),
            Reply::Answer(text) => Ok(Some(text == "yes")),
            Reply::Nothing | Reply::Secret(_) => Ok(Some(false)),
        }
    }
}

/// Puts a question until its answer is beyond doubt: files that are not there are told once, and taken when they are named again.
fn insist(asker: &mut dyn Asker, mut asking: Asking<'_>, stage: Stage<'_>) -> Result<Reply, WizardError> {
    loop {
        let reply = asker.ask(&asking)?;
        let Reply::Answer(text) = &reply else { return Ok(reply) };
        let doubt = match asking.kind {
            Kind::Files => stage.doubt(text),
            Kind::Reference => stage.doubt_of_reference(text),
            Kind::Text | Kind::List | Kind::Choice => None,
        };
        let Some(doubt) = doubt.filter(|_| asking.default.as_ref() != Some(text)) else { return Ok(reply) };
        asker.tell(&Told::Doubt(doubt))?;
        asking.default = Some(text.clone());
        asking.origin = None;
    }
}

fn is_of_machines(key: &str) -> bool {
    matches!(key, "route.hops" | "nodes")
}

/// What `?` says: what is to be known, and where the answer goes.
fn more(question: &Question) -> String {
    let goes = if question.key == document::DOMAIN {
        String::new()
    } else {
        format!("\nIn the site file: {}. In a script: --set {}=…", question.key, question.key)
    };
    format!("{}{goes}", question.more)
}

fn choices(key: &str) -> Result<Vec<&'static str>, WizardError> {
    let schema = document::schema_of(key)?;
    Ok(words(schema).unwrap_or_else(|| if kind(schema) == Some("boolean") { vec!["yes", "no"] } else { Vec::new() }))
}

/// Judges an answer by a site in which all else is as known so far, and sound where it is not known.
fn judge(answers: &Answers, stage: Stage<'_>, key: &str, text: &str) -> Result<(), String> {
    if key == document::DOMAIN {
        let judged = site::validate::rules::dns_name(&format!("manage.{text}"));
        return judged.map(|_| ()).map_err(|error| error.to_string());
    }
    if let Some(misfit) = stage.misfit(key, text) {
        return Err(misfit);
    }
    let mut with = answers.clone();
    with.set(key, text).map_err(|error| error.help().unwrap_or_else(|| error.to_string()))?;
    let site = whole(&with, stage.path).map_err(|errors| said(&errors).into_iter().next().unwrap_or_default())?;
    let known: HashSet<(String, String)> =
        whole(answers, stage.path).map(|site| site::findings(&site)).unwrap_or_default().into_iter().map(of).collect();
    let new = site::findings(&site).into_iter().find(|finding| {
        // What is still to be asked is no fault of this answer.
        finding.severity == Severity::Error && finding.id != "dns.names.complete" && !known.contains(&of(finding.clone()))
    });
    new.map_or(Ok(()), |finding| Err(format!("{}; {}", finding.message, finding.fix)))
}

fn of(finding: Finding) -> (String, String) {
    (finding.id, finding.subject)
}

/// The site that the answers make, with placeholders for what cannot be left out.
pub(super) fn whole(answers: &Answers, path: &Path) -> Result<Site, SiteErrors> {
    site::parse(&render::bare(&answers.with_placeholders()), path)
}

/// Problems without their places: the lines are not the person's own.
pub(super) fn said(errors: &SiteErrors) -> Vec<String> {
    let help = |help: &Option<String>| help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    errors.problems().iter().map(|problem| format!("{}{}", problem.message, help(&problem.help))).collect()
}
