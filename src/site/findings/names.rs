//! The appliance's rules for DNS names. They are fixed before deployment, so a bad one is found before it or never mended.

use super::{DNS, Found, error, warning};

/// A name and the place where it stands.
struct Named<'s> {
    place: &'static str,
    dns: &'s str,
    is_tenant: bool,
}

pub(super) fn look(found: &mut Found<'_>) {
    let site = found.site;
    let names = &site.names;
    let single = [
        ("names.dashboard", Some(&names.dashboard)),
        ("names.configuration", Some(&names.configuration)),
        ("names.webtask", names.webtask.as_ref()),
    ];
    let single: Vec<(&'static str, &str)> = single.into_iter().map(|(place, name)| (place, name.map_or("", String::as_str))).collect();
    let tenants = names.tenants.iter().map(|name| ("names.tenants", name)).chain(names.planned.iter().map(|name| ("names.planned", name)));
    let all: Vec<Named<'_>> = single
        .iter()
        .filter(|(_, name)| !name.is_empty())
        .map(|(place, name)| Named { place, dns: name, is_tenant: false })
        .chain(tenants.map(|(place, name)| Named { place, dns: name, is_tenant: true }))
        .collect();
    complete(&single, found);
    for name in &all {
        label(name, found);
        depth(name.place, name.dns, found);
    }
    frozen(found);
    parent(&all, found);
    environment(found);
    extensions(&all, found);
}

fn complete(single: &[(&str, &str)], found: &mut Found<'_>) {
    let rule = error("dns.names.complete", DNS);
    let fix = "name the dashboard, the configuration tenant, webtask and one app tenant at least; names are final once deployed";
    for (place, _) in single.iter().filter(|(_, name)| name.is_empty()) {
        found.add(&rule, place, format!("`{place}` is not named"), fix);
    }
    if found.site.names.tenants.is_empty() {
        found.add(&rule, "names.tenants", "no app tenant is named".to_owned(), fix);
    }
}

fn label(name: &Named<'_>, found: &mut Found<'_>) {
    let rules = &found.site.figures.naming;
    let label = name.dns.split('.').next().unwrap_or_default();
    let subject = format!("{}: {}", name.place, name.dns);
    if label.chars().count() < rules.shortest_label {
        let message = format!("`{label}` has fewer than {} letters", rules.shortest_label);
        found.add(&error("dns.label.length", DNS), &subject, message, "choose a longer label");
    }
    if !name.is_tenant {
        return;
    }
    if rules.reserved_tenants.iter().any(|reserved| reserved == label) {
        let message = format!("`{label}` is reserved and cannot name an app tenant");
        found.add(&error("dns.tenant.reserved", DNS), &subject, message, "choose another label, such as `identity`");
    }
    let distance = strsim::levenshtein(&rules.product, label);
    if distance < rules.nearest_to_product {
        let message =
            format!("`{label}` is too near to `{}`: {distance} letters apart, {} are needed", rules.product, rules.nearest_to_product);
        found.add(&error("dns.tenant.levenshtein", DNS), &subject, message, "choose a label that is less like the product's name");
    }
}

fn frozen(found: &mut Found<'_>) {
    let names = &found.site.names;
    let Some(deployed) = names.deployed_configuration.as_ref().filter(|deployed| **deployed != names.configuration) else { return };
    let message = format!("the configuration tenant was deployed as `{deployed}`; `{}` would delete every tenant", names.configuration);
    let fix = format!("write `configuration: {deployed}` again");
    found.add(&error("dns.rta.frozen", DNS), "names.configuration", message, &fix);
}

fn depth(place: &str, name: &str, found: &mut Found<'_>) {
    let (fewest, most) = (found.site.figures.naming.fewest_parts, found.site.figures.naming.most_parts);
    let parts = name.split('.').count();
    if !(fewest..=most).contains(&parts) {
        let message = format!("`{name}` has {parts} parts; names of {fewest} to {most} parts are supported");
        found.add(
            &warning("dns.depth", DNS),
            &format!("{place}: {name}"),
            message,
            "choose a name with as many parts as `manage.example.com` or `manage.dev.example.com`",
        );
    }
}

fn parent(all: &[Named<'_>], found: &mut Found<'_>) {
    let parent_of = |name: &Named<'_>| name.dns.split_once('.').map_or("", |(_, parent)| parent).to_owned();
    let Some(first) = all.first() else { return };
    let expected = parent_of(first);
    for name in all.iter().filter(|name| parent_of(name) != expected) {
        let message = format!("`{}` is not under `{expected}`, as `{}` is", name.dns, first.dns);
        found.add(
            &warning("dns.parent.shared", DNS),
            &format!("{}: {}", name.place, name.dns),
            message,
            "put dashboard, configuration, webtask and app tenants under one parent domain",
        );
    }
}

fn environment(found: &mut Found<'_>) {
    let name = found.site.name.clone();
    if found.site.figures.naming.reserved_environments.contains(&name) {
        found.add(&error("dns.env.reserved", DNS), &name, format!("no environment may be named `{name}`"), "rename the site");
    }
}

/// The dedicated webtask domain stands beside the tenants' domain, never above it or in its place.
fn extensions(all: &[Named<'_>], found: &mut Found<'_>) {
    let Some(extensions) = found.site.names.extensions.clone() else { return };
    let root = extensions.domain;
    depth("names.extensions", &root, found);
    let rule = error("dns.wt.root", "Webtask with dedicated domains");
    let subject = format!("names.extensions: {root}");
    if let Some(name) = all.iter().find(|name| name.is_tenant && name.dns.split_once('.').is_some_and(|(_, parent)| parent == root)) {
        let message = format!("`{root}` is the domain of the tenant `{}` too", name.dns);
        found.add(&rule, &subject, message, "use a domain of its own, such as `wt.` before the tenants' domain");
    }
}
