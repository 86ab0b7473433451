//! What a probe told of a machine, as a document: no file's content is in it.

use serde_json::{Value, json};

use crate::node::{Facts, FileFact};

/// The facts of a machine.
pub fn facts_json(facts: &Facts) -> Value {
    let disks = facts.disks.iter().map(|disk| json!({"mount": disk.mount, "total_kib": disk.total_kib, "free_kib": disk.free_kib}));
    let services =
        facts.services.iter().map(|(name, service)| (name.clone(), json!({"active": service.active, "enabled": service.enabled})));
    let files = facts.files.iter().map(|(path, file)| (path.clone(), file_json(file)));
    let runs = facts.runs.iter().map(|run| json!({"id": run.id, "state": run.state}));
    json!({
        "machine": facts.machine,
        "os": facts.os.as_ref().map(|(id, version)| format!("{id} {version}")),
        "disks": disks.collect::<Vec<_>>(),
        "services": services.collect::<serde_json::Map<_, _>>(),
        "files": files.collect::<serde_json::Map<_, _>>(),
        "runs": runs.collect::<Vec<_>>(),
        "locked_by": facts.lock.as_ref().map(ToString::to_string),
        "seen": facts.seen.iter().map(|(key, what)| format!("{key} {what}")).collect::<Vec<_>>(),
    })
}

fn file_json(file: &FileFact) -> Value {
    match file {
        FileFact::Absent => json!("absent"),
        FileFact::File { mode, owner, size, .. } => json!({"mode": mode, "owner": owner, "size": size}),
        FileFact::Link => json!("a symbolic link"),
        FileFact::BehindLink { link, .. } => json!(format!("behind the symbolic link {link}")),
        FileFact::Other(kind) => json!(kind),
        FileFact::Failed(why) => json!(format!("could not be looked at: {why}")),
    }
}
