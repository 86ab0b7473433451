//! Mail: followed until it has left, and where it does not, told with the server's own words.

use super::turn;

// The instance itself: `postfix` is a name for all of them, and returns before they listen.
const RESTART: &str = "systemctl reset-failed postfix@- 2>/dev/null || true; systemctl restart postfix@-";

#[test]
fn a_mail_leaves_each_node_and_arrives() {
    let turn = turn();
    turn.shell("mail", "rm -f /var/mail/inbox");
    let run = turn.events(&["verify", "--send-to", "ops@lab.example"]);
    run.assert_code(0);
    let arrived = turn.shell(
        "mail",
        "for i in $(seq 200); do [ \"$(grep -o 'a mail from [^ ]*' /var/mail/inbox | sort -u | wc -l)\" -lt 3 ] || break; sleep 0.1; done; cat /var/mail/inbox",
    );
    for node in ["a0-1", "a0-2", "a0-3"] {
        assert!(arrived.contains(&format!("a mail from {node} of ")), "{arrived}");
        assert!(run.summary()["nodes"][node]["subjects"]["mail"]["detail"].as_str().unwrap().contains("sent"));
    }
}

#[test]
fn a_wrong_password_on_a_node_is_told_with_the_mail_server_s_words() {
    let turn = turn();
    turn.shell(
        "a0-2",
        &format!("cd /etc/postfix; cp -p portcullis-sasl-password good; sed -i 's/:[^:]*$/:wrong/' portcullis-sasl-password; {RESTART}"),
    );
    let run = turn.events(&["verify", "--limit", "a0-2"]);
    turn.shell("a0-2", &format!("cd /etc/postfix; mv good portcullis-sasl-password; postsuper -d ALL; {RESTART}"));
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["smtp.mail"]);
    let told = run.told("smtp.mail");
    assert!(told.contains("deferred") && told.contains("535") && told.contains("smtp.password"), "{told}");
    assert_eq!(run.verdict("a0-2", "tls"), "passed");
    turn.events(&["verify", "--limit", "a0-2"]).assert_code(0);
}

#[test]
fn a_mail_service_that_is_down_is_named_with_what_starts_it() {
    let turn = turn();
    turn.shell("a0-1", "systemctl stop postfix");
    let run = turn.events(&["verify", "--limit", "a0-1"]);
    turn.shell("a0-1", "systemctl reset-failed postfix@- 2>/dev/null || true; systemctl start postfix@-");
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["smtp.relay"]);
    assert!(run.told("smtp.relay").contains("systemctl enable --now postfix"));
}

#[test]
fn a_mail_server_under_another_name_gets_no_password_and_no_mail() {
    let turn = turn();
    let (chain, key) = (turn.tls("internet/chain.pem"), turn.tls("internet/key.pem"));
    let wrong = format!(
        "cd /etc/ssl/lab; cp -p chain.pem chain.good; cp -p key.pem key.good; printf '%s' '{chain}' >chain.pem; printf '%s' '{key}' >key.pem"
    );
    turn.shell("mail", &format!("{wrong}; {RESTART}"));
    let login = turn.events(&["verify", "--no-mail", "--limit", "a0-1"]);
    let sent = turn.events(&["verify", "--limit", "a0-1"]);
    turn.shell("mail", &format!("cd /etc/ssl/lab; mv chain.good chain.pem; mv key.good key.pem; {RESTART}"));
    turn.shell("a0-1", "postsuper -d ALL");
    login.assert_code(3);
    assert_eq!(login.ids("error"), ["smtp.certificate"]);
    assert!(login.told("smtp.certificate").contains("mail.lab.example"));
    assert!(login.told("check.not-run").contains("the password was not sent"), "{}", login.told("check.not-run"));
    sent.assert_code(3);
    assert!(sent.told("smtp.mail").contains("deferred"), "{}", sent.told("smtp.mail"));
    turn.events(&["verify", "--no-mail", "--limit", "a0-1"]).assert_code(0);
}

#[test]
fn a_mail_server_without_starttls_is_found_before_anything_is_installed() {
    let turn = turn();
    turn.shell("mail", &format!("postconf -P submission/inet/smtpd_tls_security_level=none; {RESTART}"));
    let run = turn.events(&["check", "--only", "smtp"]);
    turn.shell("mail", &format!("postconf -P submission/inet/smtpd_tls_security_level=encrypt; {RESTART}"));
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["smtp.starttls"]);
    turn.events(&["check", "--only", "smtp"]).assert_code(0);
}
