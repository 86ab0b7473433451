//! Playbooks and templates: embedded in the binary; a copy below the site's folder wins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::node::Guard;

use super::model::{Kind, Playbook, PlaybookFile, Step, StepFile};

static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// What a playbook got wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no playbook of that name.
    #[error("there is no playbook `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// It is not a playbook.
    #[error("{file} is not a valid playbook\n{excerpt}")]
    Invalid {
        /// The file.
        file: String,
        /// Where and why, with the line itself.
        excerpt: String,
    },
    /// One step is wrong.
    #[error("{file}:{line}:{column}: step `{step}` {problem}")]
    Step {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// The step's id.
        step: String,
        /// What is wrong.
        problem: String,
    },
    /// Two steps want different things of one place, so that no apply would ever settle it.
    #[error("steps `{one}` and `{other}` both say what {path} is to be")]
    TwoForOnePlace {
        /// One step.
        one: String,
        /// The other.
        other: String,
        /// The path.
        path: String,
    },
    /// Playbooks include each other.
    #[error("playbook `{name}` includes itself, by way of {by_way_of}")]
    Loop {
        /// The playbook.
        name: String,
        /// The way round.
        by_way_of: String,
    },
}

impl LoadError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { name, known } => Some(match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`? There are: {}", known.join(", ")),
                None => format!("there are: {}; a site's own stand in `playbooks/` beside its site file", known.join(", ")),
            }),
            Self::TwoForOnePlace { .. } => Some("leave one of them out, or give them a `when` under which only one counts".to_owned()),
            Self::Step { .. } | Self::Invalid { .. } | Self::Loop { .. } => {
                Some("mend the playbook, then run `portcullis plan` again".to_owned())
            }
            Self::Unreadable { .. } => None,
        }
    }
}

/// The known word that is nearest to a misspelt one, if one is near at all.
pub fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a String> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(d, _)| *d <= (word.len() / 3).clamp(1, 3))
        .map(|(_, c)| c)
}

/// Where playbooks and templates come from, for one site.
#[derive(Debug, Clone)]
pub struct Library {
    folder: PathBuf,
}

impl Library {
    /// The embedded ones, with those below the site's `folder` before them.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The names of all playbooks, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> =
            PLAYBOOKS.files().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
        if let Ok(entries) = std::fs::read_dir(self.folder.join("playbooks")) {
            let own = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "yaml"));
            names.extend(own.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())));
        }
        names.into_iter().collect()
    }

    /// The steps of `names`, one after the other; a step that comes twice counts once.
    pub fn load(&self, names: &[String]) -> Result<Playbook, LoadError> {
        let mut whole = Playbook {
            name: names.join("+"),
            title: String::new(),
            steps: Vec::new(),
            rolling: None,
            gate: None,
            guard: None,
            handouts: Vec::new(),
        };
        for name in names {
            let mut path = Vec::new();
            let title = self.collect(name, &mut path, &mut whole)?;
            whole.title = if whole.title.is_empty() { title } else { format!("{}; {title}", whole.title) };
        }
        match two_for_one_place(&whole.steps) {
            Some((one, other, path)) => Err(LoadError::TwoForOnePlace { one, other, path }),
            None => Ok(whole),
        }
    }

    fn collect(&self, name: &str, path: &mut Vec<String>, whole: &mut Playbook) -> Result<String, LoadError> {
        if path.iter().any(|above| above == name) {
            return Err(LoadError::Loop { name: name.to_owned(), by_way_of: path.join(" → ") });
        }
        let (file, text) = self.read(name)?;
        let playbook: PlaybookFile = serde_saphyr::from_str(&text).map_err(|error| {
            let excerpt = error.to_string().replace("<input>", &file);
            LoadError::Invalid { file: file.clone(), excerpt }
        })?;
        if playbook.name != name {
            let excerpt = format!("it calls itself `{}`; the file's name says `{name}`", playbook.name);
            return Err(LoadError::Invalid { file, excerpt });
        }
        path.push(name.to_owned());
        for included in &playbook.includes {
            self.collect(included, path, whole)?;
        }
        path.pop();
        let mut seen = BTreeMap::new();
        for spanned in playbook.steps {
            let location = spanned.referenced;
            let at = |step: &str, problem: String| LoadError::Step {
                file: file.clone(),
                line: location.line(),
                column: location.column(),
                step: step.to_owned(),
                problem,
            };
            let step = checked(spanned.value, name).map_err(|(id, problem)| at(&id, problem))?;
            if let Some(earlier) = seen.insert(step.id.clone(), location.line()) {
                return Err(at(&step.id, format!("stands already in line {earlier}")));
            }
            for after in step.after() {
                if !seen.contains_key(after) {
                    return Err(at(&step.id, format!("comes after `{after}`, which is no earlier step of this playbook")));
                }
            }
            if let Some(problem) = never_runs(&step, &whole.steps) {
                return Err(at(&step.id, problem));
            }
            if !whole.steps.contains(&step) {
                whole.steps.push(step);
            }
        }
        whole.rolling = whole.rolling.into_iter().chain(playbook.rolling).min();
        whole.gate = whole.gate.or(playbook.gate);
        whole.guard = longest(whole.guard, playbook.guard.0);
        whole.handouts.extend(playbook.handouts);
        Ok(playbook.title)
    }

    fn read(&self, name: &str) -> Result<(String, String), LoadError> {
        let unknown = || LoadError::Unknown { name: name.to_owned(), known: self.names() };
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(unknown());
        }
        let path = self.folder.join("playbooks").join(format!("{name}.yaml"));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path.display().to_string(), text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = PLAYBOOKS.get_file(format!("{name}.yaml")).ok_or_else(unknown)?;
                Ok((format!("playbooks/{name}.yaml"), file.contents_utf8().unwrap_or_default().to_owned()))
            }
            Err(source) => Err(LoadError::Unreadable { path, source }),
        }
    }

    /// All templates by name: the embedded ones, replaced and joined by those below the site's `templates/`.
    pub fn templates(&self) -> Result<BTreeMap<String, String>, LoadError> {
        let mut templates = BTreeMap::new();
        embedded(&TEMPLATES, &mut templates);
        let folder = self.folder.join("templates");
        own_templates(&folder, &folder, &mut templates)?;
        Ok(templates)
    }
}

fn embedded(folder: &Dir<'_>, templates: &mut BTreeMap<String, String>) {
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            templates.insert(name.to_owned(), text.to_owned());
        }
    }
    for inner in folder.dirs() {
        embedded(inner, templates);
    }
}

fn own_templates(root: &Path, folder: &Path, templates: &mut BTreeMap<String, String>) -> Result<(), LoadError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(LoadError::Unreadable { path: folder.to_owned(), source }),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            own_templates(root, &path, templates)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            let text = std::fs::read_to_string(&path).map_err(|source| LoadError::Unreadable { path: path.clone(), source })?;
            templates.insert(name.to_owned(), text);
        }
    }
    Ok(())
}

impl Step {
    /// The steps it names as those whose change concerns it.
    pub fn after(&self) -> &[String] {
        let after = match &self.kind {
            Kind::Service(step) => &step.after,
            Kind::Command(step) => &step.after,
            Kind::Wait(step) => &step.after,
            Kind::Template(_) | Kind::File(_) | Kind::Pfx(_) | Kind::Trust(_) => &None,
        };
        after.as_deref().unwrap_or_default()
    }
}

// A command without a guard runs when something before it changed: where nothing can, it never would.
fn never_runs(step: &Step, earlier: &[Step]) -> Option<String> {
    let Kind::Command(command) = &step.kind else { return None };
    let may_change = |kind: &Kind| matches!(kind, Kind::Template(_) | Kind::File(_) | Kind::Pfx(_) | Kind::Trust(_));
    let is_guarded = command.creates.is_some() || command.unless.is_some();
    let is_touched = earlier.iter().any(|other| other.playbook == step.playbook && may_change(&other.kind));
    (!is_guarded && !is_touched)
        .then(|| "would never run: it needs `creates` or `unless`, or a step before it that changes a file".to_owned())
}

fn place_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Template(step) => Some(&step.dest),
        Kind::File(step) => Some(&step.path),
        Kind::Pfx(step) => Some(&step.dest),
        Kind::Trust(_) | Kind::Service(_) | Kind::Command(_) | Kind::Wait(_) => None,
    }
}

fn two_for_one_place(steps: &[Step]) -> Option<(String, String, String)> {
    let exclude = |one: &Step, other: &Step| one.when.iter().any(|(key, value)| other.when.get(key).is_some_and(|else_| else_ != value));
    for (index, one) in steps.iter().enumerate() {
        let Some(place) = place_of(&one.kind) else { continue };
        let rival = steps.iter().skip(index + 1).find(|other| place_of(&other.kind) == Some(place) && !exclude(one, other));
        if let Some(other) = rival {
            return Some((one.id.clone(), other.id.clone(), place.to_owned()));
        }
    }
    None
}

const CONDITIONS: [&str; 7] = ["role", "proxy", "tls", "smtp", "smtp-ca", "os", "init"];

fn checked(step: StepFile, playbook: &str) -> Result<Step, (String, String)> {
    let wrong = |problem: String| (step.id.clone(), problem);
    let kinds: Vec<Kind> = [
        step.template.clone().map(Kind::Template),
        step.file.clone().map(Kind::File),
        step.pfx.clone().map(Kind::Pfx),
        step.trust.clone().map(Kind::Trust),
        step.service.clone().map(Kind::Service),
        step.command.clone().map(Kind::Command),
        step.wait.clone().map(Kind::Wait),
    ]
    .into_iter()
    .flatten()
    .collect();
    let count = kinds.len();
    let Ok([kind]) = <[Kind; 1]>::try_from(kinds) else {
        return Err(wrong(format!("has {count} kinds; it needs one of template, file, pfx, trust, service, command, wait")));
    };
    if step.id.is_empty() || !step.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(wrong("needs an id of letters, digits and dashes".to_owned()));
    }
    if let Some(key) = step.when.keys().find(|key| !CONDITIONS.contains(&key.as_str())) {
        return Err(wrong(format!("has a condition on `{key}`; known are {}", CONDITIONS.join(", "))));
    }
    check_kind(&kind).map_err(&wrong)?;
    Ok(Step { id: step.id, playbook: playbook.to_owned(), title: step.title, when: step.when, guard: step.guard.0, kind })
}

/// Of two guards the one that gives more time; the shorter could end while the other step is still at work.
pub(super) fn longest(one: Option<Guard>, other: Option<Guard>) -> Option<Guard> {
    one.into_iter().chain(other).max_by_key(|guard| guard.within)
}

fn check_kind(kind: &Kind) -> Result<(), String> {
    match kind {
        Kind::Template(step) => check_path(&step.dest).and_then(|()| check_mode(&step.mode)).and_then(|()| check_owner(&step.owner)),
        Kind::File(step) => {
            if step.src.is_none() && step.state == super::model::Presence::Present {
                return Err("needs `src`, the local file, or `state: absent`".to_owned());
            }
            check_path(&step.path).and_then(|()| check_mode(&step.mode)).and_then(|()| check_owner(&step.owner))
        }
        Kind::Pfx(step) => check_path(&step.dest),
        Kind::Trust(step) if step.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !step.name.is_empty() => Ok(()),
        Kind::Trust(_) => Err("needs a name of letters, digits and dashes".to_owned()),
        Kind::Service(step) => check_line(&step.name).and_then(|()| check_line(step.validate.as_deref().unwrap_or_default())),
        Kind::Command(step) => check_line(&step.run),
        Kind::Wait(step) => check_line(&step.until),
    }
}

// The journal on the node keeps one thing a line.
fn check_line(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) { Err("must not hold tabs or line breaks".to_owned()) } else { Ok(()) }
}

fn check_path(path: &str) -> Result<(), String> {
    let clean = path.starts_with('/') && !path.ends_with('/') && !path.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
    if !clean {
        return Err(format!("has the path `{path}`; it has to be absolute, without `.`, `..` or empty parts"));
    }
    check_line(path)
}

fn check_mode(mode: &str) -> Result<(), String> {
    let octal = (3..=4).contains(&mode.len()) && mode.chars().all(|digit| ('0'..='7').contains(&digit));
    if octal { Ok(()) } else { Err(format!("has the mode `{mode}`; it has to be octal digits in quotes, such as \"0644\"")) }
}

fn check_owner(owner: &str) -> Result<(), String> {
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    match owner.split_once(':') {
        Some((user, group)) if plain(user) && plain(group) && !user.starts_with('-') => Ok(()),
        _ => Err(format!("has the owner `{owner}`; it has to be user:group")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Result<Playbook, LoadError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("playbooks")).unwrap();
        let path = folder.path().join("playbooks/mine.yaml");
        crate::disk::write_atomically(&path, text.as_bytes(), 0o644, crate::disk::Existing::Keep).unwrap();
        Library::new(folder.path()).load(&["mine".to_owned()])
    }

    #[test]
    fn every_built_in_playbook_loads_and_its_templates_exist() {
        let library = Library::new(Path::new("/nonexistent"));
        let templates = library.templates().unwrap();
        for name in library.names() {
            let playbook = library.load(std::slice::from_ref(&name)).unwrap();
            for step in playbook.steps {
                if let Kind::Template(template) = step.kind {
                    assert!(templates.contains_key(&template.src), "{name}: {}", template.src);
                }
            }
        }
    }

    #[test]
    fn bootstrap_has_the_steps_of_all_three() {
        let library = Library::new(Path::new("/nonexistent"));
        let count = |name: &str| library.load(&[name.to_owned()]).unwrap().steps.len();
        assert_eq!(count("bootstrap"), count("tls") + count("smtp") + count("proxy"));
    }

    #[test]
    fn two_steps_for_one_place_and_a_command_that_never_runs_are_refused() {
        let file = |id: &str, when: &str| format!("  - id: {id}\n    when: {when}\n    file: {{path: /etc/x, state: absent}}\n");
        let two = |one: &str, other: &str| own(&format!("name: mine\ntitle: t\nsteps:\n{}{}", file("a", one), file("b", other)));
        assert!(matches!(two("{}", "{}"), Err(LoadError::TwoForOnePlace { .. })));
        assert!(matches!(two("{role: node}", "{proxy: none}"), Err(LoadError::TwoForOnePlace { .. })));
        assert!(two("{proxy: none}", "{proxy: explicit}").is_ok());
        let idle = own("name: mine\ntitle: t\nsteps:\n  - id: a\n    command: {run: ls}\n").unwrap_err();
        assert!(idle.to_string().contains("would never run"), "{idle}");
    }

    #[test]
    fn a_misspelt_playbook_gets_a_suggestion() {
        let error = Library::new(Path::new("/nonexistent")).load(&["bootsrap".to_owned()]).unwrap_err();
        assert!(error.help().unwrap().starts_with("did you mean `bootstrap`?"));
    }

    #[test]
    fn a_wrong_step_is_named_with_its_line() {
        let error = own("name: mine\ntitle: t\nsteps:\n  - id: a\n    file: {path: relative, state: absent}\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("mine.yaml:4:5: step `a` has the path `relative`"), "{text}");
    }

    #[test]
    fn a_step_of_two_kinds_and_a_tab_are_refused() {
        let two = own("name: mine\ntitle: t\nsteps:\n  - id: a\n    wait: {until: 'true'}\n    command: {run: ls}\n").unwrap_err();
        assert!(two.to_string().contains("has 2 kinds"), "{two}");
        assert!(matches!(own("name: mine\n\ttitle: t\n"), Err(LoadError::Invalid { .. })));
        assert!(matches!(own("name: mine\ntitle: t\nincludes: [mine]\n"), Err(LoadError::Loop { .. })));
    }
}
