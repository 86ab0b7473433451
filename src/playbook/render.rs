//! Templates become text. An undefined variable is an error with file, line, column and what there is in its place.

use std::collections::{BTreeMap, BTreeSet};

use tera::{Context, ErrorKind, Tera};
use zeroize::Zeroizing;

use super::load::Source;
use super::variable;
use crate::site::FileProblem;
use crate::site::file::problems::{Document, Problems};
use crate::site::file::shape::nearest;

const TEMPLATE: Document = Document { noun: "template", example: "", schema: super::load::shape };

/// A template that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Templates do not parse, name something unknown, or name variables that are not there.
    #[error("{}", summary(.problems))]
    Invalid {
        /// All that is wrong, each with its place; never empty.
        problems: Vec<FileProblem>,
    },
    /// It could not be rendered, for a reason without a place.
    #[error("{template} cannot be rendered\n{reason}")]
    Unusable {
        /// The template.
        template: String,
        /// Why.
        reason: String,
    },
    /// There is no such template.
    #[error("there is no template {template}")]
    Unknown {
        /// The name asked for.
        template: String,
    },
}

fn summary(problems: &[FileProblem]) -> String {
    match problems {
        [one] => format!("template {}:{}:{}: {}", one.file.display(), one.line, one.column, one.message),
        _ => format!("the templates have {} problems", problems.len()),
    }
}

impl RenderError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Invalid { problems } => match problems.as_slice() {
                [FileProblem { help: Some(help), .. }] => Some(help.clone()),
                _ => Some("mend the template; `portcullis render` shows the result without touching a node".to_owned()),
            },
            Self::Unusable { .. } => Some("mend the template; `portcullis render` shows the result without touching a node".to_owned()),
            Self::Unknown { .. } => Some("a site's own templates stand in `templates/` beside its site file".to_owned()),
        }
    }

    /// The problems with their places; empty where they have none.
    pub fn problems(&self) -> &[FileProblem] {
        match self {
            Self::Invalid { problems } => problems,
            Self::Unusable { .. } | Self::Unknown { .. } => &[],
        }
    }

    /// Whether it is that a variable is not there, and nothing else.
    pub(crate) fn is_about_a_variable(&self) -> bool {
        !self.problems().is_empty() && self.problems().iter().all(|problem| problem.message.ends_with(UNDEFINED))
    }
}

const UNDEFINED: &str = "is not there";

/// All templates of a site, parsed.
#[derive(Debug)]
pub struct Templates {
    tera: Tera,
    sources: BTreeMap<String, Source>,
}

impl Templates {
    /// Parses all templates; tells of all that do not parse.
    pub fn parse(sources: BTreeMap<String, Source>) -> Result<Self, RenderError> {
        let texts = || sources.iter().map(|(name, source)| (name.as_str(), source.text.as_str()));
        let mut tera = new_tera();
        if let Err(error) = tera.add_raw_templates(texts()) {
            // All at once tells of the first alone; one at a time, a template cannot see those that it includes.
            let alone = texts().filter_map(|(name, text)| new_tera().add_raw_template(name, text).err());
            let problems: Vec<FileProblem> = alone.chain([error]).filter_map(|error| placed(&error, &sources)).collect();
            return Err(RenderError::Invalid { problems: once(problems) }.or_unusable(&sources, &mut tera));
        }
        Ok(Self { tera, sources })
    }

    /// The names of the site's own templates, sorted.
    pub fn own_names(&self) -> Vec<&str> {
        self.sources.iter().filter(|(_, source)| !source.is_built_in).map(|(name, _)| name.as_str()).collect()
    }

    /// The names of the variables that a template and those it includes begin with: `site`, `node` …
    pub(crate) fn roots(&self, template: &str) -> BTreeSet<String> {
        let found = self.tera.get_template_variables(template).unwrap_or_default();
        found.into_iter().map(str::to_owned).collect()
    }

    /// Whether the text of a template, or of one that it may include, has this word in it.
    pub(crate) fn mentions(&self, template: &str, word: &str) -> bool {
        let Some(source) = self.sources.get(template) else { return false };
        let may_include =
            ["{% include", "{%- include", "{% extends", "{%- extends", "{% import"].iter().any(|tag| source.text.contains(tag));
        source.text.contains(word) || may_include && self.sources.values().any(|other| !other.is_built_in && other.text.contains(word))
    }

    /// The text of `template` with these values.
    pub fn render(&self, template: &str, values: &serde_json::Value) -> Result<Zeroizing<String>, RenderError> {
        let context = Context::from_serialize(values);
        self.fill(template, &context.map_err(|error| self.failed(template, &error))?)
    }

    /// The same with values that are ready.
    pub(crate) fn fill(&self, template: &str, context: &Context) -> Result<Zeroizing<String>, RenderError> {
        if !self.tera.contains_template(template) {
            return Err(RenderError::Unknown { template: template.to_owned() });
        }
        self.tera.render(template, context).map(Zeroizing::new).map_err(|error| self.failed(template, &error))
    }

    fn failed(&self, template: &str, error: &tera::Error) -> RenderError {
        match placed(error, &self.sources) {
            Some(problem) => RenderError::Invalid { problems: vec![problem] },
            None => RenderError::Unusable { template: format!("template {template}"), reason: told(error) },
        }
    }
}

impl RenderError {
    // Some faults have no place: a circle of includes, a parent that is missing.
    fn or_unusable(self, sources: &BTreeMap<String, Source>, tera: &mut Tera) -> Self {
        if !self.problems().is_empty() {
            return self;
        }
        let texts = sources.iter().map(|(name, source)| (name.as_str(), source.text.as_str()));
        let reason = tera.add_raw_templates(texts).err().map(|error| told(&error)).unwrap_or_default();
        Self::Unusable { template: "a template".to_owned(), reason }
    }
}

fn new_tera() -> Tera {
    let mut tera = Tera::new();
    // What is rendered is configuration, not HTML.
    tera.autoescape_on(Vec::<&'static str>::new());
    tera
}

fn told(error: &tera::Error) -> String {
    error.to_string().trim().to_owned()
}

fn once(problems: Vec<FileProblem>) -> Vec<FileProblem> {
    let mut kept: Vec<FileProblem> = Vec::new();
    for problem in problems {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    kept
}

// Most of the engine's other errors have no place.
fn placed(error: &tera::Error, sources: &BTreeMap<String, Source>) -> Option<FileProblem> {
    let (ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report)) = error.kind() else { return None };
    let source = sources.get(report.filename())?;
    let span = report.span().range.clone();
    let mut problems = Problems::of(&TEMPLATE, &source.file, &source.text);
    let message = report.message();
    if message.contains("not defined") || message.contains("undefined") {
        let span = whole_name(&source.text, span);
        let name = source.text.get(span.clone()).unwrap_or_default();
        problems.add(span.clone(), format!("the variable `{name}` {UNDEFINED}"), instead_of(name, message));
    } else {
        let text = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
        problems.add(span, lower_first(text), None);
    }
    problems.into_list().pop()
}

// The engine points at one part of a path; a person wrote the whole of it.
fn whole_name(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.trim_end_matches(is_part).len();
    let meant = text.get(span.clone()).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    // What comes behind belongs to it only where it goes on with a part.
    let more = if after.starts_with('.') { after.len() - after.trim_start_matches(is_part).len() } else { 0 };
    start..span.start + meant.trim_end().len() + if meant.ends_with(char::is_whitespace) { 0 } else { more }
}

// The engine lists what is there in that place; where nothing of it is near, the table of all variables is asked.
fn instead_of(name: &str, message: &str) -> String {
    let there = message.rsplit_once(": ").map(|(_, list)| list).unwrap_or_default();
    let (above, last) = name.rsplit_once('.').map_or(("", name), |(above, last)| (above, last));
    match nearest(last, there.split(", ").map(str::trim)) {
        Some(near) if above.is_empty() => format!("did you mean `{near}`?"),
        Some(near) => format!("did you mean `{above}.{near}`?"),
        None => variable::advice(name),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sources(texts: &[(&str, &str)]) -> BTreeMap<String, Source> {
        let source =
            |name: &str, text: &str| Source { file: format!("templates/{name}").into(), text: text.to_owned(), is_built_in: false };
        texts.iter().map(|(name, text)| ((*name).to_owned(), source(name, text))).collect()
    }

    fn one(text: &str) -> Templates {
        Templates::parse(sources(&[("a/b.conf", text)])).unwrap()
    }

    #[test]
    fn an_undefined_variable_is_named_with_its_place_and_the_nearest_known() {
        let values = json!({"smtp": {"host": "h"}, "x": [{"address": 1}]});
        for (text, name, place, help) in [
            ("first\nx = {{ smtp.hots }}\n", "smtp.hots", (2, 8), "did you mean `smtp.host`?"),
            ("{{ smpt.host }}", "smpt.host", (1, 4), "did you mean `smtp.host`?"),
            ("{% if proxi.kind == \"a\" %}b{% endif %}", "proxi.kind", (1, 7), "did you mean `proxy.kind`?"),
            ("{% for a in smtp.list %}{{ a }}{% endfor %}", "smtp.list", (1, 13), "did you mean `smtp.host`?"),
            ("{% for a in x %}{{ a.adress }}{% endfor %}", "a.adress", (1, 20), "did you mean `a.address`?"),
        ] {
            let error = one(text).render("a/b.conf", &values).unwrap_err();
            let problem = &error.problems()[0];
            assert_eq!(problem.message, format!("the variable `{name}` is not there"), "{text}");
            assert_eq!((problem.line, problem.column), place, "{text}");
            assert!(problem.help.as_deref().unwrap().starts_with(help), "{problem:?}");
            assert!(problem.file.ends_with("templates/a/b.conf") && error.is_about_a_variable());
        }
    }

    #[test]
    fn all_templates_that_do_not_parse_are_told_at_once() {
        let error = Templates::parse(sources(&[("a", "{% if x %}\n"), ("b", "ok"), ("c", "line\n{{ x | | }}")])).unwrap_err();
        let places: Vec<_> = error.problems().iter().map(|problem| (problem.file.display().to_string(), problem.line)).collect();
        assert_eq!(places, [("templates/a".to_owned(), 1), ("templates/c".to_owned(), 2)], "{error:?}");
        let circle = Templates::parse(sources(&[("a", "{% include \"b\" %}"), ("b", "{% include \"a\" %}")])).unwrap_err();
        assert!(circle.to_string().contains("ircular"), "{circle}");
    }

    #[test]
    fn nothing_is_escaped_for_html() {
        assert_eq!(one("{{ x }}").render("a/b.conf", &json!({"x": "a&<b>\"'"})).unwrap().as_str(), "a&<b>\"'");
    }

    proptest! {
        #[test]
        fn no_template_makes_it_panic(text in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}| if | for a in | endif | endfor |x|\\.y|\\||\"|\\[|\\]|\\(|\\)|\n|é|\\PC){0,30}") {
            match Templates::parse(sources(&[("t", &text)])) {
                Ok(templates) => drop(templates.render("t", &json!({"x": {"y": [1]}}))),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
