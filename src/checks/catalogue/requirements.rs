//! The requirements one by one, as an auditor would number them, and which check stands for each, or why none does.

/// How a requirement is seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// By the check of that id.
    By(&'static str),
    /// By nothing here, for that reason.
    Not(&'static str),
}

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// Its name.
    pub name: &'static str,
    /// How it is seen to.
    pub standing: Standing,
}

const fn by(name: &'static str, id: &'static str) -> Requirement {
    Requirement { name, standing: Standing::By(id) }
}

const fn own(name: &'static str) -> Requirement {
    by(name, name)
}

const fn not(name: &'static str, why: &'static str) -> Requirement {
    Requirement { name, standing: Standing::Not(why) }
}

const TENANT_API: &str = "asks the tenant's Management API, with a client of its own; no site file names one yet";
const CONSOLE: &str = "is shown by the appliance's own console alone, which has no interface for others";

/// All of them.
pub static REQUIREMENTS: &[Requirement] = &[
    own("dns.names.complete"),
    own("dns.label.length"),
    own("dns.label.charset"),
    own("dns.tenant.reserved"),
    own("dns.tenant.levenshtein"),
    own("dns.parent.shared"),
    own("dns.depth"),
    own("dns.env.reserved"),
    own("dns.wt.root"),
    own("dns.resolve"),
    own("dns.target"),
    own("dns.env.isolation"),
    own("dns.rta.frozen"),
    by("cert.format.pfx", "cert.unreadable"),
    by("cert.key.match", "cert.key.mismatch"),
    own("cert.key.type"),
    own("cert.key.encrypted"),
    by("cert.chain.complete", "cert.chain.incomplete"),
    by("cert.chain.root", "cert.chain.root-included"),
    by("cert.public.ca", "cert.untrusted-root"),
    by("cert.san.cover", "cert.name.missing"),
    own("cert.san.future"),
    own("cert.wt"),
    own("cert.custom.each"),
    own("cert.env.unique"),
    by("cert.expiry", "cert.expires-soon"),
    by("cert.sig.hash", "cert.signature.weak"),
    by("cert.served", "tls.served.other-certificate"),
    own("tls.version"),
    own("node.count"),
    own("node.ram"),
    own("node.cpu"),
    own("node.disk.count"),
    own("node.disk.size"),
    own("node.disk.backup"),
    own("node.nic"),
    own("node.ip.static"),
    own("node.segment"),
    own("cluster.hosts"),
    own("cluster.ports"),
    own("cluster.icmp"),
    own("cluster.rtt"),
    own("cluster.hairpin"),
    own("env.isolation"),
    own("lb.present"),
    own("lb.testall"),
    own("lb.mode.aws"),
    own("lb.mode.connector"),
    own("lb.host"),
    own("lb.xfp"),
    own("lb.ws"),
    not("lb.realip", "takes a login of a user and a look into the tenant's log"),
    own("lb.config.lint"),
    own("egress.apt"),
    own("egress.docker"),
    own("egress.gateway"),
    own("egress.cdn"),
    own("egress.github"),
    own("egress.maxmind"),
    own("egress.admin.browser"),
    by("egress.proxy.auth", "proxy.auth"),
    by("egress.proxy.mitm", "proxy.intercepted"),
    own("egress.explicit.proxy"),
    own("egress.dns"),
    own("egress.restricted.ack"),
    own("template.proxy.lint"),
    own("smtp.tcp"),
    own("smtp.starttls"),
    own("smtp.auth.plain"),
    own("smtp.auth.login"),
    own("smtp.login"),
    own("smtp.port25"),
    own("smtp.ses.domain"),
    own("smtp.fields"),
    by("smtp.health", "health.email"),
    own("mail.provider.own"),
    own("access.method"),
    own("access.jump.key"),
    own("access.jump.hostkey"),
    own("access.path"),
    own("access.allowlist"),
    own("access.closed"),
    own("access.window.bound"),
    own("access.window.sla"),
    by("access.window.expired", "access.closed"),
    own("access.key.perm"),
    not("access.a0cli", "takes a key of the appliance's own command line, which stays on the workstation that made it"),
    own("health.testall"),
    own("health.test"),
    own("health.auth.key"),
    own("health.memory"),
    own("health.disk"),
    own("health.services"),
    own("health.network"),
    own("health.internet"),
    own("health.email"),
    own("health.db"),
    own("health.replicaset"),
    own("health.9110.exposed"),
    own("time.ntp.set"),
    own("time.ntp.opts"),
    own("time.skew"),
    own("time.pairwise"),
    own("time.vmware"),
    own("upd.age"),
    own("upd.ticket"),
    own("upd.snapshot"),
    not("upd.precheck", "is `verify`, run an hour before the update"),
    own("upd.dev.first"),
    own("upd.sequential"),
    not("upd.postcheck", CONSOLE),
    own("bkp.role"),
    not("bkp.space", CONSOLE),
    not("bkp.md5", CONSOLE),
    own("conn.hw"),
    own("conn.os"),
    own("conn.out443"),
    own("conn.hub"),
    own("conn.clock"),
    own("conn.ldap.tcp"),
    own("conn.ldap.bind"),
    own("conn.ldap.search"),
    own("conn.ldap.groups"),
    own("conn.ldaps.trust"),
    own("conn.url.scheme"),
    own("conn.password.clear"),
    own("conn.session.secret"),
    own("conn.debug.user"),
    own("conn.proxy"),
    own("conn.cert.expiry"),
    not("conn.thumbprint", "takes the ticket's address, which is a secret of the connector"),
    not(
        "conn.ha.same",
        "takes a login on each server of a set, of which the site file names one; the connector's own export and import keeps them equal",
    ),
    own("conn.ha.count"),
    own("conn.krb.lb"),
    own("conn.restart.policy"),
    not("conn.status", TENANT_API),
    own("conn.one2one"),
    not("ops.stream.active", TENANT_API),
    not("ops.export.lag", TENANT_API),
    not("ops.ratelimit.scan", TENANT_API),
    not("ops.ratelimit.enabled", TENANT_API),
    not("ops.errors.scan", TENANT_API),
    not("ops.synthetic.login", TENANT_API),
    not("ops.synthetic.user", TENANT_API),
    own("ops.status.subscribed"),
    own("ops.admins"),
    own("ops.bulletins.review"),
    not("ops.fw.allowlist", "compares the rules of the customer's other firewalls, which no machine of the site can see"),
    not("org.plan.serial", TENANT_API),
    not("org.rmw.verify", TENANT_API),
    by("org.tenant.name", "dns.tenant.reserved"),
    not("org.grant.scope", TENANT_API),
    not("org.budget", TENANT_API),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_is_said_to_be_checked_is_and_each_requirement_stands_once() {
        let mut seen = HashSet::new();
        for requirement in REQUIREMENTS {
            assert!(seen.insert(requirement.name), "{} stands twice", requirement.name);
            if let Standing::By(id) = requirement.standing {
                assert!(
                    crate::checks::catalogue::find(id).is_some(),
                    "{} is said to be seen to by {id}, which is no check",
                    requirement.name
                );
            }
        }
        let checked = REQUIREMENTS.iter().filter(|requirement| matches!(requirement.standing, Standing::By(_))).count();
        assert!(checked >= 100, "{checked} of {}", REQUIREMENTS.len());
    }
}
