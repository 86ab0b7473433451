//! What a node of the appliance says of its own health: without a login, and by its health service with the site's key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::request::{Answer, AskError, Request, ask};
use crate::checks::catalogue::front::health::{CHECKS, CLOCK, KEY, PROBES, TESTALL};
use crate::checks::spec::{Outcome, Tally};
use crate::site::profile::Profile;

/// What is asked of a node.
#[derive(Debug)]
pub struct HealthLook<'h> {
    /// The node.
    pub node: &'h str,
    /// A name of the site, for TLS and for the host.
    pub name: &'h str,
    /// The health service's key, or why it could not be had; `None` where the site names none.
    pub key: Option<&'h Result<SecretString, String>>,
    /// Paths, the login's user, and what skew is too much.
    pub figures: &'h Profile,
    /// Whether the site is kept from the internet, which one probe calls ill.
    pub is_restricted: bool,
    /// This machine's clock.
    pub clock: fn() -> Timestamp,
    /// How long each step may take.
    pub patience: Duration,
}

/// Asks a node; `dial` opens a new TLS stream to it for each question, or says why there is none.
pub async fn health<S, D>(look: &HealthLook<'_>, dial: impl Fn() -> D) -> Vec<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = Result<S, String>>,
{
    let mut tally = Tally::of(look.node);
    let rules = &look.figures.health;
    match get(look, &dial, &rules.testall, None).await {
        Err(Unasked::NoTls(why)) => tally.could_not_run(&TESTALL, why),
        Err(Unasked::NoAnswer(error)) => {
            let fix = error.help().unwrap_or("see that the appliance's web server runs and is not overloaded; then a ticket to the vendor");
            tally.found(&TESTALL, format!("{}: {error}", rules.testall), fix);
        }
        Ok(answer) => match answer.status {
            200 => tally.passed(&TESTALL, format!("200 {}", answer.body.trim().chars().take(20).collect::<String>())),
            404 => {
                let message = format!("nothing of the appliance answers at {}: it is not installed, or not all of it", rules.testall);
                tally.found_as(
                    crate::finding::Severity::Warning,
                    &TESTALL,
                    message,
                    "run it again when the vendor has installed the appliance",
                );
                for spec in CHECKS.iter().filter(|spec| spec.id != TESTALL.id) {
                    tally.not_applicable(spec, "the appliance is not installed there");
                }
                return tally.complete(CHECKS, "");
            }
            status => {
                let fix = "one failure is no proof of an outage: run it again; then a ticket to the vendor";
                tally.found(&TESTALL, format!("{} answers {status}", rules.testall), fix);
            }
        },
    }
    let asked = (look.clock)();
    let answer = get(look, &dial, &rules.clock, None).await;
    judge_clock(look, answer, (asked, (look.clock)()), &mut tally);
    probes(look, &dial, &mut tally).await;
    tally.complete(CHECKS, "not asked")
}

/// Why a node was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("{0}")]
    NoTls(String),
    #[error("{0}")]
    NoAnswer(AskError),
}

async fn get<S, D>(look: &HealthLook<'_>, dial: &impl Fn() -> D, path: &str, login: Option<&str>) -> Result<Answer, Unasked>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = Result<S, String>>,
{
    let mut stream = dial().await.map_err(Unasked::NoTls)?;
    let headers: Vec<(&str, &str)> = login.map(|login| ("Authorization", login)).into_iter().collect();
    let request = Request { host: look.name, path, headers: &headers };
    ask(&mut stream, &request, look.patience).await.map_err(Unasked::NoAnswer)
}

fn judge_clock(look: &HealthLook<'_>, answer: Result<Answer, Unasked>, (asked, answered): (Timestamp, Timestamp), tally: &mut Tally) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return tally.could_not_run(&CLOCK, why.to_string()),
    };
    let path = &look.figures.health.clock;
    let Some(moment) = told_clock(&answer) else {
        return tally.found(&CLOCK, format!("{path} answers {}, without a clock", answer.status), "a ticket to the vendor");
    };
    let (skew, half) = against(moment, (asked, answered));
    let least = skew.abs() - half;
    let limit = |millis: u64| SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    let said = format!("{} ms (± {} ms) against this machine", skew.as_millis(), half.as_millis());
    if least > limit(look.figures.clock.warn_skew_ms) {
        use crate::finding::Severity;
        let severity = if least > limit(look.figures.clock.fail_skew_ms) { Severity::Error } else { Severity::Warning };
        tally.found_as(
            severity,
            &CLOCK,
            format!("the tenant's clock is off by {said}"),
            "mend the node's time source; `check --only time` names it",
        );
    } else {
        tally.passed(&CLOCK, said);
    }
}

/// The time that a tenant's clock address answered with.
pub(crate) fn told_clock(answer: &Answer) -> Option<Timestamp> {
    let told = serde_json::from_str::<serde_json::Value>(answer.body.trim()).ok()?;
    Timestamp::from_millisecond(told.get("clock")?.as_i64()?).ok().filter(|_| answer.status == 200)
}

/// How far a clock that showed `moment` is ahead of the one that the two other times are of, and half the round trip, by
/// which that may be wrong.
pub(crate) fn against(moment: Timestamp, (asked, answered): (Timestamp, Timestamp)) -> (SignedDuration, SignedDuration) {
    let half = answered.duration_since(asked) / 2;
    (moment.duration_since(asked) - half, half)
}

async fn probes<S, D>(look: &HealthLook<'_>, dial: &impl Fn() -> D, tally: &mut Tally)
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = Result<S, String>>,
{
    let keyed = || std::iter::once(&KEY).chain(PROBES.iter().map(|(_, spec)| *spec));
    let key = match look.key {
        None => return keyed().for_each(|spec| tally.not_applicable(spec, "the site file names no `health_key`")),
        Some(Err(why)) => return keyed().for_each(|spec| tally.could_not_run(spec, format!("the key could not be had: {why}"))),
        Some(Ok(key)) => key,
    };
    let pair = Zeroizing::new(format!("{}:{}", look.figures.health.user, key.expose_secret()));
    let login = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    // One after the other: the service takes ten a second.
    for (name, spec) in PROBES.iter().filter(|(name, _)| look.figures.health.probes.iter().any(|probe| probe == name)) {
        let path = format!("{}{name}", look.figures.health.status);
        match get(look, dial, &path, Some(&login)).await {
            Err(why) => tally.could_not_run(spec, why.to_string()),
            Ok(answer) => match answer.status {
                401 | 403 => {
                    let fix = "make a new key in the dashboard (Settings, API keys), save, and put it where `health_key` points";
                    tally.found(&KEY, format!("the health service refuses the key ({})", answer.status), fix);
                    return;
                }
                status => {
                    tally.passed(&KEY, "taken");
                    judge_probe(look, name, spec, status, tally);
                }
            },
        }
    }
}

fn judge_probe(look: &HealthLook<'_>, name: &str, spec: &'static crate::checks::CheckSpec, status: u16, tally: &mut Tally) {
    match status {
        204 => tally.passed(spec, "204"),
        404 => tally.not_applicable(spec, "this version of the appliance has no such probe"),
        429 => tally.could_not_run(spec, "the health service is asked too often (429)"),
        520 if name == "internet" && look.is_restricted => tally.not_applicable(spec, "the site is kept from the internet"),
        520 => tally.found(spec, format!("the appliance says that its {name} is not well (520)"), spec.fix),
        other => tally.could_not_run(spec, format!("the health service answers {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;
    use crate::site::profile::DEFAULT;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    fn noon() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    type Said = Vec<(&'static str, u16, &'static str)>;

    /// A node that answers each path with a status and a body.
    fn node(answers: Said) -> impl Fn() -> std::future::Ready<Result<DuplexStream, String>> {
        move || {
            let (here, mut there) = tokio::io::duplex(4096);
            let answers = answers.clone();
            drop(tokio::spawn(async move {
                let mut asked = vec![0; 2048];
                let length = there.read(&mut asked).await.unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
                let known = answers.iter().find(|(known, ..)| *known == path).unwrap_or(&("", 204, ""));
                let status = if path.contains("/status/") && !asked.contains("Basic YXBpX2tleXNfaGVhbHRoOms=") { 401 } else { known.1 };
                let text = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{}", known.2.len(), known.2);
                drop(there.write_all(text.as_bytes()).await);
            }));
            std::future::ready(Ok(here))
        }
    }

    async fn judged(answers: &[(&'static str, u16, &'static str)], key: &str) -> Vec<String> {
        let figures = Profile::built_in(DEFAULT).unwrap();
        let key = Ok(SecretString::from(key.to_owned()));
        let look = HealthLook {
            node: "a0-1",
            name: "manage.corp.example",
            key: Some(&key),
            figures: &figures,
            is_restricted: false,
            clock: noon,
            patience: Duration::from_mins(1),
        };
        findings(&health(&look, node(answers.to_vec())).await).into_iter().map(|finding| finding.id).collect()
    }

    const WELL: &[(&str, u16, &str); 2] = &[("/testall", 200, "OK"), ("/test", 200, r#"{"clock": 1800000000000}"#)];

    #[tokio::test]
    async fn a_well_node_is_well_and_each_illness_has_its_name() {
        assert_eq!(judged(WELL, "k").await, Vec::<String>::new());
        assert_eq!(judged(WELL, "wrong").await, ["health.auth.key"]);
        assert_eq!(judged(&[("/testall", 500, ""), WELL[1]], "k").await, ["health.testall"]);
        assert_eq!(judged(&[WELL[0], ("/test", 200, r#"{"clock": 1800000009000}"#)], "k").await, ["health.test"]);
        let ill: &[_] = &[WELL[0], WELL[1], ("/health/status/disk", 520, ""), ("/health/status/db", 520, "")];
        assert_eq!(judged(ill, "k").await, ["health.disk", "health.db"]);
        assert_eq!(judged(&[("/testall", 404, "")], "k").await, ["health.testall"]);
    }
}
