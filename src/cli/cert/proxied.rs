//! One plain `GET` through an HTTP proxy, in the form that proxies expect for `http://` (RFC 9112, 3.2.2).
//!
//! Addresses of issuers are nearly all `http://`, and `ureq` would ask the proxy for a tunnel to port 80, which Squid and
//! most of its kin refuse as they come. HTTP/1.0 keeps the answer simple: no pieces, and its end is the connection's.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Room for the answer's head.
const MAX_HEAD: u64 = 16 * 1024;

/// Asks `proxy` for `url`; reads no more than `limit` bytes of body and one, for no longer than `patience`.
pub(super) fn get(proxy: &ureq::Proxy, url: &str, limit: u64, patience: Duration) -> Result<Answer, String> {
    // The address comes from a certificate: nothing in it may end the line.
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the address holds characters that no address has".to_owned());
    }
    let end = Instant::now() + patience;
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let login = proxy.username().map_or_else(String::new, |user| {
        let login = STANDARD.encode(format!("{user}:{}", proxy.password().unwrap_or_default()));
        format!("Proxy-Authorization: Basic {login}\r\n")
    });
    let request = format!("GET {url} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: portcullis\r\nAccept: */*\r\n{login}\r\n");
    let whole = exchange(proxy, request.as_bytes(), MAX_HEAD + limit + 1, end).map_err(|error| format!("the proxy: {error}"))?;
    parse(&whole).ok_or_else(|| "the proxy's answer is not HTTP".to_owned())
}

fn exchange(proxy: &ureq::Proxy, request: &[u8], limit: u64, end: Instant) -> io::Result<Vec<u8>> {
    let mut connection = connect(proxy, end)?;
    connection.set_write_timeout(Some(left(end)?))?;
    connection.write_all(request)?;
    let mut whole = Vec::new();
    let mut buffer = [0; 4096];
    while (whole.len() as u64) < limit {
        connection.set_read_timeout(Some(left(end)?))?;
        match connection.read(&mut buffer)? {
            0 => break,
            count => whole.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(whole)
}

fn connect(proxy: &ureq::Proxy, end: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (proxy.host(), proxy.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(end)?) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn parse(whole: &[u8]) -> Option<Answer> {
    let at = whole.windows(4).position(|end| end == b"\r\n\r\n")?;
    let (head, body) = whole.split_at_checked(at)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    first.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = first.next()?.parse().ok()?;
    let location = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Some(Answer { status, location: location.map(|(_, place)| place.trim().to_owned()), body: body.get(4..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse(b"HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\nbody").unwrap();
        assert_eq!((answer.status, answer.location.as_deref(), answer.body.as_slice()), (302, Some("http://x/"), b"body".as_slice()));
        for text in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 many\r\n\r\n"] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn an_address_cannot_bring_lines_of_its_own() {
        let proxy = ureq::Proxy::new("http://127.0.0.1:1").unwrap();
        let error = get(&proxy, "http://a/ HTTP/1.0\r\nX: y", 1, Duration::from_secs(1)).unwrap_err();
        assert!(error.contains("no address has"), "{error}");
    }
}
