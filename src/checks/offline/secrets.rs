//! Whether every secret that the site file refers to can be had. The secrets themselves go nowhere.

use crate::checks::catalogue::here::SECRETS;
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::{CertificateFiles, Login, Privilege, Role, SecretRef, Site};
use crate::site::secret::{SecretError, Secrets};

/// Resolves every reference of the site but those that are asked for, and one-time codes, which serve once.
pub fn secrets(site: &Site, secrets: &Secrets) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.file.display().to_string());
    let references = references(site);
    if references.is_empty() {
        tally.not_applicable(&SECRETS, "the site file refers to no secret");
    }
    for (key, reference) in references {
        if *reference == SecretRef::Prompt {
            tally.passed(&SECRETS, format!("{key}: asked for when it is needed"));
            continue;
        }
        match secrets.resolve(reference, &key) {
            Ok(_) => tally.passed(&SECRETS, format!("{key}: {}", kind(reference))),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                tally.found(&SECRETS, format!("{error}{cause}"), fix(&key, &error));
            }
        }
    }
    tally.complete(&[&SECRETS], "not looked at")
}

fn kind(reference: &SecretRef) -> &'static str {
    match reference {
        SecretRef::Env(_) => "from the environment",
        SecretRef::File(_) => "from a file",
        SecretRef::Cmd(_) => "from a command",
        SecretRef::Prompt => "asked for",
    }
}

fn fix(key: &str, error: &SecretError) -> String {
    match error {
        SecretError::EnvMissing { name, .. } => {
            format!("set {name} in the environment, or refer otherwise at `{key}` (file:, cmd:, prompt)")
        }
        SecretError::FileUnreadable { path, .. } => format!("put the secret into {} (mode 0600), or correct `{key}`", path.display()),
        SecretError::CommandFailed { command, .. } => format!("run `{command}` by hand: it has to print the secret and nothing else"),
        SecretError::NobodyToAsk { .. } | SecretError::NoAnswer { .. } => format!("give `{key}` by env:NAME, file:PATH or cmd:COMMAND"),
    }
}

fn references(site: &Site) -> Vec<(String, &SecretRef)> {
    let mut list = Vec::new();
    for (place, hop) in site.route.hops.iter().enumerate() {
        login(&mut list, &format!("route.hops[{place}]"), &hop.login);
    }
    for node in site.machines() {
        let place = if node.role == Role::LoadBalancer { "load_balancer.machines" } else { "nodes" };
        let key = format!("{place}.{}", node.name);
        login(&mut list, &key, &node.login);
        if let Privilege::SudoPassword(password) = &node.privilege {
            list.push((format!("{key}.sudo_password"), password));
        }
    }
    for connector in &site.connectors {
        if let Some(own) = &connector.login {
            login(&mut list, &format!("connectors.{}", connector.name), own);
        }
        let password = connector.bind_password.as_ref();
        list.extend(password.map(|password| (format!("connectors.{}.bind_password", connector.name), password)));
    }
    if let Some(tls) = &site.tls {
        certificate(&mut list, "tls.certificate", &tls.certificate);
        list.extend(tls.pfx_password.as_ref().map(|password| ("tls.pfx_password".to_owned(), password)));
    }
    for custom in site.names.custom_domains.iter().chain(&site.names.extensions) {
        if let Some(files) = &custom.certificate {
            certificate(&mut list, &format!("{}.certificate", custom.domain), files);
        }
    }
    list.extend(site.surroundings.health_key.as_ref().map(|key| ("health_key".to_owned(), key)));
    list.extend(site.smtp.as_ref().map(|smtp| ("smtp.password".to_owned(), &smtp.password)));
    list
}

fn login<'s>(list: &mut Vec<(String, &'s SecretRef)>, key: &str, login: &'s Login) {
    let own = [("passphrase", &login.passphrase), ("password", &login.password)];
    list.extend(own.into_iter().filter_map(|(name, reference)| Some((format!("{key}.{name}"), reference.as_ref()?))));
}

fn certificate<'s>(list: &mut Vec<(String, &'s SecretRef)>, key: &str, files: &'s CertificateFiles) {
    list.extend(files.key_password.as_ref().map(|password| (format!("{key}.key_password"), password)));
}
