//! Templates become text. An undefined variable is an error with template, line and the variable's name.

use std::collections::BTreeMap;

use serde_json::Value;
use tera::{Context, Tera};
use zeroize::Zeroizing;

use super::model::{Kind, Playbook};

/// A template that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// It does not parse, or names something unknown.
    #[error("the templates cannot be read\n{report}")]
    Syntax {
        /// Where and why, with the line itself.
        report: String,
    },
    /// It could not be rendered.
    #[error("template {template} cannot be rendered\n{report}")]
    Render {
        /// The template.
        template: String,
        /// Where and why, with the line itself.
        report: String,
    },
    /// There is no such template.
    #[error("there is no template {template}")]
    Unknown {
        /// The name asked for.
        template: String,
    },
}

impl RenderError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Syntax { .. } => "mend the template; `portcullis render` shows the result without touching a node".to_owned(),
            Self::Render { .. } => {
                "the variable is missing in the site file, or the template needs `secret: true` in its step to see secrets".to_owned()
            }
            Self::Unknown { .. } => "a site's own templates stand in `templates/` beside its site file".to_owned(),
        })
    }
}

/// All templates of a site, parsed.
#[derive(Debug)]
pub struct Templates {
    tera: Tera,
}

impl Templates {
    /// Parses all templates.
    pub fn parse(sources: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        let mut tera = Tera::new();
        // What is rendered is configuration, not HTML.
        tera.autoescape_on(Vec::<&'static str>::new());
        tera.add_raw_templates(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(|error| RenderError::Syntax { report: error.to_string() })?;
        Ok(Self { tera })
    }

    /// Fails where a step or a handout names a template that is not there.
    pub fn must_have(&self, playbook: &Playbook) -> Result<(), RenderError> {
        let of_steps = playbook.steps.iter().filter_map(|step| if let Kind::Template(step) = &step.kind { Some(&step.src) } else { None });
        let of_handouts = playbook.handouts.iter().map(|handout| &handout.template);
        match of_steps.chain(of_handouts).find(|name| !self.tera.contains_template(name)) {
            Some(name) => Err(RenderError::Unknown { template: name.clone() }),
            None => Ok(()),
        }
    }

    /// The text of `template` with these values.
    pub fn render(&self, template: &str, values: &Value) -> Result<Zeroizing<String>, RenderError> {
        let failed = |error: tera::Error| RenderError::Render { template: template.to_owned(), report: error.to_string() };
        if !self.tera.contains_template(template) {
            return Err(RenderError::Unknown { template: template.to_owned() });
        }
        let context = Context::from_serialize(values).map_err(failed)?;
        self.tera.render(template, &context).map(Zeroizing::new).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Templates {
        Templates::parse(&BTreeMap::from([("a/b.conf".to_owned(), text.to_owned())])).unwrap()
    }

    #[test]
    fn an_undefined_variable_is_named_with_template_and_line() {
        let error = one("first\nx = {{ smtp.hots }}\n").render("a/b.conf", &json!({"smtp": {"host": "h"}})).unwrap_err().to_string();
        assert!(error.contains("a/b.conf") && error.contains("hots") && error.contains('2'), "{error}");
    }

    #[test]
    fn nothing_is_escaped_for_html() {
        assert_eq!(one("{{ x }}").render("a/b.conf", &json!({"x": "a&<b>\"'"})).unwrap().as_str(), "a&<b>\"'");
    }
}
