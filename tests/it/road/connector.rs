//! The playbook `connector` on a machine of its own, and the checks of a connector's server: each fault is real, is found, and
//! is gone when the playbook or a hand has mended it.

use super::stage::machine::Machine;
use super::stage::operator::Operator;
use super::stage::site_text::{SiteText, identity, state};
use super::stage::standing::lend_one;

/// The vendor's unit, as it should not be.
const UNIT: &str = "[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\n";
/// Settings as somebody left them who tried things out.
const SETTINGS: &str = r#"{"PROVISIONING_TICKET": "https://login.other.example/p/ad/7hWxQ", "LDAP_BIND_PASSWORD": "hunter2", "SESSION_SECRET": "a1b2c3d4567", "KERBEROS_DEBUG_USER": "joe", "PORT": 4000}"#;

fn site(node: &Machine, server: &Machine, more: &str) -> String {
    let mut site = SiteText::bare(&[node]);
    site.sections.push(
        "names: {dashboard: manage.acme.lab.example, configuration: config.acme.lab.example, tenants: [identity.acme.lab.example]}\n"
            .to_owned(),
    );
    let login = format!("address: {}, user: {}, {}, agent: false", server.address, server.user, identity());
    site.sections.push(format!(
        "connectors:\n  - {{name: ad-1, tenant: identity.acme.lab.example, ldap_url: \"ldaps://dc.lab.example\", system: linux, {login}, ca_certificates: [\"{}\"]{more}}}\n",
        state("tls/root.pem")
    ));
    site.render()
}

#[test]
fn a_connectors_server_is_prepared_and_its_faults_are_found_and_mended() {
    let (node, server) = (lend_one(), lend_one());
    let operator = Operator::with_text(&site(&node, &server, ""));
    server.sh("mkdir -p /opt/auth0-adldap/certs");
    server.sh(&format!("cat >/etc/systemd/system/auth0-adldap.service <<'X'\n{UNIT}X"));
    server.sh(&format!("cat >/opt/auth0-adldap/config.json <<'X'\n{SETTINGS}\nX"));
    server.sh("openssl req -x509 -newkey rsa:2048 -nodes -days 10 -subj /CN=ad -keyout /opt/auth0-adldap/certs/cert.key -out /opt/auth0-adldap/certs/cert.pem 2>/dev/null; systemctl daemon-reload");
    let own = "conn.account,conn.password,conn.session,conn.debug,conn.cert,conn.restart";
    let ids = |operator: &Operator| -> Vec<String> {
        let events = operator.run(&["check", "--only", own, "-v", "--output", "json"]).events();
        crate::seen::in_events(&events);
        let found = events.iter().filter(|event| event["event"] == "finding");
        found.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = ids(&operator);
    found.sort();
    assert_eq!(
        found,
        ["conn.account", "conn.cert.expiry", "conn.debug.user", "conn.password.clear", "conn.restart.policy", "conn.session.secret"]
    );

    operator.run(&["apply", "connector", "--yes"]).assert_code(0);
    assert!(!ids(&operator).contains(&"conn.restart.policy".to_owned()), "the playbook mends what is its own");
    assert_eq!(server.sh("stat -c '%a %U:%G' /opt/auth0-adldap").trim(), "750 auth0-adldap:auth0-adldap");
    assert!(server.sh("getent passwd auth0-adldap").trim().ends_with(":/usr/sbin/nologin"));
    assert!(server.holds("systemctl is-active --quiet chrony"));
    server.sh(&format!("cat >/run/root.pem <<'X'\n{}X", std::fs::read_to_string(state("tls/root.pem")).unwrap()));
    assert!(server.holds("openssl verify /run/root.pem 2>/dev/null | grep -q ': OK'"), "the directory's CA is trusted");
    operator.run(&["plan", "connector"]).assert_code(0);
    // It runs as its own account, and comes back however it ends.
    server.sh("systemctl start auth0-adldap");
    assert_eq!(server.sh("ps -o user:20= -p $(systemctl show -p MainPID --value auth0-adldap)").trim(), "auth0-adldap");
    assert_eq!(server.sh("stat -c %U /opt/auth0-adldap/config.json").trim(), "auth0-adldap");

    server.sh(r#"echo '{"PROVISIONING_TICKET":"https://identity.acme.lab.example/p/ad/7hWxQ","SESSION_SECRET": "Lw6rXuq1", "PORT": 4000}' >/opt/auth0-adldap/config.json"#);
    server.sh("openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=ad -keyout /opt/auth0-adldap/certs/cert.key -out /opt/auth0-adldap/certs/cert.pem 2>/dev/null");
    assert_eq!(ids(&operator), Vec::<String>::new());

    // A proxy for the way out is the service's alone.
    operator.write("site.yaml", site(&node, &server, ", http_proxy: \"http://proxy.lab.example:3128\""));
    operator.run(&["apply", "connector", "--yes"]).assert_code(0);
    assert!(server.sh("systemctl show -p Environment auth0-adldap").contains("HTTP_PROXY=http://proxy.lab.example:3128"));
    server.sh("systemctl stop auth0-adldap; rm -rf /opt/auth0-adldap /etc/systemd/system/auth0-adldap.service /run/root.pem; userdel auth0-adldap");
}

/// Makes the package of chrony anew from what is installed, in a repository of its own, and takes chrony away with all its settings but
/// the lab's own (`-x`: the clock is the host's).
const REPOSITORY: &str = r#"mkdir -p /srv/repo/tree/DEBIAN; cd /srv/repo/tree
dpkg -L chrony | while read -r f; do if [ -f "$f" ]; then echo "$f"; fi; done | tar -cP --no-recursion -T - | tar -x 2>/dev/null
for s in preinst postinst prerm postrm conffiles; do [ ! -e /var/lib/dpkg/info/chrony.$s ] || cp -p /var/lib/dpkg/info/chrony.$s DEBIAN/$s; done
dpkg-query -s chrony | sed '/^Status:/d; /^Conffiles:/,/^[A-Z]/{/^Conffiles:/d; /^ /d}' >DEBIAN/control
cd ..; dpkg-deb -b tree chrony.deb >/dev/null; rm -r tree
{ dpkg-deb -f chrony.deb; echo "Filename: ./chrony.deb"; echo "Size: $(stat -c %s chrony.deb)"; echo "SHA256: $(sha256sum chrony.deb | cut -d ' ' -f 1)"; } >Packages
cp /etc/apt/sources.list /root/sources.list; echo 'deb [trusted=yes] file:/srv/nowhere ./' >/etc/apt/sources.list
systemctl stop chrony; dpkg --purge chrony >/dev/null 2>&1; printf 'DAEMON_OPTS="-F 1 -x"\n' >/etc/default/chrony"#;

#[test]
fn what_a_server_lacks_is_installed_and_its_clock_follows_the_sites_time_servers() {
    let (node, server) = (lend_one(), lend_one());
    let operator = Operator::with_text(&format!("{}ntp: [10.77.0.2]\n", site(&node, &server, "")));
    server.sh(REPOSITORY);
    assert!(!server.holds("command -v chronyd") && !server.holds("test -e /etc/chrony"));
    // Where apt has nothing to install from, that is said with apt's own words, and the server stands as before.
    let failed = operator.run(&["apply", "connector", "--yes"]);
    failed.assert_code(1);
    assert!(failed.stderr.contains("connector-packages") && failed.stderr.contains("/srv/nowhere"), "{}", failed.stderr);
    assert!(!server.holds("test -e /etc/chrony/chrony.conf") && !server.holds("test -d /opt/auth0-adldap"));

    server.sh("sed -i s/nowhere/repo/ /etc/apt/sources.list");
    operator.run(&["apply", "connector", "--yes"]).assert_code(0);
    assert!(server.sh("dpkg-query -W -f '${Status}' chrony").contains("install ok installed"));
    assert!(server.holds("grep -q '^server 10.77.0.2 iburst' /etc/chrony/chrony.conf"), "the package's own file does not win");
    assert!(server.holds("chronyc -c -n tracking | grep -q ',Normal$'") && server.holds("systemctl is-enabled --quiet chrony"));
    let before = server.fingerprint();
    operator.run(&["plan", "connector"]).assert_code(0);
    operator.run(&["apply", "connector", "--yes"]).assert_code(0);
    before.assert_same(&server.fingerprint());
    server.sh("mv /root/sources.list /etc/apt/sources.list; rm -rf /srv/repo /opt/auth0-adldap /etc/systemd/system/auth0-adldap.service.d; userdel auth0-adldap");
}

#[test]
fn without_a_server_to_prepare_the_playbook_says_what_is_missing() {
    let node = lend_one();
    let operator = Operator::with_text(&SiteText::bare(&[&node]).render());
    let run = operator.run(&["apply", "connector", "--yes"]);
    run.assert_code(2);
    assert!(run.stderr.contains("names the address of none") && run.stderr.contains("connectors: ["), "{}", run.stderr);
}
