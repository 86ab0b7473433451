//! What the load balancer, or a node in its place, answers to users: websockets, and plain HTTP.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::request::{Answer, AskError, Request, ask};
use crate::checks::catalogue::front::balancer::{PLAIN_HTTP, WEBSOCKET};
use crate::checks::services::reach::Unreached;
use crate::checks::spec::{CheckSpec, Tally};

/// Who is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Front<'f> {
    /// A name of the site.
    pub name: &'f str,
    /// How long each step may take.
    pub patience: Duration,
}

/// The path at which connectors open their websocket.
const HUB: &str = "/lo/hub";

/// Whether a websocket is opened for a connector, over TLS that stands.
pub async fn websocket<S>(stream: &mut S, front: Front<'_>) -> Result<Answer, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        // Sixteen bytes, as RFC 6455 (4.1) wants them; nothing is kept secret with it.
        ("Sec-WebSocket-Key", "cG9ydGN1bGxpcy1jaGVjaw=="),
    ];
    ask(stream, &Request { host: front.name, path: HUB, headers: &headers }, front.patience).await
}

/// Notes what came of a websocket.
pub(crate) fn judge_websocket(answer: Result<Answer, AskError>, tally: &mut Tally) {
    judge_websocket_as(&WEBSOCKET, answer, tally);
}

/// The same for another check than the load balancer's.
pub(crate) fn judge_websocket_as(spec: &'static CheckSpec, answer: Result<Answer, AskError>, tally: &mut Tally) {
    let fix = "ask the load balancer team to pass `Upgrade` and `Connection` over HTTP/1.1; connectors keep a websocket open";
    match answer {
        Ok(answer) if answer.status == 101 => tally.passed(spec, "101 Switching Protocols"),
        // The appliance is asked for a login first, or wants another version: the upgrade has passed.
        Ok(answer) if matches!(answer.status, 401 | 403) && answer.header("upgrade").is_some() => {
            tally.passed(spec, format!("{} with an upgrade offered", answer.status));
        }
        Ok(answer) => tally.found(spec, format!("an upgrade at {HUB} is answered with {}, not 101", answer.status), fix),
        Err(error) => tally.found(spec, format!("an upgrade at {HUB} fails: {error}"), error.help().unwrap_or(fix)),
    }
}

/// Notes what plain HTTP is answered with; `answer` is the reply to a GET of `/`, or why there is none.
pub(crate) fn judge_plain_http(answer: Result<Result<Answer, AskError>, Unreached>, tally: &mut Tally) {
    let fix = "redirect port 80 to HTTPS (nginx: `return 308 https://$host$request_uri;`), or close it";
    match answer {
        Err(why) => tally.passed(&PLAIN_HTTP, format!("port 80: {why}")),
        Ok(Err(AskError::NotHttp | AskError::Closed | AskError::Http2Only | AskError::ClientCertificate | AskError::Network { .. })) => {
            tally.passed(&PLAIN_HTTP, "port 80 speaks no plain HTTP");
        }
        Ok(Err(error)) => tally.could_not_run(&PLAIN_HTTP, error.to_string()),
        Ok(Ok(answer)) => {
            let to = answer.header("location").unwrap_or_default();
            if (300..400).contains(&answer.status) && to.to_lowercase().starts_with("https://") {
                tally.passed(&PLAIN_HTTP, format!("{} to {to}", answer.status));
            } else if answer.status >= 400 {
                tally.passed(&PLAIN_HTTP, format!("port 80 refuses with {}", answer.status));
            } else {
                let to = if to.is_empty() { String::new() } else { format!(" to {to}") };
                tally.found(&PLAIN_HTTP, format!("port 80 answers users in clear, with {}{to}", answer.status), fix);
            }
        }
    }
}

/// Asks for `/` in clear.
pub async fn plain_http<S>(stream: &mut S, front: Front<'_>) -> Result<Answer, AskError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    ask(stream, &Request { host: front.name, path: "/", headers: &[] }, front.patience).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;

    fn found(judge: impl FnOnce(&mut Tally)) -> usize {
        let mut tally = Tally::of("lb");
        judge(&mut tally);
        findings(&tally.complete(&[], "")).len()
    }

    fn answer(status: u16, location: &str) -> Answer {
        Answer { status, headers: vec![("location".to_owned(), location.to_owned())], body: String::new() }
    }

    #[test]
    fn plain_http_leads_to_https_or_is_closed() {
        let judged = |answer| found(|tally| judge_plain_http(answer, tally));
        assert_eq!(judged(Err(Unreached::Refused)), 0);
        assert_eq!(judged(Ok(Ok(answer(308, "https://a.example/")))), 0);
        assert_eq!(judged(Ok(Ok(answer(404, "")))), 0);
        assert_eq!(judged(Ok(Ok(answer(302, "http://a.example/login")))), 1);
        assert_eq!(judged(Ok(Ok(answer(200, "")))), 1);
    }

    #[test]
    fn a_websocket_is_switched_to() {
        let judged = |answer| found(|tally| judge_websocket(answer, tally));
        assert_eq!(judged(Ok(answer(101, ""))), 0);
        assert_eq!(judged(Ok(answer(400, ""))), 1);
        assert_eq!(judged(Err(AskError::NotHttp)), 1);
    }
}
