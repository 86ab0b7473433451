//! Every secret that a site file refers to, with the key where it does.

use super::{CertificateFiles, Login, Privilege, Role, SecretRef, Site};

impl Site {
    /// Every reference to a secret but those to one-time codes, which serve once; each with its key in the site file.
    pub fn secret_references(&self) -> Vec<(String, &SecretRef)> {
        references(self)
    }
}

fn references(site: &Site) -> Vec<(String, &SecretRef)> {
    let mut list = Vec::new();
    for (place, hop) in site.route.hops.iter().enumerate() {
        login(&mut list, &format!("route.hops[{place}]"), &hop.login);
        if let Some(Privilege::SudoPassword(password)) = site.hop_privileges.get(place) {
            list.push((format!("route.hops[{place}].sudo_password"), password));
        }
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
    list.extend(site.access.ca_passphrase.as_ref().map(|passphrase| ("access.ca_passphrase".to_owned(), passphrase)));
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
