//! Certificates, measured: how ordering grows with the number of certificates, and one PFX as a whole process beside
//! `openssl pkcs12 -export` on a bundle that is in order already. Rows go to `target/bench/certs.json`, the growth as a
//! picture to `target/bench/certs.svg`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench stops where it cannot measure, prints, and runs programs"
)]

mod plot;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::certs::pfx::MODERN_ITERATIONS;
use portcullis::certs::{LeafSelection, NoPasswords, Roots, Source, build_chain, read};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

const RUNS: usize = 41;

fn main() {
    let mut rows = ordering();
    rows.extend(whole_process());
    for row in &rows {
        println!("{row}");
    }
    let text = serde_json::to_string_pretty(&rows).expect("rows are JSON");
    keep("certs.json", &text);
    keep("certs.svg", &picture(&rows));
}

fn keep(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).expect("target/bench can be made");
    portcullis::disk::write_atomically(&folder.join(name), text.as_bytes(), 0o644, portcullis::disk::Existing::Replace)
        .expect("the rows can be written");
}

fn picture(rows: &[Value]) -> String {
    let points = |key: &str| {
        let number = |row: &Value, key: &str| row.get(key).and_then(Value::as_f64);
        rows.iter().filter_map(|row| Some((number(row, "certificates")?, number(row, key)?))).collect()
    };
    let curves = [
        plot::Curve { name: "reading", color: "#1f6feb", points: points("read_s") },
        plot::Curve { name: "finding the chain", color: "#b35900", points: points("order_s") },
    ];
    plot::svg("A bundle's certificates, in the worst order", &curves)
}

/// The fastest run: growth is a property of the program, and other work on the machine only ever adds.
fn fastest(times: &[Duration]) -> f64 {
    times.iter().min().map_or(0.0, Duration::as_secs_f64)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let names = if ca { vec![] } else { vec![name.to_owned()] };
    let mut params = CertificateParams::new(names).expect("the name is one");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
    params
}

/// A chain of `count` certificates, in the worst order: from the root down, so that nothing stands where it is looked for.
fn bundle(count: usize) -> String {
    let key = || KeyPair::generate().expect("keys can be made");
    let mut above = key();
    let root = params("CA 0", true).self_signed(&above).expect("certificates can be made");
    let mut parts = vec![root.pem()];
    for depth in 1..count {
        let last = depth + 1 == count;
        let name = if last { "server.example.com".to_owned() } else { format!("CA {depth}") };
        let own = key();
        let issuer = Issuer::new(params(&format!("CA {}", depth - 1), true), above);
        parts.push(params(&name, !last).signed_by(&own, &issuer).expect("certificates can be made").pem());
        above = own;
    }
    parts.concat()
}

fn ordering() -> Vec<Value> {
    let mut rows = Vec::new();
    for count in [10, 100, 1_000, 10_000] {
        let source = [Source { name: "bundle.pem".to_owned(), bytes: bundle(count).into_bytes() }];
        let now = jiff::Timestamp::from_second(1_796_000_000).expect("a date");
        let (mut reading, mut chaining) = (Vec::new(), Vec::new());
        for _ in 0..(if count > 1_000 { 3 } else { 9 }) {
            let start = Instant::now();
            let bag = read(&source, &NoPasswords);
            // OpenSSL's own reading, which is put off until a certificate is needed: all of these are.
            assert!(bag.certificates.iter().all(|certificate| certificate.x509().is_some()));
            reading.push(start.elapsed());
            let start = Instant::now();
            let chain = build_chain(&bag, &Roots::none(), LeafSelection::default(), now).expect("there is a chain");
            chaining.push(start.elapsed());
            assert_eq!(chain.whole().count(), count);
        }
        rows.push(json!({"bench": "order", "certificates": count, "read_s": fastest(&reading), "order_s": fastest(&chaining)}));
    }
    rows
}

fn timed(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let taken = start.elapsed();
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
    taken
}

/// Both make a PFX of the same four certificates and key with the same iterations, in turns. `PORTCULLIS` names another build.
fn whole_process() -> Vec<Value> {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = |name: &str| -> PathBuf { scratch.path().join(name) };
    let write = |name: &str, text: &str| {
        portcullis::disk::write_atomically(&path(name), text.as_bytes(), 0o600, portcullis::disk::Existing::Replace)
            .expect("files can be written");
    };
    let keys: Vec<KeyPair> = (0..4).map(|_| KeyPair::generate().expect("keys can be made")).collect();
    let mut parts = Vec::new();
    for (depth, own) in keys.iter().enumerate() {
        let name = if depth == 3 { "server.example.com".to_owned() } else { format!("CA {depth}") };
        let own_params = params(&name, depth < 3);
        let certificate = match depth.checked_sub(1).and_then(|above| keys.get(above)) {
            Some(above) => own_params.signed_by(own, &Issuer::new(params(&format!("CA {}", depth - 1), true), above)),
            None => own_params.self_signed(own),
        };
        parts.push(certificate.expect("certificates can be made").pem());
    }
    write("root.pem", parts.first().map_or("", String::as_str));
    write("shuffled.pem", &parts.concat());
    parts.reverse();
    write("ordered.pem", &parts.concat());
    write("server.key", &keys.last().map(KeyPair::serialize_pem).unwrap_or_default());
    write("password", "example");
    let program = std::env::var("PORTCULLIS").unwrap_or_else(|_| env!("CARGO_BIN_EXE_portcullis").to_owned());
    let program = std::path::absolute(program).expect("the program has a path");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut command = Command::new(&program);
        command.current_dir(scratch.path()).args(["cert", "pfx", "--in", "shuffled.pem", "server.key", "--root", "root.pem"]);
        ours.push(timed(command.args(["--include-root", "--out", "ours.pfx", "--force", "--password-from", "file:password"])));
        let mut command = Command::new("openssl");
        command.current_dir(scratch.path()).args(["pkcs12", "-export", "-in", "ordered.pem", "-inkey", "server.key"]);
        theirs.push(timed(command.args(["-iter", &MODERN_ITERATIONS.to_string(), "-passout", "file:password", "-out", "theirs.pfx"])));
    }
    vec![whole("portcullis", ours), whole("openssl pkcs12 -export", theirs)]
}

fn whole(tool: &str, times: Vec<Duration>) -> Value {
    let fastest = fastest(&times);
    json!({"bench": "pfx", "tool": tool, "certificates": 4, "iterations": MODERN_ITERATIONS, "wall_s": median(times), "fastest_s": fastest})
}
