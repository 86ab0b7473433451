//! What a step may say, beyond its shape: paths, modes, owners, and how steps fit together.

use crate::playbook::model::{CommandStep, FileStep, Kind, PfxStep, Presence, ServiceState, ServiceStep, Step, TemplateStep, TrustStep};
use crate::site::file::shape::nearest;

/// What is wrong with a step, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The way to the value: keys, and places in lists.
    pub(super) at: Vec<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
    /// Whether it follows from something that is missing: noise, where a fault of the step's shape was told.
    pub(super) is_of_whole: bool,
}

impl Complaint {
    pub(super) fn new(at: &[&str], message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at: at.iter().map(|part| (*part).to_owned()).collect(), message: message.into(), help: help.into(), is_of_whole: false }
    }

    fn of_whole(self) -> Self {
        Self { is_of_whole: true, ..self }
    }
}

/// Whether it can be an id: letters, digits, dashes.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// All that is wrong with a step by itself.
pub(super) fn complaints(step: &Step, templates: &[String]) -> Vec<Complaint> {
    let found = match &step.kind {
        Kind::Template(template) => of_template(template, templates),
        Kind::File(file) => of_file(file),
        Kind::Pfx(pfx) => of_pfx(pfx),
        Kind::Trust(trust) => of_trust(trust),
        Kind::Service(service) => of_service(service),
        Kind::Command(command) => of_command(command, step.guard.is_some()),
        Kind::Wait(wait) => vec![line(&["wait", "until"], &wait.until)],
    };
    found.into_iter().flatten().collect()
}

fn of_template(step: &TemplateStep, templates: &[String]) -> Vec<Option<Complaint>> {
    vec![
        missing_template(&step.src, templates)
            .map(|help| Complaint::new(&["template", "src"], format!("names the template `{}`, which is not there", step.src), help)),
        path(&["template", "dest"], &step.dest),
        mode(&["template", "mode"], &step.mode, step.secret),
        owner(&["template", "owner"], &step.owner),
    ]
}

fn of_file(file: &FileStep) -> Vec<Option<Complaint>> {
    let has_content = file.src.is_some() || file.content.is_some();
    let mut found = vec![path(&["file", "path"], &file.path)];
    found.extend(file.mode.iter().map(|text| mode(&["file", "mode"], text, file.secret)));
    found.extend(file.owner.iter().map(|text| owner(&["file", "owner"], text)));
    if file.src.is_some() && file.content.is_some() {
        found.push(Some(Complaint::new(&["file", "content"], "has both `src` and `content`", "keep the one that is meant")));
    }
    if has_content && file.state != Presence::Present {
        let key = if file.src.is_some() { "src" } else { "content" };
        let state = if file.state == Presence::Absent { "absent" } else { "folder" };
        let message = format!("has a `{key}`, and `state: {state}`");
        found.push(Some(Complaint::new(&["file", "state"], message, "take one of the two out")));
    }
    if file.is_attributes_only() && file.mode.is_none() && file.owner.is_none() {
        let help = "give `src` (a local file), `content`, or `mode` and `owner` alone; or say `state: absent` or `state: folder`";
        found.push(Some(Complaint::new(&["file", "path"], "says nothing that is desired of the file", help).of_whole()));
    }
    if file.state == Presence::Absent && (file.mode.is_some() || file.owner.is_some()) {
        found.push(Some(Complaint::new(&["file", "state"], "has a mode or an owner, and `state: absent`", "take one of the two out")));
    }
    if file.src.as_deref() == Some("") {
        found.push(Some(Complaint::new(&["file", "src"], "has an empty `src`", "name the local file, from the site's folder")));
    }
    if file.secret && file.mode.is_none() && has_content {
        found.push(mode(&["file", "secret"], "0644", true));
    }
    found
}

fn of_pfx(pfx: &PfxStep) -> Vec<Option<Complaint>> {
    vec![path(&["pfx", "dest"], &pfx.dest), mode(&["pfx", "mode"], &pfx.mode, true), owner(&["pfx", "owner"], &pfx.owner)]
}

fn of_trust(trust: &TrustStep) -> Vec<Option<Complaint>> {
    let is_sound = is_name(&trust.name);
    vec![
        (!is_sound).then(|| Complaint::new(&["trust", "name"], format!("has the name `{}`", trust.name), "use letters, digits and dashes")),
        (trust.files.as_deref() == Some(&[])).then(|| {
            Complaint::new(
                &["trust", "files"],
                "trusts no files",
                "name the CA certificates' files, or leave `files` out for those of the proxy",
            )
        }),
    ]
}

fn of_service(service: &ServiceStep) -> Vec<Option<Complaint>> {
    let is_unit =
        |name: &str| !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c));
    let mut found = vec![
        (!is_unit(&service.name)).then(|| {
            Complaint::new(
                &["service", "name"],
                format!("has the unit `{}`", service.name),
                "give the systemd unit's name, such as `nginx`",
            )
        }),
        line(&["service", "validate"], service.validate.as_deref().unwrap_or_default()),
    ];
    if service.state == ServiceState::Stopped && (service.validate.is_some() || !service.listens.is_empty()) {
        let help = "take `validate` and `listens` out, or let it run";
        found.push(Some(Complaint::new(&["service", "state"], "is to be stopped, and proven to run", help)));
    }
    found
}

fn of_command(command: &CommandStep, is_guarded: bool) -> Vec<Option<Complaint>> {
    let has_condition = command.creates.is_some() || command.unless.is_some();
    let is_undone_twice = command.undo.is_some() && command.again_on_undo == Some(true);
    vec![
        line(&["command", "run"], &command.run),
        command.undo.as_deref().and_then(|text| line(&["command", "undo"], text)),
        // Without a condition it is run again; this one would not be, and what it did would stay.
        (is_guarded && has_condition && command.undo.is_none() && command.again_on_undo.is_none()).then(|| {
            let help = "give `undo` with the command that does, or `again_on_undo: true` where running it again does";
            Complaint::new(&["command", "run"], "is guarded, and nothing says how its command is taken back", help)
        }),
        is_undone_twice.then(|| Complaint::new(&["command", "undo"], "has both `undo` and `again_on_undo`", "keep the one that is meant")),
        command.creates.as_deref().and_then(|text| path(&["command", "creates"], text)),
        command.unless.as_deref().and_then(|text| line(&["command", "unless"], text)),
    ]
}

/// What to do about a template that is not there; `None` where it is.
pub(super) fn missing_template(name: &str, known: &[String]) -> Option<String> {
    if known.iter().any(|own| own == name) {
        return None;
    }
    // A name without its folder is a usual mistake, and far from the whole by its letters.
    let by_file = known.iter().map(String::as_str).find(|own| own.rsplit('/').next() == Some(name));
    let near = by_file.or_else(|| nearest(name, known.iter().map(String::as_str)));
    Some(
        near.map_or_else(|| "a site's own stand in `templates/` beside its site file".to_owned(), |near| format!("did you mean `{near}`?")),
    )
}

// The journal on the node keeps one thing a line.
fn line(at: &[&str], text: &str) -> Option<Complaint> {
    let has_more = text.trim_end_matches('\n').chars().any(char::is_control);
    let key = at.last().copied().unwrap_or_default();
    if has_more || text.ends_with('\n') {
        let help = "join commands with `&&` or `;`, or put them into a script of their own";
        return Some(Complaint::new(at, format!("has a `{key}` of more than one line, or with tabs"), help));
    }
    let is_empty = text.trim().is_empty() && key != "validate";
    is_empty.then(|| Complaint::new(at, format!("has an empty `{key}`"), "give the command"))
}

fn path(at: &[&str], text: &str) -> Option<Complaint> {
    if text.chars().any(char::is_control) {
        return Some(Complaint::new(at, "has a path with tabs, line breaks or other control characters", "use another name"));
    }
    let is_clean = text.starts_with('/') && !text.ends_with('/') && !text.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
    (!is_clean).then(|| {
        let help = "it has to be absolute, without `.`, `..`, empty parts or a slash at its end";
        Complaint::new(at, format!("has the path `{text}`"), help)
    })
}

fn mode(at: &[&str], text: &str, is_secret: bool) -> Option<Complaint> {
    let is_octal = (3..=4).contains(&text.len()) && text.chars().all(|digit| ('0'..='7').contains(&digit));
    if !is_octal {
        return Some(Complaint::new(at, format!("has the mode `{text}`"), "it has to be octal digits in quotes, such as \"0644\""));
    }
    (is_secret && !text.ends_with('0'))
        .then(|| Complaint::new(at, format!("holds a secret, and its mode {text} lets everybody read it"), "use \"0600\" or \"0640\""))
}

fn owner(at: &[&str], text: &str) -> Option<Complaint> {
    let is_plain =
        |part: &str| !part.is_empty() && !part.starts_with('-') && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let is_sound = text.split_once(':').is_some_and(|(user, group)| is_plain(user) && is_plain(group));
    (!is_sound).then(|| Complaint::new(at, format!("has the owner `{text}`"), "it has to be `user:group`"))
}

/// Another step of the same playbook that wants something else of the same place.
pub(super) fn place_among(step: &Step, earlier: &[Step]) -> Option<Complaint> {
    let rival = step.rival(earlier)?;
    let key = if matches!(step.kind, Kind::File(_)) { "path" } else { "dest" };
    let message = format!("says what {} is to be, as step `{}` does", step.place()?, rival.id);
    Some(Complaint::new(&[step.kind.word(), key], message, "leave one of them out, or give them a `when` under which only one counts"))
}

/// A command without a guard runs when something before it changed: where nothing can, it never would.
pub(super) fn never_runs(step: &Step, earlier: &[Step]) -> Option<Complaint> {
    let may_change = |kind: &Kind| matches!(kind, Kind::Template(_) | Kind::File(_) | Kind::Pfx(_) | Kind::Trust(_));
    let is_touched = earlier.iter().any(|other| may_change(&other.kind));
    let (key, help) = match &step.kind {
        Kind::Command(command) if command.creates.is_none() && command.unless.is_none() => {
            ("run", "it needs `creates` or `unless`, or a step before it that changes a file")
        }
        Kind::Wait(_) => ("until", "it needs a step before it that changes a file"),
        Kind::Template(_) | Kind::File(_) | Kind::Pfx(_) | Kind::Trust(_) | Kind::Service(_) | Kind::Command(_) => return None,
    };
    (!is_touched).then(|| Complaint::new(&[step.kind.word(), key], "would never run", help))
}
