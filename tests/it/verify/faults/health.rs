//! What the appliance says of its own health, and the TLS versions that its nodes speak: asked over the lab's real nginx.

use super::{Fault, assert_provoked, turn, with};

const RELOAD: &str = "nginx -t -q && systemctl restart nginx";
const UNDO: &str = "rm -f /etc/nginx/conf.d/00-portcullis-test.conf; mv /run/site.good \"$(cat /run/site.name)\"; systemctl restart nginx";

/// Puts these lines into the server that the playbook installed.
fn serving(lines: &str) -> String {
    format!(
        "grep -rl 'ssl_certificate ' /etc/nginx/conf.d /etc/nginx/sites-enabled 2>/dev/null | head -n 1 >/run/site.name; \
         cp -p \"$(cat /run/site.name)\" /run/site.good; \
         awk -v more='{lines}' '{{print}} !done && /ssl_certificate_key/ {{print more; done=1}}' /run/site.good >\"$(cat /run/site.name)\"; {RELOAD}"
    )
}

#[test]
fn what_the_appliance_finds_wrong_with_itself_is_told_probe_by_probe() {
    let turn = turn();
    turn.write("health.key", "health-key");
    let site = with(&turn, &format!("health_key: \"file:{}\"\n", turn.path("health.key").display()));
    let probes = ["memory", "disk", "services", "network", "internet", "email", "db", "replicaset"];
    let answers = |status: u16| {
        let each: String = probes.iter().map(|probe| format!("location = /health/status/{probe} {{ return {status}; }} ")).collect();
        format!("location = /testall {{ return 200 \"OK\"; }} location = /test {{ return 200 \"{{\\\"clock\\\": $msec}}\"; }} {each}")
    };
    let wrong = answers(520).replace("$msec", "1500000000000").replace('"', "\\\"").replace("\\\\\"", "\\\\\\\"");
    let fault = Fault::on(&turn, "a0-1", &serving(&wrong), UNDO);
    let ill = turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1"]);
    drop(fault);
    let right = answers(204).replace("{\\\"clock\\\": $msec}", "OK").replace('"', "\\\"");
    let fault = Fault::on(&turn, "a0-1", &serving(&right), UNDO);
    let well = turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1"]);
    drop(fault);
    let ids: Vec<String> = probes.iter().map(|probe| format!("health.{probe}")).collect();
    assert_provoked(&ids.iter().map(String::as_str).collect::<Vec<_>>(), "a0-1", &ill, &well);
    for id in ["health.memory", "health.disk", "health.services", "health.network", "health.internet", "health.email", "health.db", "health.replicaset"] {
        assert!(ids.contains(&id.to_owned()));
    }
    assert!(ill.told("health.test").contains("clock is off"), "{}", ill.told("health.test"));

    let refused = "location = /testall { return 200 \\\"OK\\\"; } location /health/ { return 401; }";
    let fault = Fault::on(&turn, "a0-1", &serving(refused), UNDO);
    let ill = turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1"]);
    drop(fault);
    assert!(ill.told("health.auth.key").starts_with("a0-1: "), "{}", ill.stdout);
    let down = "location = /testall { return 503; }";
    let fault = Fault::on(&turn, "a0-1", &serving(down), UNDO);
    let ill = turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1"]);
    drop(fault);
    assert_provoked(&["health.testall"], "a0-1", &ill, &well);
}

#[test]
fn tls_versions_that_nobody_should_speak_are_found_where_they_are_spoken() {
    let turn = turn();
    let old = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;";
    let make = format!(
        "{}; sed -i 's/^ *ssl_protocols/#&/; ' \"$(cat /run/site.name)\"; sed -i 's/^#.*ssl_protocols TLSv1 /ssl_protocols TLSv1 /' \"$(cat /run/site.name)\"; {RELOAD}",
        serving("__OLD__").replace(&format!("; {RELOAD}"), "")
    );
    let make = make.replace("__OLD__", old).replace("sed -i 's/^ *ssl_protocols/#&/; '", "sed -i '/ssl_protocols TLSv1 /!s/^ *ssl_protocols/#&/'").replace("sed -i 's/^#.*ssl_protocols TLSv1 /ssl_protocols TLSv1 /' \"$(cat /run/site.name)\"; ", "");
    let fault = Fault::on(&turn, "a0-2", &make, UNDO);
    let ill = turn.events(&["verify", "--no-mail", "--limit", "a0-2"]);
    drop(fault);
    let well = turn.events(&["verify", "--no-mail", "--limit", "a0-2"]);
    assert_provoked(&["tls.version"], "a0-2", &ill, &well);
    let said: Vec<String> = ill.findings().iter().map(|finding| finding["message"].as_str().unwrap().to_owned()).collect();
    assert!(said.iter().any(|said| said.contains("TLS 1.0")) && said.iter().any(|said| said.contains("TLS 1.1")), "{said:?}");
}
