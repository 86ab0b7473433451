//! What `status` compares each machine with, and the certificate that it shows.

use serde_json::Value;

use crate::road::stage::operator::Operator;
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::lend;

fn status(operator: &Operator) -> Value {
    serde_json::from_str(&operator.run(&["status", "--output", "json"]).assert_code(0).stdout).unwrap()
}

#[test]
fn each_node_is_compared_with_what_ran_on_it_last_and_not_with_what_was_put_back() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let more = "  - id: more\n    file: {path: /etc/small/more, src: small.txt}\n  - id: extra\n    file: {path: /etc/small/extra, src: small.txt}\n";
    operator.write("playbooks/more.yaml", format!("name: more\ntitle: t\nsteps:\n{more}"));
    operator.apply_small().assert_code(0);
    operator.run(&["apply", "more", "--yes", "--limit", &nodes[1].name, "--skip", "extra"]).assert_code(0);
    let drift = || {
        let told = status(&operator);
        [0, 1].map(|at| told["nodes"][at]["drift"].clone())
    };
    assert_eq!(drift(), ["none", "none"]);
    nodes[0].sh("echo by hand >/etc/small/file; echo not ours >/etc/small/more");
    nodes[1].sh("rm /etc/small/more");
    let one = serde_json::json!({"changes": 1});
    assert_eq!(drift(), [one.clone(), one.clone()]);
    nodes[1].sh("echo new >/etc/small/more");
    operator.run(&["rollback", "--yes"]).assert_code(0);
    // What else is in its place now is no longer ours to judge.
    nodes[1].sh("echo other >/etc/small/more");
    assert_eq!(drift(), [one, "none".into()]);
    for node in &nodes {
        node.sh("rm -r /etc/small");
    }
}

#[test]
fn load_balancers_are_shown_and_the_certificate_is_the_one_that_users_meet() {
    let [node, balancer] = lend();
    let mut site = SiteText::with_tls(&[&node]);
    let entry = SiteText::bare(&[&balancer]).nodes[0].render();
    site.sections.push(format!("load_balancer: {{address: {}, machines: [{entry}]}}\n", balancer.address));
    let operator = Operator::with(&site);
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    let told = status(&operator);
    assert_eq!((&told["nodes"][1]["role"], &told["nodes"][1]["drift"]), (&"load-balancer".into(), &"unmanaged".into()), "{told}");
    assert_eq!((&told["nodes"][0]["drift"], &told["nodes"][0]["certificate_seen"]), (&"none".into(), &"served".into()), "{told}");
    let days = told["nodes"][0]["certificate_days"].as_i64().unwrap();
    operator.run(&["apply", "load-balancer-nginx", "--yes"]).assert_code(0);
    let told = status(&operator);
    assert_eq!((&told["nodes"][1]["drift"], &told["nodes"][1]["certificate_days"]), (&"none".into(), &days.into()), "{told}");
    // Somebody lets nginx serve another one, for a week.
    node.sh(
        "cd /etc/portcullis/tls && cp -p key.pem /run/small.key && cp -p chain.pem /run/small.chain && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=manage.acme.lab.example \
         -keyout key.pem -out chain.pem 2>/dev/null && systemctl reload nginx",
    );
    node.wait_until(
        "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -checkend 700000 | grep -q 'will expire'",
    );
    let told = status(&operator);
    let seen = told["nodes"][0]["certificate_days"].as_i64().unwrap();
    assert!((5..=7).contains(&seen) && told["nodes"][0]["drift"]["changes"].as_i64() > Some(1), "{told}");
    assert!(told["next"].to_string().contains("apply rotate-tls"), "{told}");
    node.sh("systemctl stop nginx");
    let told = status(&operator);
    assert_eq!(told["nodes"][0]["certificate_seen"], "installed", "{told}");
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    assert_eq!(status(&operator)["nodes"][0]["certificate_days"], days);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    node.sh("cd /etc/portcullis/tls && cp -p /run/small.key key.pem && cp -p /run/small.chain chain.pem");
    for _ in 0..2 {
        operator.run(&["rollback", "--yes"]).assert_code(0);
    }
}

#[test]
fn a_run_that_was_done_in_part_is_put_back_where_it_was_done() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let act = format!("  - id: act\n    command: {{run: '[ \"$(hostname)\" != {} ]', unless: 'false'}}\n", nodes[1].name);
    operator.write("playbooks/part.yaml", format!("name: part\ntitle: t\nincludes: [small]\nsteps:\n{act}"));
    operator.run(&["apply", "part", "--yes"]).assert_failed(5, &[&format!("{}: rolled back, and stands as before", nodes[1].name)]);
    let back = operator.run(&["rollback", "--yes"]);
    assert!(back.assert_code(0).stdout.contains("on 1 of 2 nodes, 1 file"), "{}", back.stdout);
    assert!(nodes.iter().all(|node| !node.holds("[ -e /etc/small ]")));
}
