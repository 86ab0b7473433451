//! A drill's evidence, as it would be handed to an auditor: text, and one HTML file that needs nothing beside itself.

use std::fmt::Write as _;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What it was to show was seen.
    Proven,
    /// It was not, or the contrary was.
    NotProven,
}

/// One step of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was rehearsed.
    pub title: String,
    /// Whether it went as it must.
    pub verdict: Verdict,
    /// What was seen, a line each.
    pub seen: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A drill with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// The site.
    pub site: String,
    /// Who held it.
    pub by: String,
    /// When, with the zone.
    pub at: String,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// What `access show` says of each window that it opened.
    pub windows: Vec<String>,
}

impl Drill {
    /// Whether every step was proven.
    pub fn is_proven(&self) -> bool {
        self.steps.iter().all(|step| step.verdict == Verdict::Proven)
    }

    fn summary(&self) -> String {
        let proven = self.steps.iter().filter(|step| step.verdict == Verdict::Proven).count();
        format!("{proven} of {} steps proven", self.steps.len())
    }
}

/// The evidence as text.
pub fn render_text(drill: &Drill) -> String {
    let mut text = format!("Drill of site {}, held by {}\nat {}: {}\n", drill.site, drill.by, drill.at, drill.summary());
    for (number, step) in drill.steps.iter().enumerate() {
        let word = if step.verdict == Verdict::Proven { "proven" } else { "NOT PROVEN" };
        let _infallible = writeln!(text, "\n{}. {}: {word} ({:.1} s)", number + 1, step.title, seconds(step.took_ms));
        for line in &step.seen {
            let _infallible = writeln!(text, "   {line}");
        }
    }
    for window in &drill.windows {
        let _infallible = write!(text, "\n{window}");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a drill lasts minutes")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1c2530;--quiet:#5c6670;--paper:#fff;--card:#f4f6f8;--line:#d5dbe1;--good:#14683c;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--quiet:#9aa5b0;--paper:#12171c;--card:#1b2229;--line:#343e48;--good:#6fd39b;--bad:#ff8a80}}\
*{box-sizing:border-box}body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:52rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.25rem 0 .5rem}p{margin:.25rem 0}.quiet{color:var(--quiet)}\
ol{list-style:none;margin:1.25rem 0;padding:0}li.step{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--good);border-radius:.4rem;padding:.75rem 1rem;margin:0 0 .75rem}\
li.bad{border-left-color:var(--bad)}.head{display:flex;flex-wrap:wrap;gap:.25rem .75rem;justify-content:space-between;font-weight:600}.word{color:var(--good)}.bad .word,.all.bad{color:var(--bad)}\
.name{white-space:nowrap}.all{font-weight:600;color:var(--good)}ul{margin:.35rem 0 0;padding-left:1.1rem;overflow-wrap:anywhere}\
pre{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.75rem 1rem;overflow-x:auto;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
@media print{body{max-width:none}li.step,pre{break-inside:avoid}}";

/// The evidence as one HTML page.
pub fn render_html(drill: &Drill) -> String {
    let title = format!("Drill of site {}", escaped(&drill.site));
    let all = if drill.is_proven() { "all" } else { "all bad" };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p class=\"quiet\">held by {} at {}</p>\n<p class=\"{all}\">{}</p>\n<ol>\n",
        escaped(&drill.by),
        escaped(&drill.at),
        drill.summary()
    );
    for (number, step) in drill.steps.iter().enumerate() {
        let (class, word) = if step.verdict == Verdict::Proven { ("step", "proven") } else { ("step bad", "not proven") };
        let seen: String = step.seen.iter().map(|line| format!("<li>{}</li>", unbroken(line))).collect::<Vec<_>>().concat();
        let _infallible = writeln!(
            page,
            "<li class=\"{class}\"><div class=\"head\"><span>{}. {}</span><span><span class=\"word\">{word}</span> <span class=\"quiet\">{:.1} s</span></span></div><ul>{seen}</ul></li>",
            number + 1,
            escaped(&step.title),
            seconds(step.took_ms)
        );
    }
    page.push_str("</ol>\n<h2>The windows, as the ledger has them</h2>\n");
    for window in &drill.windows {
        let _infallible = writeln!(page, "<pre>{}</pre>", escaped(window));
    }
    page.push_str("</body></html>\n");
    page
}

/// A line whose names and moments are not broken at their hyphens.
fn unbroken(line: &str) -> String {
    let is_name = |word: &str| word.contains('-') && word.len() <= 32;
    let word = |word: &str| if is_name(word) { format!("<span class=\"name\">{}</span>", escaped(word)) } else { escaped(word) };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(verdict: Verdict) -> Drill {
        let step = Step { title: "Open".to_owned(), verdict, seen: vec!["<script>alert(1)</script> & so".to_owned()], took_ms: 1_250 };
        Drill {
            site: "a<b".to_owned(),
            by: "me".to_owned(),
            at: "now".to_owned(),
            steps: vec![step],
            windows: vec!["window w: closed\n".to_owned()],
        }
    }

    #[test]
    fn what_was_seen_is_shown_and_never_taken_for_markup() {
        let page = render_html(&drill(Verdict::Proven));
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; so") && page.contains("<h1>Drill of site a&lt;b</h1>"),
            "{page}"
        );
        assert!(!page.contains("<script") && !page.contains("http"), "the page needs nothing beside itself");
    }

    #[test]
    fn names_stay_in_one_piece() {
        assert_eq!(unbroken("on a0-1, so"), "on <span class=\"name\">a0-1,</span> so");
        assert_eq!(unbroken("<a-b>"), "<span class=\"name\">&lt;a-b&gt;</span>");
    }

    #[test]
    fn one_step_that_is_not_proven_shows() {
        let text = render_text(&drill(Verdict::NotProven));
        assert!(text.contains("0 of 1 steps proven") && text.contains("1. Open: NOT PROVEN (1.2 s)"), "{text}");
        assert!(!drill(Verdict::NotProven).is_proven());
    }
}
