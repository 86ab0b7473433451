//! The server is lost at the worst moments: an event is in the ledger once, or not, or it is said that nobody knows.
#![expect(clippy::disallowed_methods, reason = "a password is put into a file here")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::ledger::{Ledger, LedgerError, LogQuery, OpenOptions};

use super::{Machine, PostgresServer, assert_whole, event, location};
use crate::postgres_server::PASSWORD;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The server never hears of the commit.
    BeforeCommit,
    /// The server commits, and its answer is lost.
    AfterCommit,
}

/// Stands between a ledger and its server.
pub(super) struct Relay {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: Mutex<Option<Cut>>,
    /// After the cut nobody is let through any more.
    ends: AtomicBool,
    /// A cut before the relay is none behind it.
    is_silent: AtomicBool,
    ways: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Relay {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = Arc::clone(&relay.state);
        std::thread::spawn(move || {
            let mut is_closed = false;
            for client in listener.incoming().map_while(Result::ok) {
                is_closed |= state.ends.load(Ordering::SeqCst) && state.cut.lock().unwrap().is_none();
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                if is_closed {
                    continue;
                }
                state.ways.lock().unwrap().push((client.try_clone().unwrap(), server.try_clone().unwrap()));
                let state = Arc::clone(&state);
                std::thread::spawn(move || carry(&client, &server, &state));
            }
        });
        relay
    }

    fn cut(&self, when: Cut) {
        *self.state.cut.lock().unwrap() = Some(when);
    }

    fn is_cut(&self) -> bool {
        self.state.cut.lock().unwrap().is_none()
    }

    /// Cuts the ways before the relay; behind it the server sees nothing of that.
    pub(super) fn cut_silently(&self) {
        self.state.is_silent.store(true, Ordering::SeqCst);
        for (client, _server) in self.state.ways.lock().unwrap().iter() {
            // One that is gone is cut.
            drop(client.shutdown(Shutdown::Both));
        }
    }
}

fn carry(client: &TcpStream, server: &TcpStream, state: &State) {
    let (mut from, mut to) = (client, server);
    let is_muted = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let muted = Arc::clone(&is_muted);
        scope.spawn(move || {
            let (mut from, mut to) = (server, client);
            let mut bytes = [0; 8192];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                if muted.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            drop(client.shutdown(Shutdown::Both));
        });
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let is_commit = bytes[..count].windows(7).any(|window| window == b"COMMIT\0");
            let due = if is_commit { state.cut.lock().unwrap().take() } else { None };
            if due == Some(Cut::BeforeCommit) {
                break;
            }
            is_muted.store(due == Some(Cut::AfterCommit), Ordering::SeqCst);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        drop(client.shutdown(Shutdown::Both));
        if !state.is_silent.load(Ordering::SeqCst) {
            drop(server.shutdown(Shutdown::Both));
        }
    });
}

pub(super) fn behind(server: &PostgresServer) -> (Relay, Machine) {
    let relay = Relay::to(server.port());
    let machine = Machine::new(&format!("postgresql://ada@127.0.0.1:{}/ledger?password=file:password", relay.port));
    std::fs::write(machine.folder.path().join("password"), PASSWORD).unwrap();
    (relay, machine)
}

#[test]
fn an_event_is_in_the_ledger_once_wherever_the_connection_breaks() {
    let server = PostgresServer::start();
    let (relay, machine) = behind(&server);
    let ledger = machine.ledger();
    ledger.append(&event(1)).unwrap();
    for (number, when) in (2..).zip([Cut::BeforeCommit, Cut::AfterCommit, Cut::AfterCommit, Cut::BeforeCommit]) {
        relay.cut(when);
        assert_eq!(ledger.append(&event(number)).unwrap().seq, number, "{when:?}");
        assert!(relay.is_cut(), "nothing was cut");
    }
    assert_eq!(ledger.append(&event(6)).unwrap().seq, 6);
    assert_whole(&ledger, 6);
}

#[test]
fn an_event_whose_commit_nobody_can_ask_after_is_said_to_be_uncertain() {
    let server = PostgresServer::start();
    for (when, is_in) in [(Cut::AfterCommit, true), (Cut::BeforeCommit, false)] {
        server.sql("postgres", "DROP DATABASE ledger WITH (FORCE)");
        server.sql("postgres", "CREATE DATABASE ledger OWNER ada");
        let (relay, machine) = behind(&server);
        let ledger = machine.try_to_open(Duration::from_secs(2)).unwrap();
        ledger.append(&event(1)).unwrap();
        relay.state.ends.store(true, Ordering::SeqCst);
        relay.cut(when);
        let error = ledger.append(&event(2)).unwrap_err();
        assert!(matches!(error, LedgerError::Unsure { seq: 2, .. }), "{error:?}");
        assert!(error.to_string().starts_with("it is not known whether event 2 was recorded in the ledger of north in postgresql://"));
        assert!(error.help().unwrap().contains("audit log"));
        let direct = Ledger::open(&location(&server.url(), "north", machine.folder.path()), &OpenOptions::append()).unwrap();
        assert_eq!(direct.log(&LogQuery::default()).unwrap().len(), 1 + usize::from(is_in), "{when:?}");
        // Whatever it was, the ledger goes on.
        direct.append(&event(3)).unwrap();
        assert_whole(&direct, 2 + u64::from(is_in));
    }
}

#[test]
fn a_server_that_restarts_in_the_midst_of_a_series_costs_no_event_and_doubles_none() {
    let server = PostgresServer::start();
    let machine = Machine::new(&server.url());
    let ledger = machine.ledger();
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=150).for_each(|number| assert_eq!(ledger.append(&event(number)).unwrap().seq, number)));
        for signal in ["INT", "QUIT", "INT"] {
            std::thread::sleep(Duration::from_millis(300));
            server.stop(signal);
            server.resume();
        }
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(20));
            server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis'");
        }
    });
    assert_whole(&ledger, 150);
}
