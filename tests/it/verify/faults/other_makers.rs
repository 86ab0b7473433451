//! Servers of other makers than the lab's own in their places: exim for postfix, tinyproxy for squid, `HAProxy` for
//! nginx. Each is well at first where it can be, and then told its faults.

use super::{Fault, assert_provoked, finds, turn, with};

const EXIM: &str = r"id Debian-exim >/dev/null 2>&1 || useradd --system --no-create-home Debian-exim
systemctl stop postfix@-
mkdir -p /run/exim/spool
cp /etc/ssl/lab/chain.pem /etc/ssl/lab/key.pem /run/exim
cat >/run/exim/conf <<'X'
primary_hostname = mail.lab.example
spool_directory = /run/exim/spool
log_file_path = /run/exim/%slog
pid_file_path = /run/exim/pid
daemon_smtp_ports = 587
tls_advertise_hosts = *
tls_certificate = /run/exim/chain.pem
tls_privatekey = /run/exim/key.pem
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
OPTIONS
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
begin routers
all:
  driver = redirect
  data = :blackhole:
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth2}{portcullis}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if eq{$auth1}{portcullis}}
X
chown -R Debian-exim /run/exim; chown root /run/exim/conf
/opt/rivals/exim4-daemon-light/usr/sbin/exim4 -bd -C /run/exim/conf
for i in $(seq 600); do ss -ltn | grep -q ':587 ' && exit; sleep 0.05; done; exit 1";
// The port has to be free before postfix takes it again, and a service that is started so often is told that this is meant.
const NO_EXIM: &str = "kill $(cat /run/exim/pid); for i in $(seq 600); do ss -ltn | grep -q ':587 ' || break; sleep 0.05; done; rm -rf /run/exim; \
     systemctl reset-failed postfix@- 2>/dev/null || true; systemctl restart postfix@-; for i in $(seq 600); do ss -ltn | grep -q ':587 ' && exit; sleep 0.05; done; exit 1";

#[test]
fn exim_in_the_place_of_postfix_is_as_good_and_is_told_its_faults() {
    let turn = turn();
    let check = || turn.events(&["check", "--only", "smtp", "--limit", "a0-1"]);
    let well = {
        let _fault = Fault::on(&turn, "mail", &EXIM.replace("OPTIONS", ""), NO_EXIM);
        check()
    };
    well.assert_code(0);
    assert_eq!(well.ids("warning"), Vec::<String>::new(), "{}", well.stdout);
    let ill = {
        let _fault = Fault::on(&turn, "mail", &EXIM.replace("OPTIONS", "message_size_limit = 20K"), NO_EXIM);
        check()
    };
    assert_provoked(&["smtp.sender"], "mail.lab.example", &ill, &well);
    assert!(ill.told("smtp.sender").contains("552") && ill.told("smtp.sender").contains("exim"), "{}", ill.told("smtp.sender"));
    let old = {
        let only = "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";
        let _fault = Fault::on(&turn, "mail", &EXIM.replace("OPTIONS", only), NO_EXIM);
        check()
    };
    assert_provoked(&["smtp.starttls"], "mail.lab.example", &old, &well);
    assert!(old.told("smtp.starttls").contains("tls_require_ciphers"), "{}", old.told("smtp.starttls"));
    let slow = {
        let wait = "acl_smtp_connect = wait\nbegin acl\nwait:\n  accept delay = 30s\n";
        let conf = EXIM.replace("OPTIONS\n", "").replace("begin acl\n", wait);
        let _fault = Fault::on(&turn, "mail", &conf, NO_EXIM);
        turn.events(&["check", "--only", "smtp", "--limit", "a0-1", "--timeout", "3s"])
    };
    assert_provoked(&["smtp.greeting"], "mail.lab.example", &slow, &well);
    assert!(slow.told("smtp.greeting").contains("makes strangers wait on purpose"), "{}", slow.told("smtp.greeting"));
}

/// tinyproxy with these lines.
fn tinyproxy(lines: &str) -> String {
    format!(
        "systemctl stop squid; printf 'Port 3128\\nUser root\\nGroup root\\nTimeout 20\\n{lines}' >/run/tinyproxy.conf; \
         tinyproxy -c /run/tinyproxy.conf; for i in $(seq 600); do ss -ltn | grep -q ':3128 ' && exit; sleep 0.05; done; exit 1"
    )
}

const NO_TINYPROXY: &str = "pkill -x tinyproxy; for i in $(seq 600); do ss -ltn | grep -q ':3128 ' || break; sleep 0.05; done; \
     systemctl reset-failed squid 2>/dev/null || true; systemctl restart squid; for i in $(seq 600); do ss -ltn | grep -q ':3128 ' && exit; sleep 0.05; done; exit 1";

#[test]
fn tinyproxy_in_the_place_of_squid_is_told_a_login_a_refusal_and_neither() {
    let turn = turn();
    let with_lines = |lines: &str| {
        let _fault = Fault::on(&turn, "proxy", &tinyproxy(lines), NO_TINYPROXY);
        turn.events(&["check", "--only", "proxy,egress", "--limit", "a0-1", "--skip", "egress.explicit.proxy"])
    };
    let well = with_lines("");
    well.assert_code(0);
    assert_provoked(&["proxy.auth"], "cdn.auth0.com", &with_lines("BasicAuth someone else\\n"), &well);
    let refused = with_lines("ConnectPort 563\\n");
    assert_provoked(&["proxy.refused"], "cdn.auth0.com", &refused, &well);
    assert!(refused.told("proxy.refused").contains("403 Access violation"), "{}", refused.told("proxy.refused"));
}

/// `HAProxy` on the first node's port 443, in front of nothing, bound like this.
fn haproxy(bind: &str) -> String {
    format!(
        "systemctl stop nginx; cat /etc/portcullis/tls/chain.pem /etc/portcullis/tls/key.pem >/run/site.pem; chmod 600 /run/site.pem; \
         openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=other -keyout /run/o.key -out /run/o.crt 2>/dev/null; \
         cat /run/o.crt /run/o.key >/run/other.pem; \
         printf 'defaults\\n mode http\\n timeout connect 5s\\n timeout client 5s\\n timeout server 5s\\nfrontend f\\n bind :443 ssl {bind}\\n default_backend b\\nbackend b\\n server s 127.0.0.1:9\\n' >/run/haproxy.cfg; \
         haproxy -D -p /run/haproxy.pid -f /run/haproxy.cfg; for i in $(seq 600); do ss -ltn | grep -q ':443 ' && exit; sleep 0.05; done; exit 1"
    )
}

const NO_HAPROXY: &str = "kill $(cat /run/haproxy.pid); rm -f /run/haproxy.* /run/site.pem /run/other.pem /run/o.*; \
                          for i in $(seq 600); do ss -ltn | grep -q ':443 ' || break; sleep 0.05; done; systemctl reset-failed nginx; systemctl start nginx";

#[test]
fn what_a_load_balancer_of_another_maker_does_wrong_is_called_by_its_name() {
    let turn = turn();
    let site = with(&turn, "load_balancer: {address: a0-1.lab.example, port: 443}\n");
    let verify = |bind: &str| {
        let _fault = Fault::on(&turn, "a0-1", &haproxy(bind), NO_HAPROXY);
        turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1", "--timeout", "5s"])
    };
    let of_balancer = |bind: &str, id: &str, words: &[&str]| {
        let run = verify(bind);
        assert!(finds(&run, id, "a0-1"), "{bind}: {id}: {}", run.stdout);
        assert_eq!(run.findings().iter().filter(|finding| finding["id"] == id).count(), 1, "names that fail alike are told together");
        let told = run.told(id);
        assert!(words.iter().all(|word| told.contains(word)), "{bind}: {told}");
        run
    };
    of_balancer("crt /run/site.pem", "lb.testall", &["503", "at least one must answer"]);
    let alone = of_balancer("crt /run/site.pem alpn h2 proto h2", "lb.testall", &["without an answer", "HTTP/2 alone", "alpn h2,http/1.1"]);
    assert!(alone.told("health.testall").contains("without an answer"), "{}", alone.told("health.testall"));
    of_balancer(
        "crt /run/site.pem ca-file /run/o.crt verify required",
        "lb.testall",
        &["demands a client certificate", "ssl_verify_client"],
    );
    let names = ["manage.acme.lab.example, config.acme.lab.example", "configure a certificate for this name"];
    of_balancer("strict-sni crt /run/other.pem", "lb.host", &names);
    of_balancer("crt /run/site.pem accept-proxy", "lb.host", &["closed the connection", "PROXY protocol"]);
    let old = "crt /run/site.pem ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0";
    of_balancer(old, "lb.host", &["nothing later than TLS 1.1", "ssl-min-ver TLSv1.2"]);
}
