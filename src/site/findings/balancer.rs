//! The load balancer as its team describes it, against what the appliance needs of one.

use super::{Found, NETWORK, error, warning};
use crate::site::model::{Balance, Platform, Termination};

pub(super) fn look(found: &mut Found<'_>) {
    let site = found.site;
    let Some(balancer) = &site.load_balancer else { return };
    let ends_tls = site.tls.as_ref().is_some_and(|tls| tls.terminates == Termination::LoadBalancer);
    if ends_tls && site.surroundings.platform == Some(Platform::Aws) {
        let message = "TLS ends at the load balancer; on AWS the appliance needs it passed through".to_owned();
        let fix = "use a TCP listener with PROXY protocol, and `tls.terminates: appliance`";
        found.add(&error("lb.mode.aws", NETWORK), "tls.terminates", message, fix);
    }
    let settings = &balancer.settings;
    if let (true, Some(headers)) = (ends_tls, &settings.headers) {
        for needed in ["x-forwarded-proto", "x-forwarded-for"] {
            if !headers.iter().any(|header| header == needed) {
                let message =
                    format!("it ends TLS and does not add `{needed}`: the nodes take users for unencrypted, or for the load balancer");
                found.add(
                    &error("lb.xfp", NETWORK),
                    "load_balancer.headers",
                    message,
                    "add `X-Forwarded-Proto: https` and `X-Forwarded-For`",
                );
            }
        }
    }
    lint(ends_tls, found);
}

fn lint(ends_tls: bool, found: &mut Found<'_>) {
    let Some(balancer) = &found.site.load_balancer else { return };
    let settings = balancer.settings.clone();
    let rule = warning("lb.config.lint", NETWORK);
    let fix = "`portcullis render load-balancer-haproxy` and `load-balancer-nginx` show a configuration that does";
    if settings.balance.is_some_and(|balance| balance != Balance::RoundRobin) {
        found.add(&rule, "load_balancer.balance", "the appliance asks for round robin".to_owned(), fix);
    }
    let asked = &found.site.figures.health.testall;
    if let Some(path) = settings.health_check.filter(|path| path != asked) {
        let message = format!("it asks the nodes for `{path}`; whether a node works is told by `{asked}`");
        found.add(&rule, "load_balancer.health_check", message, fix);
    }
    if !ends_tls && settings.proxy_protocol == Some(false) {
        let message = "it passes TLS through without the PROXY protocol: every login shows the load balancer's address".to_owned();
        found.add(&rule, "load_balancer.proxy_protocol", message, fix);
    }
}
