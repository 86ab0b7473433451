//! The way from the operator to the jumphost: accepts on a loopback address of the host, connects inside the lab's network, and adds latency.
//!
//! The listener was opened in the host's network and handed to the supervisor: a socket stays in the network it was made in. Latency is a delay line (every
//! piece carries the moment it is due), so that it costs time and not throughput.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Pieces in flight in one direction: with 64 KiB each, 32 MiB, which no latency a lab uses can fill.
const PIECES: usize = 512;

/// The latency in force, in microseconds for one direction.
type OneWay = Arc<AtomicU64>;

/// Serves for ever. `delay` is a file with the round trip's milliseconds; a change is seen within a moment.
pub(crate) fn serve(listener: &TcpListener, target: SocketAddr, delay: &Path) {
    let one_way: OneWay = Arc::default();
    {
        let (one_way, delay) = (Arc::clone(&one_way), delay.to_owned());
        thread::spawn(move || {
            loop {
                let millis = std::fs::read_to_string(&delay).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
                one_way.store(millis.saturating_mul(500), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(50));
            }
        });
    }
    for client in listener.incoming().flatten() {
        let one_way = Arc::clone(&one_way);
        thread::spawn(move || connect(&client, target, &one_way));
    }
}

fn latency(one_way: &OneWay) -> Duration {
    Duration::from_micros(one_way.load(Ordering::Relaxed))
}

/// One connection, for its whole life.
fn connect(client: &TcpStream, target: SocketAddr, one_way: &OneWay) {
    // The client's own handshake was with the loopback and took no time. A server behind this latency would have accepted after three passages
    // (SYN, SYN-ACK, ACK).
    thread::sleep(latency(one_way) * 3);
    let Ok(server) = TcpStream::connect_timeout(&target, Duration::from_secs(10)) else { return };
    let pair = || Some((client.try_clone().ok()?, server.try_clone().ok()?));
    let (Some((from_client, to_server)), Some((to_client, from_server))) = (pair(), pair()) else { return };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let back = Arc::clone(one_way);
    let returning = thread::spawn(move || pass(from_server, to_client, &back));
    pass(from_client, to_server, one_way);
    // A thread that panicked has dropped its streams, which is all that could be done about it here.
    drop(returning.join());
}

/// Passes one direction until its source ends, then ends its destination (a half-closed connection stays open the other way).
fn pass(mut source: TcpStream, mut destination: TcpStream, one_way: &OneWay) {
    let (line, due) = mpsc::sync_channel::<(Instant, Vec<u8>)>(PIECES);
    let writer = thread::spawn(move || {
        for (moment, piece) in due {
            thread::sleep(moment.saturating_duration_since(Instant::now()));
            if destination.write_all(&piece).is_err() {
                // The reader must not go on filling the line for nobody.
                drop(destination.shutdown(Shutdown::Both));
                return;
            }
        }
        drop(destination.shutdown(Shutdown::Write));
    });
    let mut buffer = vec![0_u8; 64 * 1024];
    while let Ok(length) = source.read(&mut buffer) {
        let piece = buffer.get(..length).unwrap_or_default().to_vec();
        let ended = piece.is_empty();
        // An end travels with the same latency: an empty piece holds its place in the line.
        if line.send((Instant::now() + latency(one_way), piece)).is_err() || ended {
            break;
        }
    }
    drop(line);
    drop(writer.join());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through_relay(millis: &str, serve_one: impl FnOnce(TcpStream) + Send + 'static) -> TcpStream {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = server.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let delay = std::env::temp_dir().join(format!("portcullis-relay-{}", address.port()));
        crate::host::files::write(&delay, 0o600, millis).unwrap();
        thread::spawn(move || serve(&listener, target, &delay));
        thread::spawn(move || serve_one(server.accept().unwrap().0));
        TcpStream::connect(address).unwrap()
    }

    #[test]
    fn what_is_sent_before_a_half_close_is_answered_after_it() {
        let mut client = through_relay("0", |mut stream| {
            let mut asked = String::new();
            stream.read_to_string(&mut asked).unwrap();
            stream.write_all(asked.to_uppercase().as_bytes()).unwrap();
        });
        client.write_all(b"half").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HALF");
    }

    #[test]
    fn many_megabytes_arrive_whole_and_in_order() {
        let sent: Vec<u8> = (0..20_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let expected = sent.clone();
        let mut client = through_relay("20", move |mut stream| stream.write_all(&sent).unwrap());
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert!(got == expected);
    }
}
