//! The peers are real: mail only for those who authenticate, a proxy that lets excepted names through, names and time for the nodes.

use std::fs;

use portcullis_lab::Lab;

use crate::{sh, shared};

/// Puts a file of the state folder onto a machine.
fn send(lab: &Lab, machine: &str, file: &str, place: &str) {
    let text = fs::read_to_string(lab.state_dir().join(file)).unwrap();
    sh(lab, machine, &format!("printf %s '{text}' >{place}"));
}

fn submit(lab: &Lab, recipient: &str, flags: &str) -> bool {
    send(lab, "a0-2", "tls/root.pem", "/tmp/root.pem");
    sh(lab, "a0-2", "printf 'Subject: from the lab\\r\\n\\r\\nhello\\r\\n' >/tmp/mail");
    let line =
        format!("curl -sS -m 20 --cacert /tmp/root.pem --mail-from noreply@lab.example --mail-rcpt {recipient} -T /tmp/mail {flags}");
    lab.exec("a0-2", &["bash", "-c", &line]).unwrap().status.success()
}

#[test]
fn mail_goes_out_with_a_password_over_starttls_and_over_tls() {
    let lab = shared();
    let password = fs::read_to_string(lab.state_dir().join("smtp-password")).unwrap();
    assert!(submit(lab, "one@lab.example", &format!("--ssl-reqd -u portcullis:{password} smtp://mail.lab.example:587")));
    assert!(submit(lab, "two@lab.example", &format!("-u portcullis:{password} smtps://mail.lab.example:465")));
    let arrived = "for i in $(seq 50); do grep -q one@lab.example /var/mail/inbox && grep -q two@lab.example /var/mail/inbox && exit; sleep 0.1; done; exit 1";
    sh(lab, "mail", arrived);
}

#[test]
fn mail_is_refused_without_a_password_with_a_wrong_one_and_without_tls() {
    let lab = shared();
    let password = fs::read_to_string(lab.state_dir().join("smtp-password")).unwrap();
    assert!(!submit(lab, "x@lab.example", "--ssl-reqd smtp://mail.lab.example:587"));
    assert!(!submit(lab, "x@lab.example", "--ssl-reqd -u portcullis:wrong smtp://mail.lab.example:587"));
    assert!(!submit(lab, "x@lab.example", &format!("-u portcullis:{password} smtp://mail.lab.example:587")));
    assert!(!submit(lab, "x@lab.example", "smtp://mail.lab.example:25"));
}

#[test]
fn the_proxy_demands_authentication_but_for_exceptions() {
    let lab = shared();
    send(lab, "a0-3", "tls/root.pem", "/tmp/root.pem");
    let password = fs::read_to_string(lab.state_dir().join("proxy-password")).unwrap();
    let fetch = |proxy: &str, name: &str| {
        let line = format!("curl -sS -m 20 --cacert /tmp/root.pem {proxy} https://{name}/");
        lab.exec("a0-3", &["bash", "-c", &line]).unwrap()
    };
    let open = "-x http://proxy.lab.example:3128";
    let authenticated = format!("-x http://portcullis:{password}@proxy.lab.example:3128");
    assert!(!fetch("", "cdn.auth0.com").status.success());
    let refused = fetch(open, "cdn.auth0.com");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("407"), "{refused:?}");
    assert_eq!(fetch(&authenticated, "cdn.auth0.com").stdout, b"this is cdn.auth0.com\n");

    let exceptions = "/etc/squid/portcullis-exceptions.conf";
    sh(lab, "proxy", &format!("cp {exceptions} /tmp/kept; echo 'acl portcullis_exceptions dstdomain cdn.auth0.com' >>{exceptions}"));
    let until_open = "systemctl reload squid; for i in $(seq 50); do curl -sk -o /dev/null -x http://10.77.0.4:3128 https://cdn.auth0.com/ && exit; sleep 0.1; done; exit 1";
    sh(lab, "proxy", until_open);
    assert_eq!(fetch(open, "cdn.auth0.com").stdout, b"this is cdn.auth0.com\n");
    assert!(!fetch(open, "www.example.net").status.success());
    sh(lab, "proxy", &format!("cp /tmp/kept {exceptions}; systemctl reload squid"));
}

#[test]
fn a_node_gets_names_and_time_from_inside_the_lab() {
    let lab = shared();
    // Past its own hosts file, as a mail server's lookup goes.
    sh(lab, "a0-3", "for i in $(seq 100); do chronyc -n sources | grep -q '^^\\* 10.77.0.2' && exit; sleep 0.1; done; exit 1");
    let answer = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); \
                  s.sendto(bytes.fromhex('000101000001000000000000046d61696c036c6162076578616d706c650000010001'), ('10.77.0.2', 53)); \
                  print('.'.join(str(byte) for byte in s.recv(512)[-4:]))";
    assert_eq!(sh(lab, "a0-3", &format!("python3 -c \"{answer}\"")), "10.77.0.3");
}
