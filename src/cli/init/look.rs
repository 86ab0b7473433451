//! What this machine has that can be proposed: the SSH client configuration, the proxy, certificates in the folder.

use std::path::{Path, PathBuf};

use crate::certs::{Chain, LeafSelection, NoPasswords, Roots, Source, SubjectName, build_chain, read};
use crate::ssh::{ConfiguredHost, configured_hosts};
use crate::wizard::{Alias, Seen};

/// Larger files are no certificates.
const LARGEST: u64 = 1 << 20;
/// More files than these are no folder of certificates.
const MOST: usize = 64;
/// How files from a CA are called.
const ENDINGS: [&str; 10] = ["pem", "crt", "cer", "der", "p7b", "p7c", "pfx", "p12", "key", "ca-bundle"];

/// Looks at the home, the environment, and the folder of the site to come.
pub(super) fn around(home: &Path, folder: &Path, now: jiff::Timestamp) -> Seen {
    let hosts = configured_hosts(home);
    let hops = hops(&hosts);
    let nodes = nodes(&hosts, &hops);
    let seen = Seen {
        hops: list(hops.iter().map(|host| spelt(host))),
        nodes: list(nodes.iter().map(|host| spelt(host))),
        identities: identities(home, &hops),
        proxy: proxy(|name| std::env::var(name).ok()),
        aliases: hosts.iter().map(|host| alias(home, host)).collect(),
        ..Seen::default()
    };
    certificates(folder, now, seen)
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join(", "))
}

/// `USER@ADDRESS[:PORT]`.
fn spelt(host: &ConfiguredHost) -> String {
    let user = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    format!("{user}{}", place(host))
}

/// `ADDRESS[:PORT]`.
fn place(host: &ConfiguredHost) -> String {
    match host.port.filter(|port| *port != 22) {
        Some(port) if host.address.contains(':') => format!("[{}]:{port}", host.address),
        Some(port) => format!("{}:{port}", host.address),
        None => host.address.clone(),
    }
}

fn alias(home: &Path, host: &ConfiguredHost) -> Alias {
    let identity = host.identities.first().map(|file| at_home(home, file));
    Alias { alias: host.alias.clone(), user: host.user.clone(), place: place(host), identity }
}

/// What others are reached through; else what its name calls a jumphost, if there is one alone.
fn hops(hosts: &[ConfiguredHost]) -> Vec<&ConfiguredHost> {
    if let Some(behind) = hosts.iter().find(|host| !host.jumps.is_empty()) {
        let named = |jump: &String| {
            let alias = jump.rsplit_once('@').map_or(jump.as_str(), |(_, alias)| alias);
            hosts.iter().find(|host| host.alias == alias)
        };
        return behind.jumps.iter().filter_map(named).collect();
    }
    let is_called_so = |host: &&ConfiguredHost| ["jump", "bastion", "gate"].iter().any(|word| host.alias.to_lowercase().contains(word));
    let called: Vec<&ConfiguredHost> = hosts.iter().filter(is_called_so).collect();
    if called.len() == 1 { called } else { Vec::new() }
}

fn nodes<'h>(hosts: &'h [ConfiguredHost], hops: &[&ConfiguredHost]) -> Vec<&'h ConfiguredHost> {
    let is_behind = |host: &&ConfiguredHost| !host.jumps.is_empty() && !hops.iter().any(|hop| hop.alias == host.alias);
    let behind: Vec<&ConfiguredHost> = hosts.iter().filter(is_behind).collect();
    // A long list is somebody's whole estate, and no cluster.
    if behind.len() > 5 { Vec::new() } else { behind }
}

fn identities(home: &Path, hops: &[&ConfiguredHost]) -> Option<String> {
    let usual = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name));
    let configured = hops.iter().flat_map(|hop| hop.identities.iter().cloned()).next();
    let file = configured.or_else(|| usual.into_iter().find(|path| path.is_file()))?;
    Some(at_home(home, &file))
}

/// A path as a person writes it: `~/` is the home.
fn at_home(home: &Path, file: &Path) -> String {
    file.strip_prefix(home).map_or_else(|_| file.display().to_string(), |rest| format!("~/{}", rest.display()))
}

/// The proxy of the environment; what stands before its `@` stays there.
fn proxy(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let value = names.into_iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))?;
    let (scheme, rest) = value.trim().split_once("://").unwrap_or(("http", value.trim()));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host).trim_end_matches('/');
    (matches!(scheme, "http" | "https") && !host.is_empty()).then(|| format!("{scheme}://{host}"))
}

/// What lies in the folder, or in its `certs`: the one server certificate with its chain and key, if there is one.
fn certificates(folder: &Path, now: jiff::Timestamp, seen: Seen) -> Seen {
    let files = [folder.to_owned(), folder.join("certs")].iter().flat_map(|folder| candidates(folder)).take(MOST).collect::<Vec<_>>();
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let sources: Vec<Source> =
        files.iter().filter_map(|path| Some(Source { name: name(path), bytes: std::fs::read(path).ok()? })).collect();
    let bag = read(&sources, &NoPasswords);
    let selection = LeafSelection { names: &[], choose: None };
    let Ok(chain) = build_chain(&bag, &Roots::mozilla(), selection, now) else { return seen };
    let mut used: Vec<&str> = std::iter::once(&chain.leaf).chain(&chain.intermediates).map(|found| found.origin.file.as_str()).collect();
    used.sort_unstable();
    used.dedup();
    let names = chain.leaf.extensions.names.iter().filter_map(|name| match name {
        SubjectName::Dns(name) => Some(name.to_lowercase()),
        SubjectName::Ip(_) | SubjectName::Other(_) => None,
    });
    Seen { names: names.collect(), certificates: list(used.iter().map(|name| (*name).to_owned())), key: key_file(&chain, &used), ..seen }
}

/// The key's file, where it is one of its own.
fn key_file(chain: &Chain, used: &[&str]) -> Option<String> {
    let file = &chain.key.as_ref()?.origin.file;
    (!used.contains(&file.as_str())).then(|| file.clone())
}

fn candidates(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let is_wanted = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
            && path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST)
    };
    let mut found: Vec<PathBuf> = entries.filter(is_wanted).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Existing, write_atomically};

    fn home_with(config: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        write_atomically(&home.path().join(".ssh/config"), config.as_bytes(), 0o600, Existing::Keep).unwrap();
        write_atomically(&home.path().join(".ssh/id_rsa"), b"", 0o600, Existing::Keep).unwrap();
        home
    }

    fn seen(home: &Path) -> Seen {
        let hosts = configured_hosts(home);
        let hops = hops(&hosts);
        let nodes = nodes(&hosts, &hops);
        let (jumphosts, machines) = (list(hops.iter().map(|host| spelt(host))), list(nodes.iter().map(|host| spelt(host))));
        Seen { hops: jumphosts, nodes: machines, identities: identities(home, &hops), ..Seen::default() }
    }

    #[test]
    fn hosts_are_proposed_by_what_they_jump_through() {
        let home = home_with(
            "Host gate\n  HostName gate.corp.example\n  User ops\n  Port 2222\nHost n1\n  HostName 10.0.0.1\n  User admin\n  ProxyJump gate\n\
             Host n2\n  HostName 10.0.0.2\n  ProxyJump ops@gate\nHost *.elsewhere\n  User me\nHost github.com\n  User git\n",
        );
        let seen = seen(home.path());
        assert_eq!(seen.hops.as_deref(), Some("ops@gate.corp.example:2222"));
        assert_eq!(seen.nodes.as_deref(), Some("admin@10.0.0.1, 10.0.0.2"));
        assert_eq!(seen.identities.as_deref(), Some("~/.ssh/id_rsa"));
    }

    #[test]
    fn a_jumphost_is_known_by_its_name_and_nothing_else_is() {
        let one = seen(home_with("Host corp-bastion\n  HostName b.example\nHost github.com\n  User git\n").path());
        assert_eq!((one.hops.as_deref(), one.nodes), (Some("b.example"), None));
        assert_eq!(seen(home_with("Host jump-a\nHost jump-b\n").path()).hops, None, "which of two is not for us to say");
        assert_eq!(seen(tempfile::tempdir().unwrap().path()), Seen::default());
    }

    #[test]
    fn a_proxy_is_proposed_without_its_login() {
        let environment = |value: &'static str| move |name: &str| (name == "HTTPS_PROXY").then(|| value.to_owned());
        assert_eq!(proxy(environment("http://ops:planted@proxy.corp.example:3128/")).as_deref(), Some("http://proxy.corp.example:3128"));
        assert_eq!(proxy(environment("proxy:8080")).as_deref(), Some("http://proxy:8080"));
        assert_eq!(proxy(environment("socks5://proxy:1080")), None);
        assert_eq!(proxy(|_| None), None);
    }

    #[test]
    fn the_certificate_in_the_folder_gives_its_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("certs")).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-examples/good/ecdsa");
        std::fs::copy(examples.join("chain.pem"), folder.path().join("certs/bundle.pem")).unwrap();
        std::fs::copy(examples.join("server.key"), folder.path().join("certs/server.key")).unwrap();
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let seen = certificates(folder.path(), now, Seen::default());
        assert_eq!(seen.certificates.as_deref(), Some("certs/bundle.pem"));
        assert_eq!(seen.key.as_deref(), Some("certs/server.key"));
        assert!(seen.names.iter().any(|name| name.starts_with("manage.")), "{:?}", seen.names);
        assert_eq!(certificates(&examples.join("none"), now, Seen::default()), Seen::default());
    }
}
