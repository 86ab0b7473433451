//! The load balancers' configurations, judged and run by the real programs. They listen on sockets in the file system, so
//! that tests beside each other never fight for a port.

#![expect(clippy::disallowed_methods, reason = "tests start the peers they talk to and write their configurations")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

const NAME: &str = "manage.corp.example";

/// A folder with a site, its certificate, and whatever is started in it.
struct Stage {
    folder: tempfile::TempDir,
    children: Vec<Child>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            // The whole group: a master that is killed alone leaves its workers behind.
            let _best_effort = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
            let _reaped = child.wait();
        }
    }
}

impl Stage {
    fn new(nodes: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("pc-").tempdir().unwrap();
        // The servers drop root and must still enter.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Self { folder, children: Vec::new() };
        let (root, chain, key) = certificate();
        for (name, text) in [("root.pem", root), ("chain.pem", chain), ("key.pem", key), ("site.yaml", site(nodes))] {
            std::fs::write(stage.path(name), text).unwrap();
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn portcullis(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(words)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }

    /// The files of a playbook below `out`, the configuration's own paths and addresses turned into this folder's.
    fn render(&self, playbook: &str, config: &str, turned: &[(&str, &str)]) -> PathBuf {
        let output = self.portcullis(&["render", playbook, "--out", "out", "--show-secrets"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = self.path("out").join(config);
        let text = turned.iter().fold(std::fs::read_to_string(&path).unwrap(), |text, (from, to)| {
            assert!(text.contains(from), "`{from}` is not in:\n{text}");
            text.replace(from, to)
        });
        std::fs::write(&path, text).unwrap();
        path
    }

    fn start(&mut self, command: &mut Command) {
        let log = std::fs::File::create(self.path(&format!("log-{}", self.children.len()))).unwrap();
        // Daemons close every descriptor they might have; where the limit is a billion that takes seconds.
        let mut limited = Command::new("prlimit");
        let limited = limited.arg("--nofile=4096").arg(command.get_program()).args(command.get_args());
        let child = limited.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        self.children.push(child.unwrap());
    }

    /// A node, served by nginx with the site's certificate; its answer is its name.
    fn start_node(&mut self, name: &str) {
        let at = self.folder.path().display();
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{name}-{kind};")).concat();
        let config = format!(
            "daemon off; master_process off; pid {at}/{name}.pid; error_log stderr;
             events {{ }}
             http {{ access_log off; {temporary}
             server {{ listen unix:{at}/{name}.sock ssl; ssl_certificate {at}/chain.pem; ssl_certificate_key {at}/key.pem;
             return 200 \"{name} for $http_host by $http_x_forwarded_proto\"; }} }}"
        );
        std::fs::write(self.path(&format!("{name}.conf")), config).unwrap();
        let (config, log) = (self.at(&format!("{name}.conf")), self.at(&format!("{name}.error")));
        self.start(Command::new("nginx").args(["-c", &config, "-e", &log]));
        self.wait_for(&format!("{name}.sock"));
    }

    fn wait_for(&self, socket: &str) {
        let begun = Instant::now();
        while UnixStream::connect(self.path(socket)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{socket} did not come up: {}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn logs(&self) -> String {
        let texts = (0..self.children.len()).filter_map(|number| std::fs::read_to_string(self.path(&format!("log-{number}"))).ok());
        texts.collect()
    }

    /// What a user gets who trusts the root alone: the answer, and how many certificates came with the leaf.
    fn ask(&self, socket: &str) -> (String, usize) {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_ca_file(self.path("root.pem")).unwrap();
        connector.set_min_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        let stream = UnixStream::connect(self.path(socket)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut stream = connector.build().connect(NAME, stream).unwrap();
        let sent = stream.ssl().peer_cert_chain().unwrap().len();
        write!(stream, "GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n").unwrap();
        (read(&mut stream), sent)
    }

    /// Asks until the answer is this, for as long as a health check may take.
    fn ask_until(&self, socket: &str, is_meant: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let (answer, _) = self.ask(socket);
            if is_meant(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{answer}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn ask_plainly(&self, socket: &str) -> String {
        let mut stream = UnixStream::connect(self.path(socket)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET /a?b=c HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n").unwrap();
        read(&mut stream)
    }
}

// A server that ends TLS without a word is no failure here.
fn read(stream: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let _ended_somehow = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn site(nodes: &[&str]) -> String {
    let nodes: Vec<String> = nodes
        .iter()
        .enumerate()
        .map(|(index, address)| format!("  - {{name: a0-{index}, address: \"{address}\", user: admin}}\n"))
        .collect();
    let nodes = nodes.concat();
    format!(
        "site: shop\nenvironment: production\nroute: {{vpn: true}}\nnodes:\n{nodes}load_balancer: {{address: shop.corp.example, machines: [{{name: lb-1, address: 10.0.0.5}}]}}\n\
         names: {{dashboard: {NAME}, configuration: config.corp.example}}\nntp: [ntp1.corp.example, 10.0.0.9]\n\
         tls: {{terminates: load-balancer, certificate: {{files: [chain.pem], key: key.pem, roots: [root.pem]}}}}\n"
    )
}

/// Root, chain and key.
fn certificate() -> (String, String, String) {
    let ca = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2024, 1, 1), rcgen::date_time_ymd(2060, 1, 1));
        params
    };
    let root = CertifiedIssuer::self_signed(ca("Root"), KeyPair::generate().unwrap()).unwrap();
    let issuer = CertifiedIssuer::signed_by(ca("Issuer"), KeyPair::generate().unwrap(), &root).unwrap();
    let mut leaf = CertificateParams::new(vec![NAME.to_owned(), "config.corp.example".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, NAME);
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2024, 1, 1), rcgen::date_time_ymd(2060, 1, 1));
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    (root.pem(), format!("{}{}", certificate.pem(), issuer.pem()), key.serialize_pem())
}

fn judged(program: &str, words: &[&str]) {
    let output =
        Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}; `make test-deps` installs it"));
    assert!(output.status.success(), "{program}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

fn haproxy(stage: &Stage) -> PathBuf {
    let at = |name: &str| stage.at(name);
    let node = |number: u8| (format!("127.0.0.{number}:443"), format!("unix@{}", at(&format!("node-{number}.sock"))));
    let (one, two) = (node(1), node(2));
    let mine = [
        ("/etc/haproxy/portcullis.pem", at("out/etc/haproxy/portcullis.pem")),
        ("/etc/haproxy/portcullis-node-ca.pem", at("out/etc/haproxy/portcullis-node-ca.pem")),
        ("bind :443 ", format!("bind unix@{} ", at("https.sock"))),
        ("bind :80\n", format!("bind unix@{}\n", at("http.sock"))),
        ("log /dev/log local0", "log stderr local0 alert".to_owned()),
        ("inter 5s", "inter 100ms".to_owned()),
        ("maxconn 20000", "maxconn 100".to_owned()),
        (&one.0, one.1),
        (&two.0, two.1),
    ];
    let turned: Vec<(&str, &str)> = mine.iter().map(|(from, to)| (*from, to.as_str())).collect();
    stage.render("load-balancer-haproxy", "etc/haproxy/haproxy.cfg", &turned)
}

#[test]
fn haproxy_serves_the_full_chain_sends_http_to_https_and_leaves_a_dead_node_out() {
    let mut stage = Stage::new(&["127.0.0.1", "127.0.0.2"]);
    let config = haproxy(&stage);
    judged("haproxy", &["-c", "-f", config.to_str().unwrap()]);
    stage.start_node("node-1");
    stage.start_node("node-2");
    stage.start(Command::new("haproxy").arg("-db").arg("-f").arg(&config));
    stage.wait_for("https.sock");
    let answer = stage.ask_until("https.sock", |answer| answer.starts_with("HTTP/1.1 200"));
    assert!(answer.ends_with("for manage.corp.example by https"), "{answer}");
    assert_eq!(stage.ask("https.sock").1, 2, "the leaf and its issuer");
    assert!(stage.ask_plainly("http.sock").to_lowercase().contains("location: https://manage.corp.example/a?b=c"));
    for name in ["node-2", "node-1"] {
        stage.ask_until("https.sock", |answer| answer.contains(name));
    }
    let mut dead = stage.children.remove(0);
    dead.kill().unwrap();
    dead.wait().unwrap();
    // While it is being found out a request may still be sent there; once it is, none is.
    stage.ask_until("https.sock", |answer| answer.contains("node-2"));
    std::fs::remove_file(stage.path("node-1.sock")).unwrap();
    assert!((0..10).all(|_| stage.ask_until("https.sock", |answer| answer.starts_with("HTTP/1.1 200")).contains("node-2")));
}

#[test]
fn nginx_serves_the_full_chain_sends_http_to_https_and_passes_a_dead_node_by() {
    let mut stage = Stage::new(&["127.0.0.1", "127.0.0.2"]);
    let at = |name: &str| stage.at(name);
    let (one, two) = (format!("server unix:{}", at("node-1.sock")), format!("server unix:{}", at("node-2.sock")));
    let (https, http) =
        (format!("listen unix:{} ssl default_server", at("https.sock")), format!("listen unix:{} default_server", at("http.sock")));
    let tls = at("out/etc/portcullis/tls");
    let turned: &[(&str, &str)] = &[
        ("/etc/portcullis/tls", &tls),
        ("server 127.0.0.1:443", &one),
        ("server 127.0.0.2:443", &two),
        ("listen 443 ssl default_server", &https),
        ("listen 80 default_server", &http),
    ];
    let site = stage.render("load-balancer-nginx", "etc/nginx/conf.d/portcullis-load-balancer.conf", turned);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {};", at(kind))).concat();
    let config = format!(
        "daemon off; master_process off; pid {}; error_log stderr; events {{ }} http {{ access_log off; {temporary} include {}; }}",
        at("lb.pid"),
        site.display()
    );
    std::fs::write(stage.path("lb.conf"), config).unwrap();
    let (config, log) = (stage.at("lb.conf"), stage.at("lb.error"));
    judged("nginx", &["-t", "-c", &config, "-e", &log]);
    stage.start_node("node-1");
    stage.start_node("node-2");
    stage.start(Command::new("nginx").args(["-c", &config, "-e", &log]));
    stage.wait_for("https.sock");
    let (answer, sent) = stage.ask("https.sock");
    assert!(answer.contains("200 OK") && answer.contains("for manage.corp.example by https") && sent == 2, "{answer}");
    assert!(stage.ask_plainly("http.sock").contains("Location: https://manage.corp.example/a?b=c"));
    let mut dead = stage.children.remove(0);
    dead.kill().unwrap();
    dead.wait().unwrap();
    std::fs::remove_file(stage.path("node-1.sock")).unwrap();
    // No user notices: the request goes on to the other one.
    assert!((0..10).all(|_| stage.ask("https.sock").0.contains("node-2")));
}

#[test]
fn nodes_with_addresses_of_every_kind_are_taken_and_chrony_takes_the_sites_servers() {
    let stage = Stage::new(&["fd00::11", "10.0.0.12"]);
    let at = stage.at("out/etc/haproxy/portcullis");
    let turned: &[(&str, &str)] = &[("/etc/haproxy/portcullis", &at)];
    let config = stage.render("load-balancer-haproxy", "etc/haproxy/haproxy.cfg", turned);
    judged("haproxy", &["-c", "-f", config.to_str().unwrap()]);
    let config = stage.render("time", "etc/chrony/chrony.conf", &[]);
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("\nserver ntp1.corp.example iburst") && text.contains("\nserver 10.0.0.9 iburst"), "{text}");
    judged("chronyd", &["-p", "-f", config.to_str().unwrap()]);
    assert!(Path::new(&stage.at("out/etc")).is_dir());
}
