//! What would change, node by node, as unified diffs; what is the same on several nodes is shown once, and so is what
//! differs in the node's own name or address alone.
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
    /// Its address, where it may stand in a diff.
    #[serde(skip)]
    pub address: String,
    /// In the order in which they would happen.
    pub changes: Vec<Change>,
}

/// Writes the plan: each change once with the nodes it is for, then a line for all.
pub fn write_plan(out: &mut dyn Write, nodes: &[NodeDiff], look: &Look) -> io::Result<()> {
    write_groups(out, nodes, &grouped(nodes, own_words_left_out), look)
}

/// The same with every text in full and every node by its name (`-v`).
pub fn write_whole_plan(out: &mut dyn Write, nodes: &[NodeDiff], look: &Look) -> io::Result<()> {
    write_groups(out, nodes, &grouped(nodes, |_, text| text.to_owned()), look)
}

fn write_groups(out: &mut dyn Write, nodes: &[NodeDiff], groups: &[Group<'_>], look: &Look) -> io::Result<()> {
    for group in groups {
        write_change(out, group, nodes.len(), look)?;
    }
    let same: Vec<_> = nodes.iter().filter(|node| node.changes.is_empty()).map(|node| escape(&node.node)).collect();
    if !same.is_empty() {
        let head = "as it should be:";
        writeln!(out, "{} {}", look.paint(Tone::Good, head), listed(&same, head.len() + 1, look.width))?;
    }
    writeln!(out, "{}", summarize(nodes))?;
    out.flush()
}

/// A change with the nodes it is for.
struct Group<'a> {
    /// As it is on the first of them.
    change: &'a Change,
    nodes: Vec<&'a str>,
    /// Whether it is the same on all of them to the byte.
    is_exact: bool,
}

/// Changes in the order of their first appearance; those are one of which `neutral` makes the same.
fn grouped(nodes: &[NodeDiff], neutral: impl Fn(&NodeDiff, &str) -> String) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for node in nodes {
        for change in &node.changes {
            let diff = change.diff.as_deref().map(|diff| neutral(node, diff));
            let key = Change { subject: neutral(node, &change.subject), diff, ..change.clone() };
            let place = *places.entry(key).or_insert_with(|| {
                groups.push(Group { change, nodes: Vec::new(), is_exact: true });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(place) {
                group.nodes.push(&node.node);
                group.is_exact &= group.change == change;
            }
        }
    }
    groups
}

/// The text with the node's own name and address taken for any node's.
fn own_words_left_out(node: &NodeDiff, text: &str) -> String {
    let mut text = text.to_owned();
    for own in [&node.node, &node.address].into_iter().filter(|own| !own.is_empty()) {
        text = without_word(&text, own);
    }
    text
}

// `a0-1` is no part of `a0-10`, nor of `data0-1`.
fn without_word(text: &str, word: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_word)) = rest.find(word).and_then(|at| rest.split_at_checked(at)) {
        let (found, behind) = from_word.split_at_checked(word.len()).unwrap_or((from_word, ""));
        out.push_str(before);
        let is_whole = !out.ends_with(is_part) && !behind.starts_with(is_part);
        out.push_str(if is_whole { "\0" } else { found });
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn write_change(out: &mut dyn Write, group: &Group<'_>, of: usize, look: &Look) -> io::Result<()> {
    let Group { change, nodes, is_exact } = group;
    let (mark, tone) = change.kind.mark();
    let subject = escape(&change.subject);
    let note = change.note.as_ref().map(|note| format!(" ({})", escape(note))).unwrap_or_default();
    let place = format!("[{}] on", escape(&change.step));
    let names: Vec<_> = nodes.iter().map(|name| escape(name)).collect();
    let used = console::measure_text_width(&format!("{mark} {subject}{note}  {place} "));
    let whom = if names.len() == of && of > 3 { format!("all {of} nodes") } else { listed(&names, used, look.width) };
    let (mark, subject, place) = (look.paint(tone, mark), look.paint(Tone::Strong, &subject), look.paint(Tone::Quiet, &place));
    writeln!(out, "{mark} {subject}{note}  {place} {whom}")?;
    if !is_exact {
        let first = names.first().map_or("", |name| name.as_ref());
        let note = format!("    as on {first}; the others differ in their own name or address alone (-v shows each)");
        writeln!(out, "{}", look.paint(Tone::Quiet, &note))?;
    }
    if let Some(diff) = &change.diff {
        escape_lines(diff).lines().try_for_each(|line| writeln!(out, "    {}", paint_diff(line, look)))?;
        writeln!(out)?;
    }
    Ok(())
}

/// Names joined by commas, in lines that fit; the first line has `used` columns already.
fn listed(names: &[impl AsRef<str>], used: usize, width: usize) -> String {
    let mut text = String::new();
    let mut column = used;
    for (place, name) in names.iter().map(AsRef::as_ref).enumerate() {
        let wide = console::measure_text_width(name);
        if place > 0 {
            // The comma behind it has to fit as well.
            let fits = column.saturating_add(wide + 3) <= width;
            text.push_str(if fits { ", " } else { ",\n    " });
            column = if fits { column + 2 } else { 4 };
        }
        text.push_str(name);
        column = column.saturating_add(wide);
    }
    text
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
            NodeDiff { node: "a0-1".into(), address: "10.0.0.1".into(), changes: vec![same.clone(), reload.clone()] },
            NodeDiff {
                node: "a0-2".into(),
                address: "10.0.0.2".into(),
                changes: vec![same, change("/etc/own", ChangeKind::Created, None), reload],
            },
            NodeDiff { node: "a0-3".into(), address: "10.0.0.3".into(), changes: Vec::new() },
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
    fn what_differs_in_the_nodes_own_name_is_shown_once_and_in_full_when_asked() {
        let one = |number: usize| {
            let diff = format!("+myhostname = a0-{number}.shop.example\n+peers = a0-1 a0-10\n+bind 10.0.0.{number}:25\n");
            let change = change("/etc/postfix/main.cf", ChangeKind::Modified, Some(&diff));
            NodeDiff { node: format!("a0-{number}"), address: format!("10.0.0.{number}"), changes: vec![change] }
        };
        let nodes: Vec<NodeDiff> = (2..=9).map(one).collect();
        let text = written(&nodes, &Look { colour: false, width: 80 });
        assert_eq!(text.matches("myhostname").count(), 1, "{text}");
        assert!(text.starts_with("~ /etc/postfix/main.cf  [nginx] on all 8 nodes\n    as on a0-2; the others"), "{text}");
        let mut whole = Vec::new();
        write_whole_plan(&mut whole, &nodes, &Look::plain()).unwrap();
        assert_eq!(String::from_utf8(whole).unwrap().matches("myhostname").count(), 8);
        // What names another node is another text.
        assert_eq!(grouped(&[one(1), one(2)], own_words_left_out).len(), 2);
    }

    #[test]
    fn long_lists_of_nodes_fit_the_terminal() {
        let names: Vec<String> = (1..=30).map(|number| format!("node-{number}")).collect();
        let text = listed(&names, 40, 80);
        assert!(text.lines().skip(1).all(|line| line.chars().count() <= 80) && text.lines().count() > 2, "{text}");
        assert_eq!(text.replace(",\n    ", ", "), names.join(", "));
        assert_eq!(listed(&names, 40, usize::MAX), names.join(", "));
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
        let none = [
            NodeDiff { node: "a0-1".into(), address: "10.0.0.1".into(), changes: Vec::new() },
            NodeDiff { node: "a0-2".into(), address: "10.0.0.2".into(), changes: Vec::new() },
        ];
        assert_eq!(written(&none, &Look::plain()), "as it should be: a0-1, a0-2\nNo changes: 2 nodes are as they should be.\n");
        assert_eq!(summarize(&none[..1]), "No changes: the node is as it should be.");
    }
}
