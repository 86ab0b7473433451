//! Renders templates for many nodes, each distinct text once: a template that does not look at the node is the same
//! on all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tera::Context;
use zeroize::Zeroizing;

use super::context::{connector_values, fact_values, node_values, site_context};
use super::render::{RenderError, Templates};
use crate::node::Facts;
use crate::playbook::material::Material;
use crate::playbook::model::TemplateStep;
use crate::site::model::{Node, Site};

/// What a rendered text depends on: the template, whether it sees secrets, and what it looks at of the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Recipe {
    template: String,
    secret: bool,
    node: Option<String>,
    facts: Option<String>,
}

/// Templates with the values that all nodes share.
pub(in crate::playbook) struct Kitchen<'a> {
    site: &'a Site,
    templates: &'a Templates,
    open: Context,
    secret: Context,
    roots: Mutex<BTreeMap<String, Arc<BTreeSet<String>>>>,
    done: Mutex<BTreeMap<Recipe, Arc<Zeroizing<String>>>>,
    rendered: AtomicUsize,
}

impl fmt::Debug for Kitchen<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kitchen").finish_non_exhaustive()
    }
}

impl<'a> Kitchen<'a> {
    /// Puts together what all nodes share.
    pub(in crate::playbook) fn new(site: &'a Site, templates: &'a Templates, material: &Material) -> Self {
        let context = |secret| {
            let mut context = Context::new();
            for (name, value) in site_context(site, material, secret) {
                context.insert(name, &value);
            }
            context
        };
        Self {
            site,
            templates,
            open: context(false),
            secret: context(true),
            roots: Mutex::default(),
            done: Mutex::default(),
            rendered: AtomicUsize::new(0),
        }
    }

    /// The text of a template step on a node.
    pub(in crate::playbook) fn render(
        &self,
        node: &Node,
        facts: &Facts,
        step: &TemplateStep,
    ) -> Result<Arc<Zeroizing<String>>, RenderError> {
        let roots = self.roots(&step.src);
        // A template that prints its whole context has no names to go by.
        let looks_at = |name: &str| roots.contains(name) || roots.contains("__tera_context");
        let own = |is: bool, value: &dyn Fn() -> Value| is.then(value);
        let node_value = own(looks_at("node"), &|| node_values(node));
        let fact_value = own(looks_at("facts"), &|| fact_values(facts));
        let connector_value = own(looks_at("connector"), &|| connector_values(self.site, node));
        // What a connector's server is told depends on the machine as well.
        let of_machine = node_value.as_ref().or(connector_value.as_ref());
        let recipe = Recipe {
            template: step.src.clone(),
            secret: step.secret,
            node: of_machine.map(Value::to_string),
            facts: fact_value.as_ref().map(Value::to_string),
        };
        if let Some(text) = self.done.lock().unwrap_or_else(PoisonError::into_inner).get(&recipe) {
            return Ok(Arc::clone(text));
        }
        let mut context = if step.secret { self.secret.clone() } else { self.open.clone() };
        context.insert("node", &node_value.unwrap_or_else(|| node_values(node)));
        context.insert("connector", &connector_value.unwrap_or_else(|| connector_values(self.site, node)));
        context.insert("facts", &fact_value.unwrap_or_else(|| fact_values(facts)));
        self.rendered.fetch_add(1, Ordering::Relaxed);
        let text = Arc::new(self.templates.fill(&step.src, &context)?);
        // What depends on the node itself is wanted once; keeping it would cost memory with the number of nodes.
        if recipe.node.is_none() {
            self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(recipe, Arc::clone(&text));
        }
        Ok(text)
    }

    /// How often a template was rendered so far.
    #[cfg(test)]
    pub(in crate::playbook) fn rendered(&self) -> usize {
        self.rendered.load(Ordering::Relaxed)
    }

    fn roots(&self, template: &str) -> Arc<BTreeSet<String>> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = roots.get(template) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.templates.roots(template));
        roots.insert(template.to_owned(), Arc::clone(&found));
        found
    }
}
