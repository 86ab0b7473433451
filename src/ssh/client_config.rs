//! The operator's own SSH client configuration, for machines that are dialled from here.
//!
//! `ssh -G` evaluates it as `ssh` does (`Match`, `Include`, tokens); where there is no `ssh`, a parser that knows
//! the plain keywords does. Values of the site file win over it; that is for the caller to see to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2_config::{ParseRule, SshConfig};

use super::error::{Error, printable};
use super::settings::{ClientConfigSource, Settings};

/// Which agent is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum AgentChoice {
    /// The one of the environment.
    #[default]
    Environment,
    /// The one at this socket.
    Socket(PathBuf),
    /// None.
    None,
}

/// What the configuration says about one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientConfig {
    /// `HostName`.
    pub(crate) host_name: Option<String>,
    /// `HostKeyAlias`.
    pub(crate) host_key_alias: Option<String>,
    /// `Port`.
    pub(crate) port: Option<u16>,
    /// `User`.
    pub(crate) user: Option<String>,
    /// `IdentityFile`, all of them; files that are not there included.
    pub(crate) identities: Vec<PathBuf>,
    /// `IdentitiesOnly`.
    pub(crate) identities_only: bool,
    /// `IdentityAgent`.
    pub(crate) agent: AgentChoice,
    /// `UserKnownHostsFile`.
    pub(crate) known_hosts: Vec<PathBuf>,
    /// `ProxyJump`, as it is written.
    pub(crate) jumps: Option<String>,
}

/// The key files that `ssh` offers when nobody says otherwise.
pub(crate) fn usual_identities(home: &Path) -> Vec<PathBuf> {
    ["id_ed25519", "id_ecdsa", "id_rsa"].iter().map(|name| home.join(".ssh").join(name)).collect()
}

/// What the operator's configuration says about `host`.
pub(crate) async fn query(host: &str, settings: &Settings) -> Result<ClientConfig, Error> {
    let file = match &settings.client_config {
        ClientConfigSource::None => {
            return Ok(ClientConfig { identities: usual_identities(&settings.operator_home), ..ClientConfig::default() });
        }
        ClientConfigSource::File(path) => Some(path.as_path()),
        ClientConfigSource::Operator => None,
    };
    let failed = |said: String| Error::ClientConfig { host: host.to_owned(), said: printable(&said) };
    let mut ssh = tokio::process::Command::new("ssh");
    if let Some(file) = file {
        ssh.arg("-F").arg(file);
    }
    // A name that begins with a dash must not become an option.
    ssh.args(["-G", "--", host]).stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(Duration::from_secs(10), ssh.output()).await {
        Err(_elapsed) => Err(failed("`ssh -G` does not end".to_owned())),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => parse_file(host, file, settings).map_err(failed),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok(output)) if !output.status.success() => Err(failed(String::from_utf8_lossy(&output.stderr).into_owned())),
        Ok(Ok(output)) => Ok(from_evaluated(&String::from_utf8_lossy(&output.stdout), &settings.operator_home)),
    }
}

/// A machine that the operator's configuration gives a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredHost {
    /// What it is called there.
    pub alias: String,
    /// `HostName`; the alias where there is none.
    pub address: String,
    /// `Port`.
    pub port: Option<u16>,
    /// `User`.
    pub user: Option<String>,
    /// `IdentityFile`, those that are there.
    pub identities: Vec<PathBuf>,
    /// `ProxyJump`, each hop as it is written.
    pub jumps: Vec<String>,
}

/// The machines that `~/.ssh/config` names without wildcards, in its order; none where it cannot be read.
pub fn configured_hosts(home: &Path) -> Vec<ConfiguredHost> {
    let Ok(text) = std::fs::read(home.join(".ssh/config")) else { return Vec::new() };
    let rule = ParseRule::ALLOW_UNKNOWN_FIELDS | ParseRule::ALLOW_UNSUPPORTED_FIELDS;
    let Ok(parsed) = SshConfig::default().home_dir(home).parse(&mut text.as_slice(), rule) else { return Vec::new() };
    let is_plain = |name: &&String| !name.contains(['*', '?', '!']);
    let names = parsed.get_hosts().iter().flat_map(|host| &host.pattern).filter(|clause| !clause.negated).map(|clause| &clause.pattern);
    let host = |alias: &String| {
        let params = parsed.query(alias);
        let identities = params.identity_file.unwrap_or_default().into_iter().filter(|path| path.is_file()).collect();
        let jumps = params.proxy_jump.unwrap_or_default().into_iter().filter(|jump| jump != "none").collect();
        let address = params.host_name.unwrap_or_else(|| alias.clone());
        ConfiguredHost { alias: alias.clone(), address, port: params.port, user: params.user, identities, jumps }
    };
    names.filter(is_plain).map(host).collect()
}

/// Reads the output of `ssh -G`: a keyword and its value a line.
fn from_evaluated(text: &str, home: &Path) -> ClientConfig {
    let mut config = ClientConfig::default();
    let path = |value: &str| value.strip_prefix("~/").map_or_else(|| PathBuf::from(value), |rest| home.join(rest));
    for (keyword, value) in text.lines().filter_map(|line| line.trim().split_once(' ')) {
        match keyword {
            "hostname" => config.host_name = Some(value.to_owned()),
            "hostkeyalias" => config.host_key_alias = Some(value.to_owned()),
            "port" => config.port = value.parse().ok(),
            "user" => config.user = Some(value.to_owned()),
            "identityfile" => config.identities.push(path(value)),
            "identitiesonly" => config.identities_only = value == "yes",
            "identityagent" if value == "none" => config.agent = AgentChoice::None,
            "identityagent" if value != "SSH_AUTH_SOCK" => config.agent = AgentChoice::Socket(path(value)),
            "userknownhostsfile" => config.known_hosts = value.split_ascii_whitespace().map(path).collect(),
            "proxyjump" if value != "none" => config.jumps = Some(value.to_owned()),
            // Some systems have one for all hosts that only looks keys up: no reason to stop.
            "proxycommand" if value != "none" => {
                tracing::warn!(value, "`ProxyCommand` of the SSH configuration is not followed; the machine is dialled by itself");
            }
            _ => {}
        }
    }
    config
}

/// Without `ssh`: the plain keywords of the file.
fn parse_file(host: &str, file: Option<&Path>, settings: &Settings) -> Result<ClientConfig, String> {
    let home = &settings.operator_home;
    let usual = ClientConfig { identities: usual_identities(home), ..ClientConfig::default() };
    let path = file.map_or_else(|| home.join(".ssh/config"), Path::to_owned);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(usual),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let rule = ParseRule::ALLOW_UNKNOWN_FIELDS | ParseRule::ALLOW_UNSUPPORTED_FIELDS;
    let parsed = SshConfig::default().home_dir(home).parse(&mut text.as_slice(), rule).map_err(|error| error.to_string())?;
    let of_host = parsed.query(host);
    let other = |keyword: &str| of_host.unsupported_fields.get(keyword).or_else(|| of_host.ignored_fields.get(keyword));
    Ok(ClientConfig {
        host_name: of_host.host_name.clone(),
        port: of_host.port,
        user: of_host.user.clone(),
        identities: of_host.identity_file.clone().unwrap_or(usual.identities),
        identities_only: other("identitiesonly").is_some_and(|values| values.iter().any(|value| value == "yes")),
        jumps: of_host.proxy_jump.as_ref().filter(|jumps| !jumps.is_empty()).map(|jumps| jumps.join(",")).filter(|jumps| jumps != "none"),
        ..ClientConfig::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evaluated_configuration_is_understood() {
        let text = "host jump\nuser ops\nhostname 10.0.0.1\nport 2222\nidentitiesonly yes\nidentityfile ~/.ssh/a b\nidentityfile /k\n\
                    userknownhostsfile ~/.ssh/known_hosts /x\nidentityagent none\nproxyjump ops@a,b:2222\n";
        let home = Path::new("/home/ops");
        assert_eq!(
            from_evaluated(text, home),
            ClientConfig {
                host_name: Some("10.0.0.1".to_owned()),
                host_key_alias: None,
                port: Some(2222),
                user: Some("ops".to_owned()),
                identities: vec![home.join(".ssh/a b"), "/k".into()],
                identities_only: true,
                agent: AgentChoice::None,
                known_hosts: vec![home.join(".ssh/known_hosts"), "/x".into()],
                jumps: Some("ops@a,b:2222".to_owned()),
            }
        );
    }

    #[test]
    fn without_ssh_the_plain_keywords_still_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let text = b"Host jump\n  HostName 10.0.0.1\n  Port 2222\n  User ops\n  IdentityFile /k\n  IdentitiesOnly yes\nHost a0-*\n  ProxyJump ops@jump,inner\n";
        crate::disk::write_atomically(&file, text, 0o600, crate::disk::Existing::Keep).unwrap();
        let settings = Settings::new(folder.path().to_owned(), "me".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        let config = parse_file("jump", Some(&file), &settings).unwrap();
        assert_eq!((config.host_name.as_deref(), config.port, config.user.as_deref()), (Some("10.0.0.1"), Some(2222), Some("ops")));
        assert_eq!(config.identities, [PathBuf::from("/k")]);
        assert!(config.identities_only);
        assert_eq!(
            parse_file("other", Some(&file), &settings).unwrap(),
            ClientConfig { identities: usual_identities(folder.path()), ..ClientConfig::default() }
        );
        assert_eq!(parse_file("a0-1", Some(&file), &settings).unwrap().jumps.as_deref(), Some("ops@jump,inner"));
    }
}
