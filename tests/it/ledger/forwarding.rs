//! Events on their way to rsyslog: by TCP and by TLS, while it is away, and under a certificate that is not to be believed.
#![expect(clippy::disallowed_methods, reason = "the receiver is a real one")]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::desk::Desk;
use super::event;
use crate::ports::free_port;

/// An rsyslog that listens on 127.0.0.1 and writes each message's parts as a line of JSON.
struct Receiver {
    process: Child,
}

const OUTPUT: &str = r#"template(name="parts" type="list" option.jsonf="on") {
  property(outname="host" name="hostname" format="jsonf") property(outname="app" name="app-name" format="jsonf")
  property(outname="kind" name="msgid" format="jsonf") property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="facility" name="syslogfacility" format="jsonf") property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf") }
"#;

impl Receiver {
    /// Started, and listening. `tls`: with the certificate `server.pem` of the desk.
    fn start(desk: &Desk, port: u16, tls: bool) -> Self {
        let folder = desk.folder().display();
        let driver = if tls {
            format!(
                "global(defaultNetstreamDriverCAFile=\"{folder}/ca.pem\" defaultNetstreamDriverCertFile=\"{folder}/server.pem\" \
                 defaultNetstreamDriverKeyFile=\"{folder}/server.key\")\n\
                 module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\")\n"
            )
        } else {
            "module(load=\"imtcp\")\n".to_owned()
        };
        let text = format!(
            "global(workDirectory=\"{folder}\")\n{driver}{OUTPUT}input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             action(type=\"omfile\" file=\"{folder}/received\" template=\"parts\")\n"
        );
        let config = desk.write("rsyslog.conf", &text);
        let mut command = Command::new("rsyslogd");
        command.arg("-n").arg("-f").arg(&config).arg("-i").arg(desk.path("rsyslog.pid"));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdout(Stdio::null()).stderr(Stdio::null());
        let mut receiver = Self { process: command.spawn().expect("rsyslogd is there: make test-deps") };
        wait_for("rsyslogd listens", || {
            assert_eq!(receiver.process.try_wait().unwrap(), None, "rsyslogd ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        receiver
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Whichever way the test ends, its receiver goes.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn desk(port: u16, tls: bool) -> Desk {
    let to =
        if tls { format!("to: \"tls://localhost:{port}\", ca_certificates: [ca.pem]") } else { format!("to: \"tcp://127.0.0.1:{port}\"") };
    Desk::new(3, &format!("ledger: {{file: ledger.sqlite, forward: {{{to}}}}}\n"))
}

fn received(desk: &Desk) -> Vec<Value> {
    let text = std::fs::read_to_string(desk.path("received")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until `count` messages are there, and gives them.
fn received_of(desk: &Desk, count: usize) -> Vec<Value> {
    wait_for("the messages arrive", || received(desk).len() >= count);
    received(desk)
}

fn make_certificates(desk: &Desk) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Receivers");
    let issuer = ca.self_signed(&key).unwrap();
    let server_key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &rcgen::Issuer::from_params(&ca, &key)).unwrap();
    desk.write("ca.pem", &issuer.pem());
    desk.write("server.pem", &server.pem());
    desk.write("server.key", &server_key.serialize_pem());
}

#[test]
fn each_event_arrives_by_tcp_with_its_parts_and_its_signed_text() {
    let port = free_port();
    let desk = desk(port, false);
    let _receiver = Receiver::start(&desk, port, false);
    desk.done(&["audit", "log"]);
    let all = received_of(&desk, 4);
    assert_eq!(all.len(), 4, "what was recorded before and this reading: {all:?}");
    let exported = desk.done(&["audit", "export"]);
    let lines: Vec<Value> = exported.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (message, line) in all.iter().zip(&lines) {
        let text: Value = serde_json::from_str(message["text"].as_str().unwrap().trim_start()).unwrap();
        assert_eq!(text, line["event"]);
        assert_eq!((&message["kind"], &message["app"]), (&line["event"]["kind"], &"portcullis".into()));
        assert_eq!(message["facility"], "13");
        let data = message["data"].as_str().unwrap();
        let parts = ["hash", "prev", "signature"].map(|name| format!(" {name}=\"{}\"", line[name].as_str().unwrap()));
        assert!(parts.iter().all(|part| data.contains(part)), "{data}");
    }
}

#[test]
fn a_receiver_that_is_away_stops_nothing_and_gets_everything_later_once() {
    let port = free_port();
    let desk = desk(port, false);
    for _ in 0..2 {
        let said = desk.run(&["audit", "log"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stderr.contains("they stay in the ledger and are sent later"), "{}", said.stderr);
    }
    let said = desk.run(&["audit", "forward"]);
    assert_eq!(said.code, 1, "asked for by hand it is a failure");
    let receiver = Receiver::start(&desk, port, false);
    assert_eq!(desk.done(&["audit", "forward"]), "5 events sent\n");
    assert_eq!(received_of(&desk, 5).len(), 5);
    assert_eq!(desk.done(&["audit", "forward"]), "0 events sent\n");
    drop(receiver);
    desk.ledger().append(&event(9)).unwrap();
    assert_eq!(desk.run(&["audit", "forward"]).code, 1);
    let _receiver = Receiver::start(&desk, port, false);
    assert_eq!(desk.done(&["audit", "forward"]), "1 event sent\n");
    assert_eq!(received_of(&desk, 6).len(), 6);
}

#[test]
fn tls_is_spoken_with_a_receiver_whose_certificate_the_given_ca_signed() {
    let port = free_port();
    let desk = desk(port, true);
    make_certificates(&desk);
    let _receiver = Receiver::start(&desk, port, true);
    assert_eq!(desk.done(&["audit", "forward"]), "3 events sent\n");
    assert_eq!(received_of(&desk, 3).len(), 3);
}

#[test]
fn a_certificate_of_another_ca_gets_nothing() {
    let port = free_port();
    let desk = desk(port, true);
    make_certificates(&desk);
    let _receiver = Receiver::start(&desk, port, true);
    let ca = desk.read("ca.pem");
    make_certificates(&desk);
    let said = desk.run(&["audit", "forward"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("certificate"), "{}", said.stderr);
    desk.write("ca.pem", &ca);
    assert_eq!(desk.done(&["audit", "forward"]), "3 events sent\n", "nothing was lost");
    assert_eq!(received_of(&desk, 3).len(), 3);
}

#[test]
fn a_receiver_that_never_says_that_it_read_is_not_believed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let desk = desk(listener.local_addr().unwrap().port(), false);
    // Sees that something comes, reads none of it, and goes: the connection is reset.
    let thread = std::thread::spawn(move || listener.accept().unwrap().0.peek(&mut [0]).unwrap());
    let said = desk.run(&["audit", "forward"]);
    assert_eq!(thread.join().unwrap(), 1);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(!desk.path("ledger.sent").exists());
}
