//! The table of who reads which form of `NO_PROXY`, tried on the programs themselves: a proxy that writes down whom it was asked
//! for, and hosts that nobody knows.

#![expect(clippy::disallowed_methods, reason = "the programs are what is tested")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use portcullis::checks::services::proxy::PROGRAMS;

/// Whatever asks it is answered, and counted.
struct Proxy {
    port: u16,
    asked: Arc<AtomicUsize>,
}

static PROXY: LazyLock<Proxy> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 2048];
            let _whole = stream.read(&mut head);
            let _answered = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    Proxy { port, asked }
});

const REQUESTS: &str = "import sys,requests\ntry: requests.get(sys.argv[1], timeout=3)\nexcept Exception: pass";
const URLLIB: &str = "import sys,urllib.request\ntry: urllib.request.urlopen(sys.argv[1], timeout=3)\nexcept Exception: pass";

fn command(program: &str, url: &str, out: &str) -> Command {
    let words: Vec<&str> = match program {
        "curl" => vec!["curl", "-s", "-m", "3", url],
        "Python requests" => vec!["/usr/bin/python3", "-c", REQUESTS, url],
        "Python urllib" => vec!["/usr/bin/python3", "-c", URLLIB, url],
        "wget" => vec!["wget", "-q", "-T", "3", "-t", "1", "-O", "/dev/null", url],
        "apt" => vec!["/usr/lib/apt/apt-helper", "-o", "Acquire::http::Timeout=3", "-o", "Acquire::Retries=0", "download-file", url, out],
        other => panic!("{other} is tried nowhere"),
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Whether the program goes past the proxy to `host` where `no_proxy` says so.
fn goes_past(program: &str, no_proxy: &str, host: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let before = PROXY.asked.load(Ordering::SeqCst);
    let mut command = command(program, &format!("http://{host}/x"), folder.path().join("out").to_str().unwrap());
    let proxy = format!("http://127.0.0.1:{}", PROXY.port);
    command.env("http_proxy", proxy).env("no_proxy", no_proxy).env("NO_PROXY", no_proxy).env("HOME", folder.path());
    command.status().unwrap_or_else(|error| panic!("{program}: {error}"));
    PROXY.asked.load(Ordering::SeqCst) == before
}

#[test]
fn each_program_reads_the_list_as_the_table_says() {
    let mut wrong = Vec::new();
    for (program, [host, domain, address, network]) in PROGRAMS {
        // Whoever reads no list is tried by nobody, and Go is no program.
        if host.is_empty() || *program == "Go" {
            continue;
        }
        let mut expect = |no_proxy: &str, target: &str, is_expected: bool| {
            if goes_past(program, no_proxy, target) != is_expected {
                wrong.push(format!("{program}: `{no_proxy}` and {target}: expected {is_expected}"));
            }
        };
        expect("host.invalid", "host.invalid", true);
        expect("host.invalid", "a.host.invalid", host.contains("below it") || host.contains("ends in it"));
        if !host.contains("older ones") {
            expect("host.invalid", "xhost.invalid", host.contains("ends in it"));
        }
        expect(".domain.invalid", "domain.invalid", domain.starts_with("the domain"));
        expect(".domain.invalid", "a.domain.invalid", true);
        expect(".domain.invalid", "xdomain.invalid", false);
        expect("127.0.0.9", "127.0.0.9", !address.is_empty());
        expect("127.0.0.0/8", "127.1.2.3", !network.is_empty());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
