//! Names, TLS, mail, proxy.

use std::collections::HashMap;

use super::{Values, rules, some_text};
use crate::site::file::input::appliance::{CertificateInput, CustomDomainInput, NamesInput, ProxyInput};
use crate::site::file::input::{SiteFile, Text};
use crate::site::model::{
    CertificateFiles, CustomDomain, MailProvider, Names, Proxy, ProxyKind, SecretRef, Smtp, StartTls, Termination, Tls,
};

/// The PFX target unless a site names one.
const DEFAULT_PFX_TARGET: &str = "appliance";

pub(super) fn names(file: &SiteFile, values: &mut Values<'_, '_>) -> Names {
    let Some(input) = &file.names else { return Names::default() };
    refuse_names_twice(input, values);
    let domains = input.custom_domains.iter().flatten().enumerate();
    Names {
        dashboard: values.optional(input.dashboard.as_ref(), "names.dashboard", rules::dns_name).unwrap_or_default(),
        configuration: values.optional(input.configuration.as_ref(), "names.configuration", rules::dns_name).unwrap_or_default(),
        deployed_configuration: values.optional(input.deployed_configuration.as_ref(), "names.deployed_configuration", rules::dns_name),
        webtask: values.optional(input.webtask.as_ref(), "names.webtask", rules::dns_name),
        tenants: values.texts(input.tenants.as_deref(), "names.tenants", rules::dns_name),
        planned: values.texts(input.planned.as_deref(), "names.planned", rules::dns_name),
        custom_domains: domains
            .filter_map(|(index, domain)| custom_domain(domain, &format!("names.custom_domains[{index}]"), values))
            .collect(),
        extensions: input.extensions.as_ref().and_then(|domain| custom_domain(domain, "names.extensions", values)),
    }
}

/// One name cannot play two parts. A planned tenant that is in use by now can stay in both lists.
fn refuse_names_twice(input: &NamesInput, values: &mut Values<'_, '_>) {
    let single = [&input.dashboard, &input.configuration, &input.webtask].into_iter().flatten();
    let domains = input.custom_domains.iter().flatten().chain(&input.extensions).map(|domain| &domain.domain);
    let mut first: HashMap<String, &Text> = HashMap::new();
    for text in single.chain(input.tenants.iter().flatten()).chain(domains) {
        let Ok(name) = rules::dns_name(&text.value) else { continue };
        match first.get(&name) {
            Some(other) => {
                let line = values.problems.line_of(other.span.start);
                values.problem(
                    &text.span,
                    format!("the name `{name}` stands here twice, first in line {line}"),
                    "each part of the appliance has a name of its own",
                );
            }
            None => drop(first.insert(name, text)),
        }
    }
}

fn custom_domain(input: &CustomDomainInput, path: &str, values: &mut Values<'_, '_>) -> Option<CustomDomain> {
    let domain = values.text(&input.domain, &format!("{path}.domain"), rules::dns_name);
    let certificate = input.certificate.as_ref().map(|certificate| self::certificate(certificate, &format!("{path}.certificate"), values));
    Some(CustomDomain { domain: domain?, certificate })
}

fn certificate(input: &CertificateInput, path: &str, values: &mut Values<'_, '_>) -> CertificateFiles {
    CertificateFiles {
        files: values.paths(Some(&input.files), &format!("{path}.files")),
        key: values.path(input.key.as_ref(), &format!("{path}.key")),
        key_password: values.secret(input.key_password.as_ref()),
        roots: values.paths(input.roots.as_deref(), &format!("{path}.roots")),
    }
}

pub(super) fn tls(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Tls> {
    let input = file.tls.as_ref()?;
    let pfx = input.pfx.as_ref();
    let target = pfx.and_then(|pfx| pfx.target.as_ref());
    Some(Tls {
        terminates: input.terminates.as_ref().map_or(Termination::Appliance, |terminates| terminates.value),
        certificate: certificate(&input.certificate, "tls.certificate", values),
        pfx_password: values.secret(pfx.and_then(|pfx| pfx.password.as_ref())),
        pfx_target: values.optional(target, "tls.pfx.target", some_text).unwrap_or_else(|| DEFAULT_PFX_TARGET.to_owned()),
        friendly_name: values.optional(pfx.and_then(|pfx| pfx.friendly_name.as_ref()), "tls.pfx.friendly_name", some_text),
    })
}

pub(super) fn smtp(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Smtp> {
    let input = file.smtp.as_ref()?;
    let provider = input.provider.as_ref().map_or(MailProvider::Smtp, |provider| provider.value);
    let (known_host, known_user) = match provider {
        MailProvider::Sendgrid => (Some("smtp.sendgrid.net"), Some("apikey")),
        MailProvider::Mandrill => (Some("smtp.mandrillapp.com"), None),
        MailProvider::Smtp | MailProvider::Ses => (None, None),
    };
    let host = given_or_known(input.host.as_ref(), known_host, "smtp.host", values, rules::host);
    let username = given_or_known(input.username.as_ref(), known_user, "smtp.username", values, some_text);
    if input.host.is_none() && host.is_none() {
        let help = if provider == MailProvider::Ses {
            "it is `email-smtp.REGION.amazonaws.com`"
        } else {
            "name the mail server, such as `smtp.example.com`"
        };
        values.problem(&input.password.span, "`smtp`: `host` is missing", help);
    }
    if input.username.is_none() && username.is_none() {
        values.problem(
            &input.password.span,
            "`smtp`: `username` is missing",
            "the appliance sends through an authenticated server only (AUTH PLAIN)",
        );
    }
    let from = values.text(&input.from, "smtp.from", rules::mail_address);
    Some(Smtp {
        provider,
        host: host.unwrap_or_default(),
        port: input.port.unwrap_or(587),
        username: username.unwrap_or_default(),
        password: values.secret(Some(&input.password)).unwrap_or(SecretRef::Prompt),
        from: from.unwrap_or_default(),
        starttls: input.starttls.as_ref().map_or(StartTls::Required, |starttls| starttls.value),
        ca_certificates: values.paths(input.ca_certificates.as_deref(), "smtp.ca_certificates"),
    })
}

fn given_or_known(
    given: Option<&Text>,
    known: Option<&str>,
    path: &str,
    values: &mut Values<'_, '_>,
    rule: impl Fn(&str) -> Result<String, rules::RuleError>,
) -> Option<String> {
    match given {
        Some(given) => values.text(given, path, rule),
        None => known.map(str::to_owned),
    }
}

pub(super) fn proxy(file: &SiteFile, values: &mut Values<'_, '_>) -> Proxy {
    let Some(input) = &file.proxy else { return Proxy::default() };
    let url = values.optional(input.url.as_ref(), "proxy.url", rules::proxy_url);
    refuse_url_of_the_wrong_kind(input, values);
    Proxy {
        kind: input.kind.value,
        url,
        ca_certificates: values.paths(input.ca_certificates.as_deref(), "proxy.ca_certificates"),
        bypass: values.texts(input.bypass.as_deref(), "proxy.bypass", rules::bypass),
        exceptions: values.texts(input.exceptions.as_deref(), "proxy.exceptions", rules::destination),
    }
}

fn refuse_url_of_the_wrong_kind(input: &ProxyInput, values: &mut Values<'_, '_>) {
    match (input.kind.value, &input.url) {
        (ProxyKind::Explicit, None) => {
            values.problem(&input.kind.span, "an explicit proxy needs its `url`", "such as `url: http://proxy.corp.example:3128`");
        }
        (ProxyKind::None, Some(url)) => {
            values.problem(
                &url.span,
                "`proxy.url` is given, and `kind` says that there is no proxy",
                "set `kind: explicit`, or take the URL out",
            );
        }
        (ProxyKind::Transparent, Some(url)) => {
            values.problem(
                &url.span,
                "a transparent proxy is not told to clients, so it has no `url` here",
                "set `kind: explicit`, or take the URL out",
            );
        }
        (ProxyKind::Explicit, Some(_)) | (ProxyKind::None | ProxyKind::Transparent, None) => {}
    }
}
