//! AD/LDAP connectors: their servers, their way to the tenant and to the directory, their settings.

use super::{CheckSpec, Team, Vantage};
use crate::finding::Severity;

const fn spec(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "AD/LDAP prerequisites").at(Vantage::Connector).ask(Team::Directory)
}

/// Hardware.
pub static HARDWARE: CheckSpec = spec("conn.hw", "The connector's server is large enough")
    .ask(Team::Machines)
    .mend("one processor, 2 GB of memory and 500 MB of free disk at least");
/// The tenant.
pub static OUT: CheckSpec = spec("conn.out443", "The connector reaches its tenant on port 443")
    .ask(Team::Network)
    .mend("let the connector's server reach the tenant's name on port 443");
/// The websocket.
pub static HUB: CheckSpec = spec("conn.hub", "A websocket to the tenant opens")
    .of(Severity::Warning)
    .ask(Team::LoadBalancer)
    .mend("have proxy and load balancer pass websockets");
/// Its clock.
pub static CLOCK: CheckSpec = spec("conn.clock", "The connector's clock agrees with the appliance's")
    .mend("give the connector's server a time source: it stops otherwise");
/// The directory's port.
pub static LDAP: CheckSpec = spec("conn.ldap.tcp", "The connector reaches the directory")
    .ask(Team::Network)
    .mend("let the connector's server reach the directory on 636 (or 389)");
/// The directory's certificate.
pub static LDAPS: CheckSpec = spec("conn.ldaps.trust", "The directory's certificate is trusted and names it")
    .mend("import the directory's CA on the connector's server");
/// The account.
pub static BIND: CheckSpec =
    spec("conn.ldap.bind", "The directory accepts the account").mend("check `bind_user` and `bind_password` with the directory team");
/// A search.
pub static SEARCH: CheckSpec =
    spec("conn.ldap.search", "The account finds persons in the directory").mend("check `base`, and that the account may read below it");
/// Groups.
pub static GROUPS: CheckSpec = spec("conn.ldap.groups", "The account finds groups and their members in the directory")
    .of(Severity::Warning)
    .mend("let the account read groups and their `member`, or name `base_groups`");
/// Secrets on disk.
pub static PASSWORD: CheckSpec = spec("conn.password.clear", "The directory's password is not left in clear on disk")
    .mend("start the connector once: it replaces the password");
/// The session secret.
pub static SESSION: CheckSpec =
    spec("conn.session.secret", "The session secret is not the one that is shipped").mend("set `SESSION_SECRET` to a random text");
/// Whose it is.
pub static ACCOUNT: CheckSpec = spec("conn.account", "The connector on the server is this tenant's, and no other site's")
    .mend("give each account a connector's server of its own");
/// Debugging.
pub static DEBUG: CheckSpec = spec("conn.debug.user", "No debugging user is let in").mend("take `KERBEROS_DEBUG_USER` out of the settings");
/// Its own certificate.
pub static CERTIFICATE: CheckSpec = spec("conn.cert.expiry", "The connector's own certificate is valid for some time yet")
    .of(Severity::Warning)
    .mend("renew it and provision again: it is never renewed by itself");
/// Restarts.
pub static RESTART: CheckSpec = spec("conn.restart.policy", "The connector is started again however it ends")
    .of(Severity::Warning)
    .mend("`Restart=always` in its unit: a rejected connector ends with status 0");

/// What is tried from its server.
pub static TRIED: &[&CheckSpec] = &[&OUT, &HUB, &LDAP, &LDAPS, &BIND, &SEARCH, &GROUPS];
/// What a look at its server tells.
pub static SURVEYED: &[&CheckSpec] = &[&HARDWARE, &ACCOUNT, &PASSWORD, &SESSION, &DEBUG, &CERTIFICATE, &RESTART];
/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] =
    &[&HARDWARE, &OUT, &HUB, &CLOCK, &LDAP, &LDAPS, &BIND, &SEARCH, &GROUPS, &ACCOUNT, &PASSWORD, &SESSION, &DEBUG, &CERTIFICATE, &RESTART];
