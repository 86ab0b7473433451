//! Real servers on loopback ports, each with a configuration and a folder of its own, ended with the test.

#![expect(clippy::disallowed_methods, reason = "tests start the peers they talk to and write their configurations")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::authority::Leaf;
use crate::ports::free_port;

/// A running server.
pub(crate) struct Peer {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    children: Vec<Child>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Whole groups: masters that are killed alone leave their workers behind. postfix's makes a group of its own.
        if let Ok(master) = fs::read_to_string(self.path("queue/pid/master.pid")) {
            kill_group(master.trim());
        }
        for child in &mut self.children {
            kill_group(&child.id().to_string());
            let _best_effort = child.wait();
        }
    }
}

fn kill_group(leader: &str) {
    let _best_effort = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).stderr(Stdio::null()).status();
}

impl Peer {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(folder: tempfile::TempDir, port: u16, command: &mut Command) -> Self {
        let mut peer = Self { port, folder, children: Vec::new() };
        peer.spawn(command);
        peer.wait_for_port();
        peer
    }

    fn spawn(&mut self, command: &mut Command) {
        let log = fs::File::create(self.path(&format!("log-{}", self.children.len()))).unwrap();
        // Daemons close every descriptor they might have; where the limit is a billion that takes seconds.
        let mut limited = Command::new("prlimit");
        let command = limited
            .arg("--nofile=4096")
            .arg(command.get_program())
            .args(command.get_args())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.children.push(command.spawn().unwrap());
    }

    fn wait_for_port(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(90), "the server did not listen: {}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn logs(&self) -> String {
        let texts = fs::read_dir(self.folder.path()).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().contains("log"));
        texts.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("pc-").tempdir().unwrap();
    // The servers drop root and must still enter.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn owned_by(path: &Path, user: &str) {
    fs::create_dir_all(path).unwrap();
    assert!(Command::new("chown").arg(user).arg(path).status().unwrap().success(), "no user {user}: its package is missing");
}

/// nginx serving `chain` (PEM, in that order), with more directives for the server block.
pub(crate) fn nginx(chain: &str, key: &str, directives: &str) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().display();
    fs::write(folder.path().join("chain.pem"), chain).unwrap();
    fs::write(folder.path().join("key.pem"), key).unwrap();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
         events {{ }}
         http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
         uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
         server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {at}/chain.pem; ssl_certificate_key {at}/key.pem; {directives}
         return 200 OK; }} }}"
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-e").arg(folder.path().join("error.log"));
    Peer::start(folder, port, &mut command)
}

/// nginx without TLS, with these directives.
pub(crate) fn nginx_in_clear(directives: &str) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; events {{ }}
         http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
         uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; server {{ listen 127.0.0.1:{port}; {directives} }} }}"
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-e").arg(folder.path().join("error.log"));
    Peer::start(folder, port, &mut command)
}

/// `HAProxy` serving `chain` (PEM, in that order) in front of nothing: it answers by itself.
pub(crate) fn haproxy(chain: &str, key: &str) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().display();
    fs::write(folder.path().join("site.pem"), format!("{chain}{key}")).unwrap();
    let config = format!(
        "global\n  log stderr format raw local0\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n\
         frontend users\n  bind 127.0.0.1:{port} ssl crt {at}/site.pem alpn h2,http/1.1\n  http-request return status 200\n"
    );
    fs::write(folder.path().join("haproxy.cfg"), config).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(folder.path().join("haproxy.cfg"));
    Peer::start(folder, port, &mut command)
}

/// The user that every mail server here knows.
pub(crate) const MAIL_USER: &str = "appliance";
/// Their password.
pub(crate) const MAIL_PASSWORD: &str = "c0rrect-Horse";

/// postfix with Dovecot's SASL; `options` are main.cf lines that win over the usual ones.
pub(crate) fn postfix(chain: &str, leaf: &Leaf, options: &[&str]) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().to_owned();
    for name in ["etc", "queue"] {
        fs::create_dir(at.join(name)).unwrap();
    }
    owned_by(&at.join("data"), "postfix");
    owned_by(&at.join("mail"), "nobody");
    fs::write(at.join("chain.pem"), format!("{}{chain}", leaf.key)).unwrap();
    fs::write(at.join("etc/main.cf"), main_cf(&at, options)).unwrap();
    fs::write(at.join("etc/master.cf"), master_cf(port)).unwrap();
    // postfix waits until a configuration is two seconds old, in case somebody is still writing it.
    fs::File::options().write(true).open(at.join("etc/main.cf")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let conf = dovecot_conf(&at);
    let mut dovecot = Command::new("dovecot");
    dovecot.arg("-F").arg("-c").arg(&conf);
    let mut postfix = Command::new("postfix");
    postfix.arg("-c").arg(at.join("etc")).arg("start-fg");
    let mut peer = Peer { port, folder, children: Vec::new() };
    peer.spawn(&mut dovecot);
    peer.spawn(&mut postfix);
    peer.wait_for_port();
    let begun = Instant::now();
    while !at.join("auth").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "dovecot did not start: {}", peer.logs());
        std::thread::sleep(Duration::from_millis(50));
    }
    peer
}

fn main_cf(at: &Path, options: &[&str]) -> String {
    let at = at.display();
    format!(
        "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\n\
         inet_protocols = ipv4\nmyhostname = mail.corp.example\nmydestination =\nmynetworks = 192.0.2.0/24\n\
         maillog_file = {at}/mail.log\nmaillog_file_prefixes = {at}\n\
         virtual_mailbox_domains = corp.example\nvirtual_mailbox_maps = static:inbox/\nvirtual_mailbox_base = {at}/mail\n\
         virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n\
         smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {at}/auth\n\
         smtpd_tls_security_level = may\nsmtpd_tls_auth_only = yes\nsmtpd_tls_chain_files = {at}/chain.pem\n\
         smtpd_relay_restrictions = permit_sasl_authenticated, reject\n{}\n",
        options.join("\n")
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nverify unix - - n - 1 verify\nanvil unix - - n - 1 anvil\n\
         proxymap unix - - n - - proxymap\nerror unix - - n - - error\nretry unix - - n - - error\n\
         virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n"
    )
}

fn dovecot_conf(at: &Path) -> PathBuf {
    let shown = at.display();
    fs::create_dir(at.join("dovecot")).unwrap();
    fs::write(at.join("users"), format!("{MAIL_USER}:{{PLAIN}}{MAIL_PASSWORD}::::::\n")).unwrap();
    let config = format!(
        "base_dir = {shown}/dovecot\nlog_path = {shown}/dovecot.log\nprotocols =\nssl = no\ndisable_plaintext_auth = no\n\
         auth_mechanisms = plain login\nauth_failure_delay = 0\n\
         passdb {{\n  driver = passwd-file\n  args = {shown}/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home=/nonexistent\n}}\n\
         service auth {{\n  unix_listener {shown}/auth {{\n    mode = 0666\n  }}\n}}\n\
         service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n"
    );
    let path = at.join("dovecot.conf");
    fs::write(&path, config).unwrap();
    path
}

/// Dovecot's own submission service before a relay on loopback's port `relay`; `lines` of its configuration win over the usual ones.
pub(crate) fn dovecot(chain: &str, leaf: &Leaf, relay: u16, lines: &str) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().to_owned();
    let shown = at.display();
    owned_by(&at.join("box"), "nobody");
    fs::write(at.join("chain.pem"), chain).unwrap();
    fs::write(at.join("key.pem"), &leaf.key).unwrap();
    fs::write(at.join("users"), format!("{MAIL_USER}:{{PLAIN}}{MAIL_PASSWORD}::::::\n")).unwrap();
    let config = format!(
        "base_dir = {shown}/dovecot\nlog_path = {shown}/dovecot.log\nprotocols = submission\nhostname = mail.corp.example\n\
         ssl = required\nssl_cert = <{shown}/chain.pem\nssl_key = <{shown}/key.pem\nmail_location = maildir:{shown}/box\n\
         auth_mechanisms = plain login\nauth_failure_delay = 0\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {relay}\n\
         service submission-login {{\n  inet_listener submission {{\n    address = 127.0.0.1\n    port = {port}\n  }}\n}}\n\
         passdb {{\n  driver = passwd-file\n  args = {shown}/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home=/nonexistent\n}}\n{lines}\n"
    );
    fs::write(at.join("dovecot.conf"), config).unwrap();
    let mut command = Command::new("dovecot");
    command.arg("-F").arg("-c").arg(at.join("dovecot.conf"));
    Peer::start(folder, port, &mut command)
}

/// squid that resolves `names` to loopback, with these access rules (`http_access` lines and what they need).
pub(crate) fn squid(names: &[&str], rules: &str) -> Peer {
    squid_in(folder(), names, "", rules)
}

/// squid that opens TLS: it signs with the CA in `ca` (certificate and key) and itself trusts `world`.
pub(crate) fn intercepting_squid(names: &[&str], ca: &str, world: &str) -> Peer {
    let folder = folder();
    let at = folder.path().display().to_string();
    fs::write(folder.path().join("ca.pem"), ca).unwrap();
    fs::write(folder.path().join("world.pem"), world).unwrap();
    let mut database = Command::new("/usr/lib/squid/security_file_certgen");
    database.arg("-c").arg("-s").arg(folder.path().join("certificates")).args(["-M", "4MB"]);
    assert!(
        database.stdout(Stdio::null()).status().is_ok_and(|status| status.success()),
        "no security_file_certgen: it is in squid-openssl"
    );
    assert!(Command::new("chown").args(["-R", "proxy"]).arg(folder.path().join("certificates")).status().unwrap().success());
    let options = format!("ssl-bump cert={at}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB");
    let rules = format!(
        "sslcrtd_program /usr/lib/squid/security_file_certgen -s {at}/certificates -M 4MB\nsslcrtd_children 1\n\
         acl first at_step SslBump1\nssl_bump peek first\nssl_bump bump all\n\
         tls_outgoing_options cafile={at}/world.pem\nhttp_access allow all"
    );
    squid_in(folder, names, &options, &rules)
}

fn squid_in(folder: tempfile::TempDir, names: &[&str], listen_options: &str, rules: &str) -> Peer {
    let port = free_port();
    let at = folder.path().display().to_string();
    owned_by(&folder.path().join("run"), "proxy");
    let hosts = format!("127.0.0.1 {}\n", names.join(" "));
    fs::write(folder.path().join("hosts"), hosts).unwrap();
    let config = format!(
        "http_port 127.0.0.1:{port} {listen_options}\npid_filename {at}/run/pid\ncache_log {at}/run/cache.log\naccess_log none\n\
         hosts_file {at}/hosts\ncache_effective_user proxy\nshutdown_lifetime 0 seconds\npinger_enable off\n\
         coredump_dir {at}/run\n{rules}\n"
    );
    fs::write(folder.path().join("squid.conf"), config).unwrap();
    let mut command = Command::new("squid");
    command.arg("-N").arg("-f").arg(folder.path().join("squid.conf"));
    Peer::start(folder, port, &mut command)
}

/// slapd with the database that `load` puts into it, in clear or over TLS.
pub(crate) fn slapd(leaf: &Leaf, intermediates: &str, tls: bool, load: fn(&Path, &Path)) -> Peer {
    slapd_with("", leaf, intermediates, tls, load)
}

/// The same with further lines of its configuration.
pub(crate) fn slapd_with(lines: &str, leaf: &Leaf, intermediates: &str, tls: bool, load: fn(&Path, &Path)) -> Peer {
    let (folder, port) = (folder(), free_port());
    let at = folder.path().to_owned();
    let shown = at.display();
    fs::write(at.join("chain.pem"), format!("{}{intermediates}", leaf.pem)).unwrap();
    fs::write(at.join("key.pem"), &leaf.key).unwrap();
    fs::create_dir(at.join("data")).unwrap();
    let tls_lines = if tls {
        format!("TLSCACertificateFile {shown}/chain.pem\nTLSCertificateFile {shown}/chain.pem\nTLSCertificateKeyFile {shown}/key.pem\n")
    } else {
        String::new()
    };
    let config = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         pidfile {shown}/pid\nargsfile {shown}/args\n{tls_lines}{lines}referral ldap://dc2.example\ndatabase mdb\nmaxsize 10485760\nsuffix dc=corp,dc=example\n\
         rootdn cn=root,dc=corp,dc=example\ndirectory {shown}/data\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to attrs=member by dn.exact=cn=svc,dc=corp,dc=example read by * none\n\
         access to * by dn.regex=^cn=(svc|clerk),dc=corp,dc=example$ read by * none\n"
    );
    let path = at.join("slapd.conf");
    fs::write(&path, config).unwrap();
    load(&path, &at);
    let scheme = if tls { "ldaps" } else { "ldap" };
    let mut command = Command::new("slapd");
    // Without a debug level it would leave the foreground.
    command.arg("-f").arg(&path).arg("-h").arg(format!("{scheme}://127.0.0.1:{port}/")).args(["-d", "0"]);
    Peer::start(folder, port, &mut command)
}
