//! The rules of the site file: what works on paper and not in the house, and what people have to attest.
//! Looked at offline; the rules themselves stand in `site::findings`.

use super::{CheckSpec, Team};
use crate::finding::Severity;

const DNS: &str = "DNS";
const NETWORK: &str = "Network";
const INFRASTRUCTURE: &str = "Infrastructure";
const SECURITY: &str = "Security and Access";
const CONNECTOR: &str = "AD/LDAP prerequisites";
const MAINTENANCE: &str = "Updates and maintenance";
const OPERATIONS: &str = "Operations checklist";

use Severity::{Error, Info, Warning};

const fn rule(id: &'static str, title: &'static str, source: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, source)
}

const fn dns(id: &'static str, title: &'static str) -> CheckSpec {
    rule(id, title, DNS).ask(Team::Dns)
}

const fn balancer(id: &'static str, title: &'static str) -> CheckSpec {
    rule(id, title, NETWORK).ask(Team::LoadBalancer)
}

const fn connector(id: &'static str, title: &'static str) -> CheckSpec {
    rule(id, title, CONNECTOR).of(Warning).ask(Team::Directory)
}

const fn maintenance(id: &'static str, title: &'static str) -> CheckSpec {
    rule(id, title, MAINTENANCE).of(Warning).ask(Team::Operator)
}

/// The rules of the site file.
pub static CHECKS: &[&CheckSpec] = &[
    &dns("dns.names.complete", "Dashboard, configuration, webtask and a tenant have names")
        .mend("name all four; names are final once deployed"),
    &dns("dns.label.length", "No label is too short").mend("choose a longer label"),
    &dns("dns.label.charset", "Names hold letters, digits and dashes alone").mend("replace `_` by `-`"),
    &dns("dns.tenant.reserved", "No tenant has a reserved name").mend("choose another label, such as `identity`"),
    &dns("dns.tenant.levenshtein", "No tenant's name resembles the product's").mend("choose a label that is less like the product's name"),
    &dns("dns.depth", "Names have as many parts as the appliance takes").of(Warning).mend("flatten the name to three or four parts"),
    &dns("dns.parent.shared", "Dashboard, configuration and tenants share a parent domain")
        .of(Warning)
        .mend("put them under one parent domain"),
    &dns("dns.env.reserved", "The environment has no reserved name").mend("rename the site"),
    &dns("dns.wt.root", "The webtask domain collides with no other")
        .mend("use a domain of its own, such as `wt.` before the tenants' domain"),
    &dns("dns.rta.frozen", "The configuration tenant has the name it was deployed with")
        .mend("give it its deployed name again: another one deletes every tenant"),
    &rule("node.count", "There are as many nodes as the environment needs", INFRASTRUCTURE)
        .of(Warning)
        .ask(Team::Machines)
        .mend("order the machines that are missing, or correct `environment`"),
    &rule("time.ntp.set", "Time servers are named where the platform gives no time", "Clock")
        .of(Warning)
        .ask(Team::Machines)
        .mend("name the site's NTP servers under `ntp`"),
    &balancer("lb.present", "A cluster has a load balancer").of(Warning).mend("set one up, and name it under `load_balancer`"),
    &balancer("lb.mode.connector", "TLS ends where connectors need it to").mend("pass TLS through (TCP with PROXY protocol)"),
    &balancer("lb.mode.aws", "On AWS the load balancer passes TLS through").mend("use a TCP listener with PROXY protocol"),
    &balancer("lb.xfp", "A load balancer that ends TLS says so to the nodes")
        .mend("have it add `X-Forwarded-Proto: https` and `X-Forwarded-For`"),
    &balancer("lb.config.lint", "The load balancer goes round, asks for health, and keeps the users' addresses")
        .of(Warning)
        .mend("`portcullis render load-balancer-haproxy` (or `-nginx`) shows a configuration that does"),
    &rule("smtp.fields", "Server, port, user and password of the mail server are named", SECURITY)
        .ask(Team::Mail)
        .mend("complete the section `smtp`"),
    &rule("smtp.port25", "Mail does not leave by port 25", "Email providers").of(Warning).ask(Team::Mail).mend("use port 587"),
    &rule("smtp.provider.user", "The mail account's user is of the provider's form", "Email providers")
        .of(Warning)
        .ask(Team::Mail)
        .mend("leave `username` out for SendGrid; the API key is the password"),
    &rule("smtp.provider.host", "The mail server is the provider's", "Email providers")
        .of(Warning)
        .ask(Team::Mail)
        .mend("leave `host` out, or name the provider's server of your region"),
    &rule("smtp.ses.domain", "The sender's domain is validated at Amazon SES", SECURITY)
        .of(Info)
        .ask(Team::Mail)
        .mend("validate the domain in the SES console"),
    &rule("mail.provider.own", "Mail leaves by a server of the customer's own", OPERATIONS)
        .of(Warning)
        .ask(Team::Mail)
        .mend("name a mail server under `smtp`: the built-in one is for tests"),
    &rule("egress.explicit.proxy", "The appliance itself needs no explicit proxy", NETWORK)
        .of(Warning)
        .ask(Team::Proxy)
        .mend("have the nodes leave by NAT or by a transparent proxy"),
    &rule("egress.exception.missing", "Every destination that is needed is among the proxy's exceptions", SECURITY)
        .of(Warning)
        .ask(Team::Proxy)
        .mend("add it to `proxy.exceptions`, and have the proxy pass it without a login"),
    &rule("egress.restricted.ack", "What a site without internet loses is known and accepted", "Internet-restricted deployment")
        .ask(Team::Operator)
        .mend("name the owner who accepts the losses under `internet.accepted_by`"),
    &rule("template.proxy.lint", "The proxy's exceptions name hosts and ports, and no more than is needed", SECURITY)
        .of(Warning)
        .ask(Team::Proxy)
        .mend("name each host by itself, with a port of the list"),
    &rule("access.method", "The way in is a supported one", "Security and Access: remote access")
        .of(Warning)
        .ask(Team::Access)
        .mend("use one jumphost, two, or a VPN"),
    &rule("access.window.bound", "No window may be longer than a day", "Security and Access: remote access")
        .of(Warning)
        .ask(Team::Access)
        .mend("lower `access.longest_window`"),
    &rule("access.approvers", "As many persons may approve a window as it needs", SECURITY)
        .of(Warning)
        .ask(Team::Access)
        .mend("name approvers under `access.approvers`"),
    &rule("access.window.sla", "Approvals can be had around the clock where the SLA asks for it", SECURITY)
        .of(Info)
        .ask(Team::Access)
        .mend("see that an approver can be had at any hour"),
    &connector("conn.url.scheme", "Connectors speak LDAP over TLS").mend("use `ldaps://`"),
    &connector("conn.proxy", "Connectors go out directly").mend("let them leave on port 443 directly"),
    &connector("conn.tenant", "Each connector serves a tenant of this site").mend("name the tenant under `names.tenants`"),
    &connector("conn.one2one", "No two connectors serve one account unless they are one set")
        .of(Error)
        .mend("give each account a connector of its own, or make them one set (`instances`)"),
    &connector("conn.ha.count", "Each account's connector runs twice").mend("add a second instance, with the same configuration"),
    &connector("conn.krb.lb", "Several connectors that browsers reach stand behind a load balancer")
        .of(Error)
        .mend("put a load balancer before them, and name its address under `server_url`"),
    &connector("conn.os", "A connector for Kerberos runs Windows").of(Error).mend("install the connector on Windows Server"),
    &maintenance("upd.age", "The last major update is no older than 90 days").mend("agree on a window for the update"),
    &maintenance("upd.ticket", "The next update's ticket says version, time with its zone, and whether to call")
        .mend("complete `maintenance.next`"),
    &maintenance("upd.snapshot", "Every node's snapshot is taken before an update")
        .mend("take the snapshots; then `maintenance.next.snapshots: true`"),
    &maintenance("upd.dev.first", "The development environment runs the version for a week before production")
        .mend("update it first; then `maintenance.next.development_since`"),
    &maintenance("upd.sequential", "A cluster's nodes are updated one after the other")
        .mend("tick it; then `maintenance.next.sequential: true`"),
    &maintenance("bkp.role", "One node, and not every node, has the backup role").mend("name it under `maintenance.backup_nodes`"),
    &rule("ops.admins", "Two persons administer the appliance, and one is told of security matters", OPERATIONS)
        .of(Warning)
        .mend("name them under `operations.admins` and `operations.security_contact`"),
    &rule("ops.bulletins.review", "The vendor's security bulletins were read this month", OPERATIONS)
        .of(Warning)
        .mend("read them; then `operations.bulletins_read`"),
    &rule("ops.status.subscribed", "Somebody hears of outages of what logins depend on", OPERATIONS)
        .of(Info)
        .mend("subscribe to the status pages of the identity providers in use; then `operations.status_subscribed: true`"),
];
