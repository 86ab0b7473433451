//! The place one comes back to: how the nodes stand, what happened last, what to do next.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::text::{Look, Tone, counted, escape, write_rows_with_detail, write_table};
use crate::node::began;

/// Whether a node differs from the site file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// It could not be looked at.
    #[default]
    Unknown,
    /// It is as it should be.
    None,
    /// So many things differ.
    Changes(usize),
    /// No run has put anything there with which it could be compared.
    Unmanaged,
}

/// Where a certificate was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// In a handshake, as users meet it.
    Served,
    /// In its file; nothing serves it.
    Installed,
}

/// A file that runs put on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStatus {
    /// Its path.
    pub path: String,
    /// The run that it came by.
    pub run: String,
    /// When that run began.
    pub at: Option<Timestamp>,
    /// Whether it is no longer as that run left it.
    pub changed_by_hand: bool,
}

/// How one node stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub node: String,
    /// What it is: `node`, `arbiter`, `connector`.
    pub role: String,
    /// Whether it differs.
    pub drift: Drift,
    /// Days until its certificate ends; below 0: it has ended; `None`: none seen.
    pub certificate_days: Option<i64>,
    /// Where that certificate was seen.
    pub certificate_seen: Option<Seen>,
    /// The files that runs put there.
    pub files: Vec<FileStatus>,
    /// The newest run that is in place.
    pub last_run: Option<String>,
    /// A run that was broken off in the midst, and that the next one undoes.
    pub broken_off: Option<String>,
    /// One line more: a version, or why it could not be reached.
    pub detail: Option<String>,
}

/// The newest run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRun {
    /// Its id.
    pub run: String,
    /// When it ended.
    pub at: Timestamp,
    /// Who made it.
    pub by: String,
    /// How it ended, in one word.
    pub outcome: String,
    /// What was learnt of it later, node by node.
    pub settled: Vec<String>,
}

/// A run that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenOff {
    /// Its id.
    pub run: String,
    /// The nodes on which it is not known to be in place.
    pub left: Vec<String>,
    /// The command that takes it up.
    pub command: String,
}

/// An open window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenWindow {
    /// Its id.
    pub id: String,
    /// Who is let in.
    pub who: String,
    /// Until when.
    pub until: Timestamp,
}

/// How a site stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteStatus {
    /// The site's name.
    pub site: String,
    /// `production`, `development` or `qa`.
    pub environment: String,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// The newest run, if there was one.
    pub last_run: Option<LastRun>,
    /// The run that was broken off, if the newest one was.
    pub broken_off: Option<BrokenOff>,
    /// Windows that are open now.
    pub windows: Vec<OpenWindow>,
    /// What to do next, each in a line.
    pub next: Vec<String>,
}

/// Days before the end from which a certificate is worth a colour.
pub const SOON: i64 = 30;

/// Writes the status.
pub fn write_status(out: &mut dyn Write, status: &SiteStatus, with_files: bool, look: &Look) -> io::Result<()> {
    let title = format!("{} ({})", escape(&status.site), escape(&status.environment));
    writeln!(out, "{}", look.paint(Tone::Strong, &title))?;
    match &status.last_run {
        Some(LastRun { run, at, by, outcome, settled }) => {
            let later = if settled.is_empty() { String::new() } else { format!("; learnt later: {}", escape(&settled.join(", "))) };
            writeln!(out, "last run: {} {} at {at:.0} by {}{later}", escape(run), escape(outcome), escape(by))?;
        }
        None => writeln!(out, "last run: none")?,
    }
    if let Some(BrokenOff { run, left, .. }) = &status.broken_off {
        let left = if left.is_empty() { String::new() } else { format!(", left: {}", escape(&left.join(", "))) };
        writeln!(out, "{} {}{left}", look.paint(Tone::Warning, "broken off:"), escape(run))?;
    }
    if status.windows.is_empty() {
        writeln!(out, "open windows: none")?;
    }
    for window in &status.windows {
        let line = format!("{} for {} until {:.0}", escape(&window.id), escape(&window.who), window.until);
        writeln!(out, "{} {line}", look.paint(Tone::Warning, "open window:"))?;
    }
    writeln!(out)?;
    let rows: Vec<_> = status.nodes.iter().map(|node| row(node, look)).collect();
    write_rows_with_detail(out, &["NODE", "ROLE", "DRIFT", "FILES", "BY HAND", "LAST RUN", "CERTIFICATE", ""], &rows, look)?;
    write_files(out, status, with_files, look)?;
    if !status.next.is_empty() {
        writeln!(out, "\nnext:")?;
    }
    status.next.iter().try_for_each(|line| writeln!(out, "  {}", escape(line)))?;
    out.flush()
}

/// The files that were changed by hand, or all, with the run that each came by; what is the same on several nodes once.
fn write_files(out: &mut dyn Write, status: &SiteStatus, with_all: bool, look: &Look) -> io::Result<()> {
    let mut lines: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
    for node in &status.nodes {
        for file in node.files.iter().filter(|file| with_all || file.changed_by_hand) {
            let state = if file.changed_by_hand { "changed by hand" } else { "as it was left" };
            let at = file.at.map_or_else(String::new, |at| format!("{at:.0}"));
            let cells = [&file.path, state, &file.run, &at].map(|cell| escape(cell).into_owned()).to_vec();
            match lines.iter_mut().find(|(known, _)| *known == cells) {
                Some((_, nodes)) => nodes.push(&node.node),
                None => lines.push((cells, vec![&node.node])),
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort();
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(mut cells, nodes)| {
            cells.push(escape(&nodes.join(", ")).into_owned());
            cells
        })
        .collect();
    writeln!(out)?;
    write_table(out, &["FILE", "STATE", "CAME BY RUN", "AT", "NODES"], &rows, look)
}

fn row(node: &NodeStatus, look: &Look) -> Vec<String> {
    let drift = match node.drift {
        Drift::Unknown => look.paint(Tone::Bad, "unknown"),
        Drift::None => look.paint(Tone::Good, "none"),
        Drift::Unmanaged => "-".to_owned(),
        Drift::Changes(number) => look.paint(Tone::Warning, &counted(number, "change")),
    };
    let certificate = match node.certificate_days {
        None => "-".to_owned(),
        Some(days) if days < 0 => look.paint(Tone::Bad, "expired"),
        Some(days) => {
            let text = counted(usize::try_from(days).unwrap_or(0), "day");
            if days < SOON { look.paint(Tone::Warning, &text) } else { text }
        }
    };
    let detail = node.detail.as_deref().unwrap_or_default();
    let by_hand = match node.files.iter().filter(|file| file.changed_by_hand).count() {
        0 => "0".to_owned(),
        number => look.paint(Tone::Warning, &number.to_string()),
    };
    let (files, by_hand) =
        if node.drift == Drift::Unknown { ("-".to_owned(), "-".to_owned()) } else { (node.files.len().to_string(), by_hand) };
    let told = |run: &String| began(run).map_or_else(|| run.clone(), |at| at.strftime("%Y-%m-%d %H:%M").to_string());
    let last_run = node.last_run.as_ref().map_or_else(|| "-".to_owned(), told);
    let [name, role, last_run, detail] = [&node.node, &node.role, &last_run, detail].map(|text| escape(text).into_owned());
    vec![name, role, drift, files, by_hand, last_run, certificate, detail]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: &str, drift: Drift, certificate_days: Option<i64>, detail: Option<&str>) -> NodeStatus {
        let detail = detail.map(str::to_owned);
        NodeStatus { node: node.into(), role: "node".into(), drift, certificate_days, detail, ..NodeStatus::default() }
    }

    fn file(path: &str, changed_by_hand: bool) -> FileStatus {
        FileStatus { path: path.into(), run: "r6".into(), at: None, changed_by_hand }
    }

    fn status() -> SiteStatus {
        let at: Timestamp = "2026-11-22T12:00:00.5Z".parse().unwrap();
        let mut nodes = vec![
            node("a0-1", Drift::None, Some(90), None),
            node("a0-10", Drift::Changes(1), Some(1), Some("drifted since yesterday")),
            node("a0-2", Drift::Unknown, None, Some("connection refused\u{1b}[2J")),
            node("a0-3", Drift::Changes(12), Some(-1), None),
        ];
        nodes[0].last_run = Some("20261122T061530.250Z-3f9a1c".to_owned());
        nodes[0].files = vec![file("/etc/a", false), file("/etc/b", true)];
        nodes[3].files = vec![file("/etc/b", true)];
        let settled = vec!["a0-3 changed".to_owned()];
        SiteStatus {
            site: "north".into(),
            environment: "production".into(),
            nodes,
            last_run: Some(LastRun { run: "r7".into(), at, by: "ada@desk".into(), outcome: "failed".into(), settled }),
            broken_off: Some(BrokenOff { run: "r8".into(), left: vec!["a0-2".into()], command: "portcullis apply".into() }),
            windows: vec![OpenWindow { id: "w1".into(), who: "grace".into(), until: at }],
            next: vec!["portcullis apply".into()],
        }
    }

    #[test]
    fn a_site_on_one_screen() {
        let mut out = Vec::new();
        write_status(&mut out, &status(), false, &Look { colour: false, width: 78 }).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        north (production)
        last run: r7 failed at 2026-11-22T12:00:00Z by ada@desk; learnt later: a0-3 changed
        broken off: r8, left: a0-2
        open window: w1 for grace until 2026-11-22T12:00:00Z

        NODE   ROLE  DRIFT       FILES  BY HAND  LAST RUN          CERTIFICATE
        a0-1   node  none        2      1        2026-11-22 06:15  90 days
        a0-10  node  1 change    0      0        -                 1 day        drift…
        a0-2   node  unknown     -      -        -                 -            conne…
        a0-3   node  12 changes  1      1        -                 expired

        FILE    STATE            CAME BY RUN  AT  NODES
        /etc/b  changed by hand  r6               a0-1, a0-3

        next:
          portcullis apply
        ");
    }

    #[test]
    fn on_a_narrow_terminal_no_figure_of_a_node_is_cut_short() {
        for width in [40, 60] {
            let mut out = Vec::new();
            write_status(&mut out, &status(), false, &Look { colour: false, width }).unwrap();
            let text = String::from_utf8(out).unwrap();
            for figure in ["certificate  90 days", "certificate  expired", "drift        12 changes", "last run     2026-11-22 06:15"] {
                assert!(text.contains(figure), "{width}: {text}");
            }
        }
    }

    #[test]
    fn every_managed_file_is_shown_where_that_is_asked() {
        let mut out = Vec::new();
        write_status(&mut out, &status(), true, &Look::plain()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("/etc/a  as it was left   r6               a0-1\n"), "{text}");
    }
}
