//! Leaving steps out by their ids: `--skip`.

use super::load::nearest;
use super::model::Playbook;

/// An id that no step has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--skip names `{id}`, which is no step of {playbook}")]
pub struct UnknownStep {
    /// The id.
    pub id: String,
    /// The playbook.
    pub playbook: String,
    /// The steps that there are.
    pub known: Vec<String>,
}

impl UnknownStep {
    /// What to do next.
    pub fn help(&self) -> String {
        let near = nearest(&self.id, &self.known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        format!("{near}steps are: {}", self.known.join(", "))
    }
}

impl Playbook {
    /// The same without the steps of these ids. What comes after a step that is left out takes it for unchanged.
    pub fn without(mut self, skip: &[String]) -> Result<Self, UnknownStep> {
        if let Some(id) = skip.iter().find(|id| !self.steps.iter().any(|step| step.id == **id)) {
            let mut known: Vec<String> = self.steps.iter().map(|step| step.id.clone()).collect();
            known.dedup();
            return Err(UnknownStep { id: id.clone(), playbook: self.name, known });
        }
        self.steps.retain(|step| !skip.contains(&step.id));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Library;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_step_is_left_out_and_a_misspelt_one_is_refused_with_the_nearest() {
        let library = Library::new("/nonexistent".as_ref());
        let whole = library.load(&texts(&["bootstrap"])).unwrap();
        let first = whole.steps[0].id.clone();
        let rest = whole.clone().without(std::slice::from_ref(&first)).unwrap();
        assert!(rest.steps.len() < whole.steps.len() && rest.steps.iter().all(|step| step.id != first));
        let misspelt = format!("{first}x");
        let error = whole.without(&texts(&[&misspelt])).unwrap_err();
        assert!(error.help().contains(&format!("did you mean `{first}`?")), "{}", error.help());
    }
}
