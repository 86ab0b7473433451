//! A way to the jumphost that a test can cut: after so many bytes, or when it says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::operator::Operator;
use super::site_text::{SiteText, read_state};
use super::standing::standing;

/// A relay on loopback before the lab's jumphost.
pub(in crate::road) struct Relay {
    address: SocketAddr,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    /// What is open now.
    streams: Vec<TcpStream>,
    /// Bytes from the operator that are let through before the first cut.
    budget: Option<usize>,
    /// Connections are taken and ended at once.
    is_dead: bool,
}

impl Line {
    fn cut(&mut self) {
        for stream in self.streams.drain(..) {
            // One that has ended by itself is cut as well.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Relay {
    /// Lets everything through until told otherwise.
    pub(in crate::road) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), line: Arc::default() };
        let line = Arc::clone(&relay.line);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let line = Arc::clone(&line);
                std::thread::spawn(move || connect(client, &line));
            }
        });
        relay
    }

    /// Cuts once, when the operator has sent so many bytes from now on.
    pub(in crate::road) fn cut_after(&self, bytes: usize) {
        self.line.lock().unwrap().budget = Some(bytes);
    }

    /// Cuts what is open now; new connections pass.
    pub(in crate::road) fn cut(&self) {
        self.line.lock().unwrap().cut();
    }

    /// Cuts for good.
    pub(in crate::road) fn die(&self) {
        let mut line = self.line.lock().unwrap();
        line.is_dead = true;
        line.cut();
    }

    /// Whether `cut_after` has come true; if not, it no longer will.
    pub(in crate::road) fn was_cut(&self) -> bool {
        self.line.lock().unwrap().budget.take().is_none()
    }

    /// Leads the site's way over this relay.
    pub(in crate::road) fn lead(&self, site: &mut SiteText, operator: &Operator) {
        site.jump.address = self.address.ip().to_string();
        site.jump.port = self.address.port();
        site.known_hosts = self.known_hosts(operator);
        operator.write("site.yaml", site.render());
    }

    fn known_hosts(&self, operator: &Operator) -> PathBuf {
        let known = read_state("known_hosts");
        let jump = known.lines().next().unwrap().split_once(' ').unwrap().1;
        operator.write("known_hosts", format!("[{}]:{} {jump}\n{known}", self.address.ip(), self.address.port()))
    }
}

fn connect(client: TcpStream, line: &Arc<Mutex<Line>>) {
    let Ok(server) = TcpStream::connect(standing().lab.jump_address()) else { return };
    {
        let mut open = line.lock().unwrap();
        open.streams.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        if open.is_dead {
            open.cut();
        }
    }
    let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || pass(from_server, to_client, &mut |_| true));
    let line = Arc::clone(line);
    pass(client, server, &mut |length| {
        let mut line = line.lock().unwrap();
        match line.budget {
            Some(left) if left <= length => {
                line.budget = None;
                line.cut();
                false
            }
            left => {
                line.budget = left.map(|left| left - length);
                true
            }
        }
    });
}

fn pass(mut source: TcpStream, mut destination: TcpStream, may: &mut dyn FnMut(usize) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = source.read(&mut buffer) {
        if !may(length) || destination.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    // Already cut: nothing is left to end.
    drop(destination.shutdown(Shutdown::Write));
}
