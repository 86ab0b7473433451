//! One upload through a jumphost, or many logins, by the library alone; `benches/upload.py` runs it beside its peers.
//!
//! `upload FOLDER JUMP_PORT NODE_PORT FILE TARGET` or `upload FOLDER JUMP_PORT NODE_PORT logins COUNT`. FOLDER holds
//! `id` and `known_hosts`. Prints what the client's processor spent, in seconds.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a program for one script"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis::site::model::{Hop, Login, Route};
use portcullis::site::secret::Secrets;
use portcullis::ssh::{ClientConfigSource, Elevation, Exit, Fleet, HostKeys, Script, Settings};
use zeroize::Zeroizing;

fn login(folder: &Path, port: &str) -> Login {
    Login {
        address: "127.0.0.1".to_owned(),
        port: port.parse().unwrap(),
        user: None,
        identities: vec![folder.join("id")],
        passphrase: None,
        agent: false,
        password: None,
        one_time_code: None,
        host_keys: Vec::new(),
    }
}

fn script(text: String, payload: Vec<u8>) -> Script {
    let timeout = Duration::from_mins(10);
    Script { label: "bench", text, payload: Zeroizing::new(payload), elevation: Elevation::None, timeout }
}

/// Seconds of this process's processor time, in user mode and in the kernel (`proc(5)`).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [folder, jump, node, what, target] = arguments.as_slice() else { return println!("run benches/upload.py") };
    let folder = PathBuf::from(folder);
    let mut settings = Settings::new(folder.clone(), std::env::var("USER").unwrap_or("root".to_owned()), jiff::Timestamp::now());
    settings.client_config = ClientConfigSource::None;
    let route = Route { hops: vec![Hop { name: "jump".to_owned(), login: login(&folder, jump) }] };
    let known = HostKeys::from_files(vec![folder.join("known_hosts")]);
    let fleet = Fleet::new(&route, known, settings, Arc::new(Secrets::new(&folder, None)));
    if what == "logins" {
        fleet.jumphost().await.unwrap();
        let before = processor_seconds();
        let all = (0..target.parse().unwrap()).map(|at: u32| {
            let (fleet, login) = (fleet.clone(), login(&folder, node));
            tokio::spawn(async move {
                let session = fleet.session(&format!("node-{at}"), &login).await.unwrap();
                session.run(&script("echo well".to_owned(), Vec::new()), &mut |_| {}).await.unwrap();
                session.round_trips()
            })
        });
        let trips = futures_util::future::join_all(all).await.into_iter().map(Result::unwrap).max().unwrap();
        return println!("{{\"cpu_s\": {:.2}, \"round_trips\": {trips}}}", processor_seconds() - before);
    }
    let session = fleet.session("node", &login(&folder, node)).await.unwrap();
    let payload = std::fs::read(what).unwrap();
    let output = session.run(&script(format!("cat >{target}"), payload), &mut |_| {}).await.unwrap();
    assert_eq!(output.exit, Exit::Code(0), "{}", output.stderr_tail);
    println!("{{\"cpu_s\": {:.2}}}", processor_seconds());
}
