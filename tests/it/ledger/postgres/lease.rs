//! One operator at a time on a site, also where the two sit at different machines.

use std::time::{Duration, Instant};

use portcullis::ledger::{LeaseError, LedgerError, ServerError};

use super::super::desk::Desk;
use super::cut::behind as behind_relay;
use super::{Machine, PostgresServer, event, noon};

#[test]
fn one_has_it_at_a_time_and_the_other_learns_who_what_and_since_when() {
    let server = PostgresServer::start();
    let (ada, bob) = (Machine::new(&server.url()), Machine::new(&server.url()));
    let (first, second) = (ada.ledger(), bob.ledger());
    let lease = first.take_lease("ada@desk (portcullis apply, process 7)", noon(0)).unwrap();
    for ledger in [&second, &first] {
        let refused = ledger.take_lease("bob@laptop", noon(9)).unwrap_err();
        assert_eq!(refused.to_string(), "ada@desk (portcullis apply, process 7) works on this site since 2026-11-22T12:00:00Z");
        assert!(refused.help().unwrap().contains("--wait"));
    }
    drop(lease);
    let lease = second.take_lease("bob@laptop", noon(9)).unwrap();
    assert!(matches!(first.take_lease("ada@desk", noon(10)), Err(LeaseError::Held { .. })));
    drop(lease);
    let south = portcullis::ledger::Ledger::open(
        &super::location(&server.url(), "south", ada.folder.path()),
        &portcullis::ledger::OpenOptions::append(),
    );
    let _lease = first.take_lease("ada@desk", noon(11)).unwrap();
    let _other = south.unwrap().take_lease("bob@laptop", noon(11)).expect("another site is another lease");
}

#[test]
fn a_killed_holder_holds_nothing() {
    let server = PostgresServer::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let node = format!("nodes:\n  - {{name: a0-1, address: 127.0.0.1, port: {}}}\n", silent.local_addr().unwrap().port());
    let site = format!("site: north\nenvironment: development\nroute: {{vpn: true}}\n{node}ledger: {{postgres: '{}'}}\n", server.url());
    let desk = Desk::new(0, "");
    desk.write("site.yaml", &site);
    let mut holder = desk.start(&["apply", "bootstrap", "--yes", "--timeout", "60s"]);
    let bob = Machine::new(&server.url());
    let ledger = bob.ledger();
    let deadline = Instant::now() + Duration::from_secs(30);
    let refused = loop {
        match ledger.take_lease("bob@laptop", noon(0)) {
            Err(refused) => break refused,
            Ok(lease) => drop(lease),
        }
        if let Some(status) = holder.try_wait().unwrap() {
            let output = holder.wait_with_output().unwrap();
            panic!("{status}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(Instant::now() < deadline, "nobody takes it");
        std::thread::sleep(Duration::from_millis(20));
    };
    let named = format!("(portcullis apply, process {}) works on this site since", holder.id());
    assert!(refused.to_string().starts_with("operator@") && refused.to_string().contains(&named), "{refused}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    while ledger.take_lease("bob@laptop", noon(0)).is_err() {
        assert!(killed.elapsed() < Duration::from_secs(5), "a dead process holds it");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_holder_whose_old_session_still_stands_there_gets_the_lease_back() {
    let server = PostgresServer::start();
    let (relay, ada) = behind_relay(&server);
    let first = ada.ledger();
    first.append(&event(1)).unwrap();
    let lease = first.take_lease("ada@desk", noon(0)).unwrap();
    // The way there is cut without a word to the server, which keeps the session.
    relay.cut_silently();
    first.append(&event(2)).unwrap();
    let bob = Machine::new(&server.url());
    assert!(matches!(bob.ledger().take_lease("bob@laptop", noon(1)), Err(LeaseError::Held { .. })));
    drop(lease);
    bob.ledger().take_lease("bob@laptop", noon(1)).unwrap();
}

#[test]
fn a_lease_outlives_its_connection_unless_somebody_else_took_it_meanwhile() {
    let server = PostgresServer::start();
    let (ada, bob) = (Machine::new(&server.url()), Machine::new(&server.url()));
    let first = ada.ledger();
    first.append(&event(1)).unwrap();
    let second = bob.ledger();
    let lease = first.take_lease("ada@desk", noon(0)).unwrap();
    let cut = || server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis'");
    cut();
    first.append(&event(2)).unwrap();
    assert!(matches!(second.take_lease("bob@laptop", noon(1)), Err(LeaseError::Held { .. })), "it was taken again");
    cut();
    let theirs = second.take_lease("bob@laptop", noon(1)).unwrap();
    let lost = first.append(&event(3)).unwrap_err();
    let LedgerError::Server(ServerError::LeaseLost { holder, .. }) = &lost else { panic!("{lost:?}") };
    assert_eq!(holder, "bob@laptop");
    drop(theirs);
    assert!(first.append(&event(3)).is_err(), "what bob did is not known to ada's run");
    drop(lease);
    first.append(&event(3)).unwrap();
}
