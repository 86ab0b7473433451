//! Names that mean something else on a node than elsewhere, that lead in a circle, or to IPv6 alone: by a resolver with a table of
//! its own on the node, which knows nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Fault, assert_provoked, finds, turn, with};

const NAMES: [&str; 5] = ["manage", "config", "webtask", "identity", "partners"];
const BACK: &str = "kill $(cat /run/resolver.pid); cat /run/hosts.good >/etc/hosts; cat /run/resolv.good >/etc/resolv.conf; \
                    rm -f /run/resolver.* /run/hosts.good /run/resolv.good";

/// Has the node ask such a resolver alone; `entries` as it takes them.
fn asking(entries: &str) -> String {
    let program = STANDARD.encode(include_str!("resolver.py"));
    format!(
        "cp /etc/hosts /run/hosts.good; cp -L /etc/resolv.conf /run/resolv.good; echo {program} | base64 -d >/run/resolver.py; \
         setsid python3 /run/resolver.py 127.0.0.9 up.lab.example=A:127.0.0.9 {entries} </dev/null >/run/resolver.log 2>&1 & echo $! >/run/resolver.pid; \
         grep -v -e acme.lab -e mail.lab -e proxy.lab /run/hosts.good >/etc/hosts; echo nameserver 127.0.0.9 >/etc/resolv.conf; \
         for i in $(seq 200); do getent ahosts up.lab.example >/dev/null && exit; sleep 0.05; done; cat /run/resolver.log >&2; exit 1"
    )
}

/// All of the site's names, each of that kind.
fn all(value: &str) -> String {
    NAMES.map(|label| format!("{label}.acme.lab.example={value}")).join(" ") + " proxy.lab.example=A:10.77.0.4 mail.lab.example=A:10.77.0.3"
}

#[test]
fn a_view_of_the_names_that_is_another_on_a_node_is_told_with_what_both_say() {
    let turn = turn();
    let hosts = format!("10.77.0.11 {}\n", NAMES.map(|label| format!("{label}.acme.lab.example")).join(" "));
    let balanced = with(&turn, "load_balancer: {address: 10.77.0.11, port: 443}\n");
    let ask = ["check", "--only", "dns", "--limit", "a0-3"];
    let (ill, ill_balanced) = {
        let _fault = Fault::on(&turn, "a0-3", &asking(&all("A:10.99.0.7")), BACK);
        (turn.events_where(&hosts, &turn.site, &ask), turn.events_where(&hosts, &balanced, &ask))
    };
    let (well, well_balanced) = {
        let _fault = Fault::on(&turn, "a0-3", &asking(&all("A:10.77.0.11")), BACK);
        (turn.events_where(&hosts, &turn.site, &ask), turn.events_where(&hosts, &balanced, &ask))
    };
    assert_provoked(&["dns.nodes"], "a0-3", &ill, &well);
    let told = ill.told("dns.nodes");
    assert!(told.contains("manage.acme.lab.example (10.99.0.7 there, 10.77.0.11 here)") && told.contains("ask the DNS team"), "{told}");
    assert_provoked(&["dns.nodes"], "a0-3", &ill_balanced, &well_balanced);
    let told = ill_balanced.told("dns.nodes");
    assert!(told.contains("lead to 10.99.0.7 there, and must lead to the load balancer (10.77.0.11)"), "{told}");
    assert!(told.contains("the resolvers that the node asks (127.0.0.9)"), "{told}");
}

#[test]
fn why_a_name_is_unknown_on_a_node_is_told_as_its_resolver_says_it() {
    let turn = turn();
    let ask = ["check", "--only", "dns.nodes", "--limit", "a0-3"];
    let circle = "manage.acme.lab.example=CNAME:a.lab.example a.lab.example=CNAME:b.lab.example b.lab.example=CNAME:a.lab.example \
                  config.acme.lab.example=CODE:2 webtask.acme.lab.example=CNAME:gone.lab.example";
    let ill = {
        let _fault = Fault::on(&turn, "a0-3", &asking(circle), BACK);
        turn.events(&ask)
    };
    let well = turn.events(&ask);
    assert_provoked(&["dns.nodes"], "a0-3", &ill, &well);
    let told = ill.told("dns.nodes");
    for words in [
        "manage.acme.lab.example (127.0.0.9 says: its aliases (CNAME) lead in a circle: a.lab.example -> b.lab.example -> a.lab.example)",
        "config.acme.lab.example (127.0.0.9 says: the resolver fails at it (SERVFAIL)",
        "webtask.acme.lab.example (127.0.0.9 says: it is an alias (CNAME) of gone.lab.example, which has no address)",
        "identity.acme.lab.example, partners.acme.lab.example (127.0.0.9 says: there is no such name (NXDOMAIN))",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{told}");
    }
}

#[test]
fn a_mail_server_of_ipv6_alone_is_told_to_a_node_that_has_none() {
    let turn = turn();
    let site = turn.site.replace("host: mail.lab.example", "host: mail6.lab.example");
    assert_ne!(site, turn.site);
    let entries = format!("{} mail6.lab.example=", all("A:10.77.0.11"));
    let ask = ["check", "--only", "egress.dns,smtp.tcp", "--limit", "a0-3"];
    let ill = {
        let _fault = Fault::on(&turn, "a0-3", &asking(&format!("{entries}AAAA:2001:db8::25")), BACK);
        turn.events_on(&site, &ask)
    };
    let well = {
        let _fault = Fault::on(&turn, "a0-3", &asking(&format!("{entries}A:10.77.0.3")), BACK);
        turn.events_on(&site, &ask)
    };
    assert_provoked(&["egress.dns"], "a0-3", &ill, &well);
    assert!(ill.told("egress.dns").contains("mail6.lab.example can be reached by IPv6 alone"), "{}", ill.told("egress.dns"));
    assert!(finds(&ill, "smtp.tcp", "mail6.lab.example:587 from a0-3"), "{}", ill.stdout);
    let told = ill.told("smtp.tcp");
    assert!(told.contains("no route") && told.contains("it is IPv6 that a0-3 lacks"), "{told}");
}
