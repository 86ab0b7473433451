//! The steps of an own playbook, and the playbooks that are shipped beside the road's, on real machines.

use super::stage::operator::Operator;
use super::stage::site_text::{SiteText, read_state};
use super::stage::standing::{lend, lend_one};
use super::story::served_chain;

const OWN: &str = "name: own\ntitle: A step of each kind\nsteps:
  - {id: folder, file: {path: \"/srv/it's here\", state: folder, mode: \"0750\", owner: \"www-data:adm\"}}
  - {id: content, file: {path: \"/srv/it's here/a \\\"b\\\" $c\", content: \"one\\ntwo\\n\", mode: \"0640\", owner: \"root:adm\"}}
  - {id: mode, file: {path: /etc/own-key, mode: \"0600\"}}
  - {id: no-cron, service: {name: cron, state: stopped}}
  - {id: ca, trust: {name: own, files: [ca.pem]}}
  - {id: made, command: {run: touch /srv/made, creates: /srv/made}}
  - {id: guarded, command: {run: echo x >>/srv/guarded, unless: test -s /srv/guarded}}
  - {id: wait, wait: {until: test -e /srv/made, seconds: 5}}
";

#[test]
fn every_kind_of_step_is_applied_once_and_put_back() {
    let node = lend_one();
    node.sh("echo key >/etc/own-key; chmod 644 /etc/own-key; rm -rf /srv/*; systemctl enable -q --now cron");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/own.yaml", OWN);
    operator.write("ca.pem", read_state("tls/root.pem"));
    operator.run(&["apply", "own", "--yes"]).assert_code(0);
    assert_eq!(
        node.sh("stat -c '%a %U:%G' \"/srv/it's here\" '/srv/it'\\''s here/a \"b\" $c' /etc/own-key"),
        "750 www-data:adm\n640 root:adm\n600 root:root\n"
    );
    assert_eq!(node.sh("cat /srv/it*/a*; cat /etc/own-key; cat /srv/guarded"), "one\ntwo\nkey\nx\n");
    assert!(node.holds("test -e /srv/made && ! systemctl is-active -q cron && ! systemctl is-enabled -q cron"));
    assert!(node.holds("test -e /etc/ssl/certs/own-1.pem"));
    operator.run(&["plan", "own"]).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert_eq!(node.sh("stat -c '%a' /etc/own-key; cat /etc/own-key"), "644\nkey\n");
    assert!(node.holds("systemctl is-active -q cron && systemctl is-enabled -q cron && ! test -e /etc/ssl/certs/own-1.pem"));
    assert!(!node.holds("ls /srv/it*/a*"));
    node.sh("rm -rf /srv/* /etc/own-key");
}

const TAKEN_BACK: &str = "name: own\ntitle: What is taken back\nsteps:
  - {id: made, file: {path: /srv/new/deep, state: folder}}
  - {id: kept, file: {path: /srv/there, state: folder, mode: \"0777\"}}
  - {id: loaded, command: {run: touch /srv/loaded, creates: /srv/loaded, undo: rm /srv/loaded}}
  - {id: tried, command: {run: \"touch /srv/tried; test ! -e /srv/fails\", creates: /srv/tried, undo: rm /srv/tried}}
  - {id: never, command: {run: touch /srv/never, creates: /srv/never, undo: touch /srv/undone}}
";

#[test]
fn folders_and_commands_are_taken_back_where_they_were_begun() {
    let node = lend_one();
    node.sh("rm -rf /srv/*; install -d -m 750 -o www-data -g adm /srv/there; touch /srv/fails");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/own.yaml", TAKEN_BACK);
    let stand = "cd /srv; stat -c '%n %a %U:%G' *";
    let before = node.sh(stand);
    operator.run(&["apply", "own", "--yes"]).assert_failed(1, &["stands as before", "step `tried`"]);
    assert_eq!(node.sh(stand), before, "what was never begun is not taken back");
    node.sh("rm /srv/fails");
    let before = node.sh(stand);
    operator.run(&["apply", "own", "--yes"]).assert_code(0);
    assert_eq!(
        node.sh("cd /srv; stat -c '%n %a %U:%G' * new/deep"),
        "loaded 644 root:root\nnever 644 root:root\nnew 755 root:root\nthere 777 www-data:adm\ntried 644 root:root\nnew/deep 755 root:root\n"
    );
    operator.run(&["plan", "own"]).assert_code(0);
    let back = operator.run(&["rollback", "--yes"]);
    assert!(!back.assert_code(0).stderr.contains("cannot be put back"), "{}", back.stderr);
    assert_eq!(node.sh(&format!("rm /srv/undone /srv/never; {stand}")), before);
    node.sh("rm -rf /srv/*");
}

#[test]
fn what_a_run_left_that_is_kept_no_longer_still_shows_where_it_is_changed() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let write = |path: &str, content: &str| {
        let text = format!("name: own\ntitle: A file\nsteps:\n  - {{id: a, file: {{path: {path}, content: {content}}}}}\n");
        operator.write("playbooks/own.yaml", text);
        operator.run(&["apply", "own", "--yes"]).assert_code(0);
    };
    write("/srv/first", "first");
    for number in 0..11 {
        write("/srv/next", &format!("n{number}"));
    }
    let changed = || {
        let status = operator.run(&["status", "--output", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status.assert_code(0).stdout).unwrap();
        let files = status["nodes"][0]["files"].clone();
        let by_hand = files.as_array().unwrap().iter().filter(|file| file["changed_by_hand"] == true);
        by_hand.map(|file| file["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(changed().iter().all(|path| !path.starts_with("/srv/")));
    node.sh("echo x >>/srv/first");
    assert_eq!(changed(), ["/srv/first"]);
    node.sh("rm -f /srv/first /srv/next");
}

#[test]
fn a_state_folder_that_others_can_write_to_is_not_used() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/own.yaml", "name: own\ntitle: A file\nsteps:\n  - {id: a, file: {path: /srv/a, content: x}}\n");
    let home = "/var/lib/portcullis";
    node.sh(&format!("rm -rf /srv/a; mkdir -p {home} && mv {home} {home}.aside"));
    let ways = [
        (format!("mkdir -m 777 {home}"), "others may write to"),
        (format!("install -d -o www-data {home}"), "belongs to somebody else"),
        (format!("ln -s /tmp {home}"), "is a symbolic link"),
    ];
    for (made, said) in ways {
        node.sh(&made);
        operator.run(&["apply", "own", "--yes"]).assert_failed(1, &[said]);
        assert!(node.holds("! test -e /srv/a"), "{made}");
        node.sh(&format!("rm -rf {home} /tmp/runs"));
    }
    node.sh(&format!("mv {home}.aside {home}"));
}

#[test]
fn haproxy_serves_the_full_chain_is_reloaded_and_changed_no_second_time() {
    let [node, balancer] = lend();
    // A machine of the lab serves something on port 80 already.
    balancer.sh("systemctl stop nginx");
    let before = balancer.fingerprint();
    let mut site = SiteText::with_tls(&[&node]);
    let entry = SiteText::bare(&[&balancer]).nodes[0].render();
    site.sections.push(format!("load_balancer: {{address: {}, machines: [{entry}]}}\n", balancer.address));
    let operator = Operator::with(&site);
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    node.sh("mkdir -p /etc/nginx/appliance.d && echo 'location / { return 200 \"behind $http_x_forwarded_proto\"; }' >/etc/nginx/appliance.d/a.conf && nginx -s reload");
    // A machine of the lab may not open as many files as a real one.
    let template = std::fs::read_to_string("templates/load-balancer/haproxy.cfg").unwrap();
    operator.write("templates/load-balancer/haproxy.cfg", template.replace("maxconn 20000", "maxconn 200"));
    balancer.sh("systemctl start nginx");
    operator
        .run(&["apply", "load-balancer-haproxy", "--yes"])
        .assert_failed(1, &["stands as before", "step `haproxy`", "cannot bind socket"]);
    balancer.sh("systemctl stop nginx");
    operator.run(&["apply", "load-balancer-haproxy", "--yes"]).assert_code(0);
    let ask = "printf 'GET / HTTP/1.0\\r\\nHost: manage.acme.lab.example\\r\\n\\r\\n' | openssl s_client -quiet -servername manage.acme.lab.example \
               -verify_return_error -verify_hostname manage.acme.lab.example -CAfile /etc/haproxy/portcullis-node-ca.pem -connect 127.0.0.1:443 2>&1 | \
               grep -q 'behind https'";
    balancer.wait_until(ask);
    assert_eq!(served_chain(&balancer, "manage.acme.lab.example"), served_chain(&node, "manage.acme.lab.example"));
    operator.run(&["plan", "load-balancer-haproxy"]).assert_code(0);
    let again = operator.run(&["apply", "load-balancer-haproxy", "--yes"]);
    assert_eq!(again.assert_code(0).stdout, "nothing to change: 1 node stands as desired\n");
    let master = || balancer.sh("systemctl show -p MainPID haproxy");
    let was = master();
    operator.write("templates/load-balancer/haproxy.cfg", template.replace("maxconn 20000", "maxconn 300"));
    operator.run(&["apply", "load-balancer-haproxy", "--yes"]).assert_code(0);
    assert_eq!(master(), was, "it is reloaded, not restarted");
    balancer.wait_until(ask);
    // What it refuses is never taken up.
    operator.write("templates/load-balancer/haproxy.cfg", template.replace("maxconn 20000", "no_such_word"));
    operator.run(&["apply", "load-balancer-haproxy", "--yes"]).assert_failed(1, &[&balancer.name, "stands as before", "haproxy -c"]);
    balancer.wait_until(ask);
    for _ in 0..2 {
        operator.run(&["rollback", "--yes"]).assert_code(0);
    }
    before.assert_same(&balancer.fingerprint());
    balancer.sh("systemctl start nginx");
    node.sh("rm -rf /etc/nginx/appliance.d/a.conf");
}

#[test]
fn a_load_balancer_serves_the_full_chain_and_the_nodes_behind_it() {
    let [node, balancer] = lend();
    let mut site = SiteText::with_tls(&[&node]);
    let entry = SiteText::bare(&[&balancer]).nodes[0].render();
    site.sections.push(format!("load_balancer: {{address: {}, machines: [{entry}]}}\n", balancer.address));
    let operator = Operator::with(&site);
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    node.sh("mkdir -p /etc/nginx/appliance.d && echo 'location / { return 200 \"behind $http_x_forwarded_proto\"; }' >/etc/nginx/appliance.d/a.conf && nginx -s reload");
    operator.run(&["apply", "load-balancer-nginx", "--yes"]).assert_code(0);
    // The lab's names lead elsewhere: the balancer is asked under its name at its own address.
    let address = balancer.address;
    let ask = format!(
        "printf 'GET / HTTP/1.0\\r\\nHost: manage.acme.lab.example\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile /etc/portcullis/tls/node-ca.pem \
         -verify_hostname manage.acme.lab.example -servername manage.acme.lab.example -connect {address}:443 2>&1"
    );
    node.sh(&format!("cat >/etc/portcullis/tls/node-ca.pem <<'E'\n{}E", read_state("tls/root.pem")));
    let answer = node.sh(&ask);
    assert!(answer.contains("behind https"), "{answer}");
    operator.run(&["plan", "load-balancer-nginx"]).assert_code(0);
    operator.run(&["plan", "load-balancer-nginx", "--limit", &node.name]).assert_failed(2, &["no machine that the playbook"]);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert!(!balancer.holds("test -e /etc/nginx/conf.d/portcullis-load-balancer.conf"));
    node.sh("rm -rf /etc/nginx/appliance.d/a.conf /etc/portcullis/tls/node-ca.pem");
}

#[test]
fn time_is_kept_by_the_sites_servers_and_a_server_that_is_none_undoes_the_run() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    site.sections.push("ntp: [jump.lab.example]\n".to_owned());
    let operator = Operator::with(&site);
    operator.run(&["apply", "time", "--yes"]).assert_code(0);
    assert!(node.sh("chronyc -n -c sources").starts_with("^,*,"), "{}", node.sh("chronyc sources"));
    operator.run(&["plan", "time"]).assert_code(0);
    let before = node.sh("cat /etc/chrony/chrony.conf");
    operator.write("site.yaml", site.render().replace("jump.lab.example]\n", "192.0.2.1]\n"));
    operator.write("playbooks/time.yaml", std::fs::read_to_string("playbooks/time.yaml").unwrap().replace("seconds: 60", "seconds: 2"));
    operator.run(&["apply", "time", "--yes"]).assert_failed(1, &["rolled back", "chronyc"]);
    assert_eq!(node.sh("cat /etc/chrony/chrony.conf"), before);
    operator.run(&["rollback", "--yes"]).assert_code(0);
}
