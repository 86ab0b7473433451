//! Which mirror and suite the image is made from: the machine's own apt sources say so, in either of their two formats.

use std::{fs, path::Path};

use crate::error::LabError;

/// The Debian release the lab's machines run.
const DEBIAN_SUITE: &str = "bookworm";

/// Where to bootstrap from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    /// The mirror's address.
    pub(crate) mirror: String,
    /// The release.
    pub(crate) suite: String,
    /// The components to use.
    pub(crate) components: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Source {
    uri: String,
    suite: String,
    components: Vec<String>,
}

/// Reads `/etc/os-release` and the apt sources.
pub(crate) fn archive_of_host() -> Result<Archive, LabError> {
    let release = fs::read_to_string("/etc/os-release").map_err(LabError::file("read", "/etc/os-release"))?;
    let mut sources = Vec::new();
    let mut files = vec![Path::new("/etc/apt/sources.list").to_owned()];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.extend(one_line(&text)),
            Some("sources") => sources.extend(deb822(&text)),
            _ => {}
        }
    }
    choose(&release, &sources).ok_or(LabError::NoMirror)
}

/// On Debian any release's mirror also carries ours; on Ubuntu, whose mirrors carry no Debian, the host's own release serves.
fn choose(os_release: &str, sources: &[Source]) -> Option<Archive> {
    let value = |key: &str| {
        os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(|value| value.trim_matches('"').to_owned())
    };
    let codename = value("VERSION_CODENAME")?;
    let ubuntu = value("ID").as_deref() == Some("ubuntu");
    let usable: Vec<&Source> = sources
        .iter()
        .filter(|source| source.suite == codename && source.components.iter().any(|component| component == "main"))
        .filter(|source| ["http:", "https:", "file:", "copy:"].iter().any(|scheme| source.uri.starts_with(scheme)))
        .collect();
    // Other vendors' repositories may use the same suite and component; a distribution's archive is named after it.
    let family = if ubuntu { ["ubuntu", "ubuntu-ports"] } else { ["debian", "debian-archive"] };
    let named = |source: &&&Source| source.uri.trim_end_matches('/').rsplit('/').next().is_some_and(|last| family.contains(&last));
    let source = usable.iter().find(named).or_else(|| usable.first())?;
    Some(Archive {
        mirror: source.uri.clone(),
        suite: if ubuntu { codename } else { DEBIAN_SUITE.to_owned() },
        components: if ubuntu { "main,universe" } else { "main" }.to_owned(),
    })
}

/// `deb [options] URI SUITE COMPONENT…`
fn one_line(text: &str) -> Vec<Source> {
    let parse = |line: &str| {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        let mut words = rest.split('#').next()?.split_whitespace();
        Some(Source { uri: words.next()?.to_owned(), suite: words.next()?.to_owned(), components: words.map(str::to_owned).collect() })
    };
    text.lines().filter_map(parse).collect()
}

/// Stanzas of `Key: value`, continued by indented lines.
fn deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in kept.split(|line| line.trim().is_empty()) {
        let words = |key: &str| -> Vec<String> {
            let mut found = Vec::new();
            let mut inside = false;
            for line in stanza {
                if line.starts_with([' ', '\t']) {
                    if inside {
                        found.extend(line.split_whitespace().map(str::to_owned));
                    }
                } else {
                    let (name, value) = line.split_once(':').unwrap_or((line, ""));
                    inside = name.eq_ignore_ascii_case(key);
                    if inside {
                        found.extend(value.split_whitespace().map(str::to_owned));
                    }
                }
            }
            found
        };
        let enabled = words("Enabled").first().is_none_or(|word| word != "no");
        if !enabled || !words("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        for uri in words("URIs") {
            for suite in words("Suites") {
                sources.push(Source { uri: uri.clone(), suite, components: words("Components") });
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n";

    #[test]
    fn a_deb822_file_gives_its_mirror() {
        let text = "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm\n bookworm-updates\nComponents: main\n";
        let archive = choose(DEBIAN, &deb822(text)).unwrap();
        assert_eq!((archive.mirror.as_str(), archive.suite.as_str()), ("http://mirror.example/debian", "bookworm"));
    }

    #[test]
    fn a_one_line_source_with_options_gives_its_mirror() {
        let text = "# deb http://off.example/debian bookworm main\ndeb [arch=amd64 signed-by=/k] http://mirror.example/debian/ bookworm main # here";
        assert_eq!(choose(DEBIAN, &one_line(text)).unwrap().mirror, "http://mirror.example/debian/");
    }

    #[test]
    fn another_vendors_repository_with_the_same_suite_is_passed_over() {
        let text = "deb https://vendor.example/apt bookworm main\ndeb http://mirror.example/debian bookworm main";
        assert_eq!(choose(DEBIAN, &one_line(text)).unwrap().mirror, "http://mirror.example/debian");
    }

    #[test]
    fn a_newer_debian_still_gives_bookworm() {
        let text = "deb http://mirror.example/debian trixie main";
        assert_eq!(choose("ID=debian\nVERSION_CODENAME=trixie", &one_line(text)).unwrap().suite, "bookworm");
    }

    #[test]
    fn ubuntu_gives_its_own_release_with_universe() {
        let text = "Types: deb\nURIs: http://mirror.example/ubuntu\nSuites: noble noble-updates\nComponents: main universe\n";
        let archive = choose("ID=ubuntu\nVERSION_CODENAME=noble", &deb822(text)).unwrap();
        assert_eq!((archive.suite.as_str(), archive.components.as_str()), ("noble", "main,universe"));
    }

    #[test]
    fn a_disabled_stanza_and_a_source_only_stanza_give_nothing() {
        let text = "Types: deb-src\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n\nEnabled: no\nTypes: deb\nURIs: http://b.example/debian\nSuites: bookworm\nComponents: main\n";
        assert_eq!(choose(DEBIAN, &deb822(text)), None);
    }
}
