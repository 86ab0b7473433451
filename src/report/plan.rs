//! What would change, node by node, as unified diffs; what is the same on several nodes is shown once.
//!
//! The diffs come with their secrets masked already: nothing here knows what is secret.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::text::{Look, Tone, counted, escape, escape_lines};

/// What a change does to its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A file that was not there.
    Created,
    /// A file whose content, owner or mode differs.
    Modified,
    /// A file that goes away.
    Removed,
    /// A folder that is made, or whose owner or mode differs.
    Folder,
    /// A service that is reloaded, restarted, enabled or stopped.
    Service,
    /// A guarded command that would run.
    Command,
}

impl ChangeKind {
    fn mark(self) -> (&'static str, Tone) {
        match self {
            Self::Created | Self::Folder => ("+", Tone::Good),
            Self::Modified => ("~", Tone::Warning),
            Self::Removed => ("-", Tone::Bad),
            Self::Service => ("\u{21bb}", Tone::Mark),
            Self::Command => ("$", Tone::Mark),
        }
    }

    fn count(self, number: usize) -> String {
        match self {
            Self::Created => format!("{} created", counted(number, "file")),
            Self::Modified => format!("{} modified", counted(number, "file")),
            Self::Removed => format!("{} removed", counted(number, "file")),
            Self::Folder => format!("{} made right", counted(number, "folder")),
            Self::Service => format!("{} acted on", counted(number, "service")),
            Self::Command => format!("{} run", counted(number, "command")),
        }
    }
}

/// One thing that would change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Change {
    /// The step's id.
    pub step: String,
    /// What changes: a path, a service, a command's label.
    pub subject: String,
    /// How.
    pub kind: ChangeKind,
    /// A unified diff, secrets masked; `None` where there is no text to show.
    pub diff: Option<String>,
    /// One line more, such as `reload` or `mode 644 → 600`.
    pub note: Option<String>,
}

/// What would change on one node; no changes: it is as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeDiff {
    /// The node.
    pub node: String,
    /// In the order in which they would happen.
    pub changes: Vec<Change>,
}

/// Writes the plan: each change once with the nodes it is for, then a line for all.
pub fn write_plan(out: &mut dyn Write, nodes: &[NodeDiff], look: &Look) -> io::Result<()> {
    for (change, names) in grouped(nodes) {
        write_change(out, change, &names, look)?;
    }
    let same: Vec<_> = nodes.iter().filter(|node| node.changes.is_empty()).map(|node| escape(&node.node)).collect();
    if !same.is_empty() {
        writeln!(out, "{} {}", look.paint(Tone::Good, "as it should be:"), same.join(", "))?;
    }
    writeln!(out, "{}", summarize(nodes))?;
    out.flush()
}

/// Changes in the order of their first appearance, each with its nodes.
fn grouped(nodes: &[NodeDiff]) -> Vec<(&Change, Vec<&str>)> {
    let mut groups: Vec<(&Change, Vec<&str>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for node in nodes {
        for change in &node.changes {
            let place = *places.entry(change).or_insert_with(|| {
                groups.push((change, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, names)) = groups.get_mut(place) {
                names.push(&node.node);
            }
        }
    }
    groups
}

fn write_change(out: &mut dyn Write, change: &Change, nodes: &[&str], look: &Look) -> io::Result<()> {
    let (mark, tone) = change.kind.mark();
    let subject = look.paint(Tone::Strong, &escape(&change.subject));
    write!(out, "{} {subject}", look.paint(tone, mark))?;
    if let Some(note) = &change.note {
        write!(out, " ({})", escape(note))?;
    }
    let names: Vec<_> = nodes.iter().map(|name| escape(name)).collect();
    writeln!(out, "  {} {}", look.paint(Tone::Quiet, &format!("[{}] on", escape(&change.step))), names.join(", "))?;
    if let Some(diff) = &change.diff {
        escape_lines(diff).lines().try_for_each(|line| writeln!(out, "    {}", paint_diff(line, look)))?;
        writeln!(out)?;
    }
    Ok(())
}

fn paint_diff(line: &str, look: &Look) -> String {
    let tone = match line.as_bytes() {
        [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => Tone::Strong,
        [b'+', ..] => Tone::Good,
        [b'-', ..] => Tone::Bad,
        [b'@', b'@', ..] => Tone::Mark,
        _ => return line.to_owned(),
    };
    look.paint(tone, line)
}

/// One line: how many nodes would change, and what.
pub fn summarize(nodes: &[NodeDiff]) -> String {
    let changing = nodes.iter().filter(|node| !node.changes.is_empty()).count();
    if changing == 0 {
        return match nodes.len() {
            1 => "No changes: the node is as it should be.".to_owned(),
            number => format!("No changes: {number} nodes are as they should be."),
        };
    }
    let mut counts = BTreeMap::new();
    for change in nodes.iter().flat_map(|node| &node.changes) {
        *counts.entry(change.kind).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(kind, number): (ChangeKind, usize)| kind.count(number)).collect();
    format!("{changing} of {} would change: {}.", counted(nodes.len(), "node"), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(subject: &str, kind: ChangeKind, diff: Option<&str>) -> Change {
        Change { step: "nginx".into(), subject: subject.into(), kind, diff: diff.map(str::to_owned), note: None }
    }

    fn nodes() -> Vec<NodeDiff> {
        let diff = "--- /etc/nginx/nginx.conf\n+++ /etc/nginx/nginx.conf\n@@ -1 +1 @@\n-listen 80;\n+listen 443 ssl; \u{1b}[2J\n";
        let same = change("/etc/nginx/nginx.conf", ChangeKind::Modified, Some(diff));
        let reload = Change { note: Some("reload".into()), ..change("nginx", ChangeKind::Service, None) };
        vec![
            NodeDiff { node: "a0-1".into(), changes: vec![same.clone(), reload.clone()] },
            NodeDiff { node: "a0-2".into(), changes: vec![same, change("/etc/own", ChangeKind::Created, None), reload] },
            NodeDiff { node: "a0-3".into(), changes: Vec::new() },
        ]
    }

    fn written(nodes: &[NodeDiff], look: &Look) -> String {
        let mut out = Vec::new();
        write_plan(&mut out, nodes, look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_the_same_on_several_nodes_is_shown_once() {
        insta::assert_snapshot!(written(&nodes(), &Look::plain()), @r"
        ~ /etc/nginx/nginx.conf  [nginx] on a0-1, a0-2
            --- /etc/nginx/nginx.conf
            +++ /etc/nginx/nginx.conf
            @@ -1 +1 @@
            -listen 80;
            +listen 443 ssl; \u{1b}[2J

        ↻ nginx (reload)  [nginx] on a0-1, a0-2
        + /etc/own  [nginx] on a0-2
        as it should be: a0-3
        2 of 3 nodes would change: 1 file created, 2 files modified, 2 services acted on.
        ");
    }

    #[test]
    fn added_and_removed_lines_have_their_colours() {
        let text = written(&nodes(), &Look { colour: true, width: 80 });
        assert!(text.contains("    \u{1b}[32m+listen 443 ssl; \\u{1b}[2J\u{1b}[0m\n"), "{text:?}");
        assert!(text.contains("    \u{1b}[31m\u{1b}[1m-listen 80;\u{1b}[0m\n"), "{text:?}");
        assert!(text.contains("    \u{1b}[1m+++ /etc/nginx/nginx.conf\u{1b}[0m\n"), "{text:?}");
    }

    #[test]
    fn an_empty_plan_says_so() {
        let none = [NodeDiff { node: "a0-1".into(), changes: Vec::new() }, NodeDiff { node: "a0-2".into(), changes: Vec::new() }];
        assert_eq!(written(&none, &Look::plain()), "as it should be: a0-1, a0-2\nNo changes: 2 nodes are as they should be.\n");
        assert_eq!(summarize(&none[..1]), "No changes: the node is as it should be.");
    }
}
