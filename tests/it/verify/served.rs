//! What nodes serve to users, proved from outside.

use super::turn;

// A reload returns before the old workers are gone; a restart returns when the new one listens.
const RESTART: &str = "systemctl reset-failed nginx 2>/dev/null || true; systemctl restart nginx";

#[test]
fn a_leaf_served_alone_is_found_on_that_node_and_on_no_other() {
    let turn = turn();
    turn.shell("a0-1", &format!("cd /etc/portcullis/tls; cp -p chain.pem chain.good; sed -i '/END CERT/q' chain.pem; {RESTART}"));
    let run = turn.events(&["verify", "--no-mail"]);
    turn.shell("a0-1", &format!("cd /etc/portcullis/tls; mv chain.good chain.pem; {RESTART}"));
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["tls.served.chain-incomplete"]);
    let told = run.told("tls.served.chain-incomplete");
    assert!(told.starts_with("a0-1:443") && told.contains("Portcullis Lab Intermediate 2"), "{told}");
    assert_eq!((run.verdict("a0-1", "tls"), run.verdict("a0-2", "tls")), ("failed".to_owned(), "passed".to_owned()));
    turn.events(&["verify", "--no-mail", "--limit", "a0-1"]).assert_code(0);
}

#[test]
fn another_certificate_than_the_site_s_is_noticed_though_its_chain_is_whole() {
    let turn = turn();
    let (chain, key) = (turn.tls("internet/chain.pem"), turn.tls("internet/key.pem"));
    turn.shell(
        "a0-2",
        &format!(
            "cd /etc/portcullis/tls; cp -p chain.pem chain.good; cp -p key.pem key.good; \
             printf '%s' '{chain}' >chain.pem; printf '%s' '{key}' >key.pem; {RESTART}"
        ),
    );
    let run = turn.events(&["verify", "--no-mail", "--limit", "a0-2"]);
    turn.shell("a0-2", &format!("cd /etc/portcullis/tls; mv chain.good chain.pem; mv key.good key.pem; {RESTART}"));
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["tls.served.name-missing", "tls.served.other-certificate"]);
    assert!(run.told("tls.served.name-missing").contains("manage.acme.lab.example"));
    turn.events(&["verify", "--no-mail", "--limit", "a0-2"]).assert_code(0);
}

#[test]
fn a_web_server_that_is_down_is_no_broken_road() {
    let turn = turn();
    turn.shell("a0-3", "systemctl stop nginx");
    let run = turn.events(&["verify", "--no-mail", "--limit", "a0-3"]);
    turn.shell("a0-3", "systemctl reset-failed nginx 2>/dev/null || true; systemctl start nginx");
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["tls.tcp"]);
    assert!(run.told("tls.tcp").contains("connection refused"), "{}", run.told("tls.tcp"));
    assert_eq!(run.verdict("a0-3", "mail"), "passed");
    turn.events(&["verify", "--no-mail", "--limit", "a0-3"]).assert_code(0);
}
