//! The list of all checks, and the reference page in Markdown, both made from the catalogue.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{place, severity_word};
use crate::checks::catalogue::{REQUIREMENTS, Standing, all};
use crate::checks::services::proxy::PROGRAMS;
use crate::checks::{CheckSpec, Moment, Team};
use crate::report::Look;
use crate::report::text::write_table;

const HEAD: &str = "# Checks

`portcullis check` looks at every requirement before anything is touched, `portcullis verify` at what users meet once the
appliance runs. Each check has a stable id, by which it is run alone (`--only cert,smtp.login`: an id, or the beginning of
several), passed over by hand (`--skip`), or waived in the site file:

```yaml
waivers:
  - {check: node.ram, reason: memory is on its way, until: 2026-12-31}
  - {check: cluster.ports, machine: a0-3, reason: the rule is ordered (CHG-1), until: 2026-12-01}
```

What is waived is run all the same: its findings are shown with their reason, recorded in the ledger, and do not count. A
waiver that has ended counts no more and is a finding itself (`check.waiver`). A check that cannot be run says why, and is
never green. Figures stand in the profile, and a site overrides each of them under `profile_overrides`.

This page is made from the program's catalogue by `make reference`; `portcullis check --list --output json` is the same for
programs.
";

/// Writes the list of all checks.
pub fn write_list(out: &mut dyn Write, checks: &[&CheckSpec], look: &Look) -> io::Result<()> {
    let row = |spec: &&CheckSpec| {
        let texts = [spec.id, severity_word(spec.severity), place(spec.vantage), command(spec.moment), short_name(spec.team), spec.title];
        texts.map(str::to_owned).to_vec()
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    write_table(out, &["check", "severity", "from", "by", "ask", "met when"], &rows, look)
}

fn command(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "check",
        Moment::After => "verify",
        Moment::Always => "both",
    }
}

/// A team in a word or two.
pub fn short_name(team: Team) -> &'static str {
    let name = team.name();
    let name = name.strip_prefix("the ").unwrap_or(name);
    name.strip_suffix(" team").unwrap_or(if team == Team::Operator { "you" } else { name })
}

fn subject_of(spec: &CheckSpec) -> &'static str {
    spec.id.split('.').next().unwrap_or_default()
}

/// The reference page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut subjects: Vec<&str> = Vec::new();
    for spec in all() {
        let own = subject_of(spec);
        if !subjects.contains(&own) {
            subjects.push(own);
        }
    }
    for subject in subjects {
        let _infallible =
            write!(page, "\n## {subject}\n\n| check | met when | severity | from | by | requirement | ask | what mends it |\n");
        page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for spec in all().into_iter().filter(|spec| subject_of(spec) == subject) {
            let texts = [
                spec.title,
                severity_word(spec.severity),
                place(spec.vantage),
                command(spec.moment),
                spec.source,
                short_name(spec.team),
                spec.fix,
            ];
            let cells = texts.map(|cell| cell.replace('|', "\\|"));
            let _infallible = writeln!(page, "| `{}` | {} |", spec.id, cells.join(" | "));
        }
    }
    programs(&mut page);
    requirements(&mut page);
    page
}

fn programs(page: &mut String) {
    page.push_str(
        "\n## Who reads which form of `NO_PROXY`\n\n| program | `host.example` | `.domain.example` | `10.0.0.1` | `10.0.0.0/8` |\n| --- | --- | --- | --- | --- |\n",
    );
    for (program, forms) in PROGRAMS {
        let forms = forms.map(|form| if form.is_empty() { "–" } else { form });
        let _infallible = writeln!(page, "| {program} | {} |", forms.join(" | "));
    }
    page.push_str(
        "\nJava reads `http.nonProxyHosts` in its place; systemd hands a service the variables that its unit names, and reads none.\n",
    );
}

fn requirements(page: &mut String) {
    let checked = REQUIREMENTS.iter().filter(|requirement| matches!(requirement.standing, Standing::By(_))).count();
    let _infallible = write!(
        page,
        "\n## What is not automated\n\nThe documents hold {} requirements that a tool could look at; {checked} of them are. The others:\n\n\
         | requirement | why not |\n| --- | --- |\n",
        REQUIREMENTS.len()
    );
    for requirement in REQUIREMENTS {
        if let Standing::Not(why) = requirement.standing {
            let _infallible = writeln!(page, "| `{}` | it {why} |", requirement.name);
        }
    }
    page.push_str("\nRequirements that go by another check's name:\n\n| requirement | check |\n| --- | --- |\n");
    for requirement in REQUIREMENTS {
        if let Standing::By(id) = requirement.standing
            && id != requirement.name
        {
            let _infallible = writeln!(page, "| `{}` | `{id}` |", requirement.name);
        }
    }
}
