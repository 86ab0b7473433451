//! The place one comes back to: how the nodes stand, what happened last, what to do next.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::text::{Look, Tone, counted, escape, write_table};

/// Whether a node differs from the site file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// It could not be looked at.
    Unknown,
    /// It is as it should be.
    None,
    /// So many things differ.
    Changes(usize),
}

/// How one node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub node: String,
    /// What it is: `node`, `arbiter`, `connector`.
    pub role: String,
    /// Whether it differs.
    pub drift: Drift,
    /// Days until its certificate ends; below 0: it has ended; `None`: none seen.
    pub certificate_days: Option<i64>,
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
    /// Windows that are open now.
    pub windows: Vec<OpenWindow>,
    /// What to do next, each in a line.
    pub next: Vec<String>,
}

/// Days before the end from which a certificate is worth a colour.
const SOON: i64 = 30;

/// Writes the status.
pub fn write_status(out: &mut dyn Write, status: &SiteStatus, look: &Look) -> io::Result<()> {
    let title = format!("{} ({})", escape(&status.site), escape(&status.environment));
    writeln!(out, "{}", look.paint(Tone::Strong, &title))?;
    match &status.last_run {
        Some(LastRun { run, at, by, outcome }) => {
            writeln!(out, "last run: {} {} at {at:.0} by {}", escape(run), escape(outcome), escape(by))?;
        }
        None => writeln!(out, "last run: none")?,
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
    write_table(out, &["NODE", "ROLE", "DRIFT", "CERTIFICATE", ""], &rows, look)?;
    if !status.next.is_empty() {
        writeln!(out, "\nnext:")?;
    }
    status.next.iter().try_for_each(|line| writeln!(out, "  {}", escape(line)))?;
    out.flush()
}

fn row(node: &NodeStatus, look: &Look) -> Vec<String> {
    let drift = match node.drift {
        Drift::Unknown => look.paint(Tone::Bad, "unknown"),
        Drift::None => look.paint(Tone::Good, "none"),
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
    vec![escape(&node.node).into_owned(), escape(&node.role).into_owned(), drift, certificate, escape(detail).into_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: &str, drift: Drift, certificate_days: Option<i64>, detail: Option<&str>) -> NodeStatus {
        NodeStatus { node: node.into(), role: "node".into(), drift, certificate_days, detail: detail.map(str::to_owned) }
    }

    #[test]
    fn a_site_on_one_screen() {
        let at: Timestamp = "2026-11-22T12:00:00.5Z".parse().unwrap();
        let status = SiteStatus {
            site: "north".into(),
            environment: "production".into(),
            nodes: vec![
                node("a0-1", Drift::None, Some(90), None),
                node("a0-10", Drift::Changes(1), Some(1), Some("drifted since yesterday")),
                node("a0-2", Drift::Unknown, None, Some("connection refused\u{1b}[2J")),
                node("a0-3", Drift::Changes(12), Some(-1), None),
            ],
            last_run: Some(LastRun { run: "r7".into(), at, by: "ada@desk".into(), outcome: "done".into() }),
            windows: vec![OpenWindow { id: "w1".into(), who: "grace".into(), until: at }],
            next: vec!["portcullis apply".into()],
        };
        let mut out = Vec::new();
        write_status(&mut out, &status, &Look { colour: false, width: 60 }).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        north (production)
        last run: r7 done at 2026-11-22T12:00:00Z by ada@desk
        open window: w1 for grace until 2026-11-22T12:00:00Z

        NODE   ROLE  DRIFT       CERTIFICATE
        a0-1   node  none        90 days
        a0-10  node  1 change    1 day        drifted since yesterd…
        a0-2   node  unknown     -            connection refused\u{…
        a0-3   node  12 changes  expired

        next:
          portcullis apply
        ");
    }
}
