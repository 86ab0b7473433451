//! The appliance as users and monitoring meet it: the load balancer from here (or, where it cannot be reached from here,
//! from the jumphost), and each node's health through the jumphost.

pub(super) mod served;

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpStream;

use super::{Survey, within};
use crate::checks::catalogue::front::balancer::{CHECKS, HOST, OLD_VERSIONS, TCP, TESTALL, WEBSOCKET};
use crate::checks::catalogue::front::health;
use crate::checks::services::front::{
    Front, HealthLook, OldVersion, Request, ask, judge_plain_http, judge_websocket, offers_old_version, plain_http, websocket,
};
use crate::checks::services::reach::Unreached;
use crate::checks::services::tls::{Hello, Served, TlsProbeError, danger_handshake};
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::{Node, Role};
use crate::ssh::{BoxedStream, Fleet};

const TLS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

/// A machine that users reach.
struct Door<'d> {
    address: &'d str,
    port: u16,
    fleet: &'d Fleet,
    survey: &'d Survey<'d>,
    /// Nothing is had from here: it is not waited for once more.
    is_shut_here: AtomicBool,
}

impl Door<'_> {
    /// A connection from here, or else from the jumphost.
    async fn dial(&self, port: u16) -> Result<BoxedStream, Unreached> {
        let patience = self.survey.patience;
        if self.is_shut_here.load(Ordering::Relaxed) {
            return match within(patience, self.fleet.connect_tcp(self.address, port)).await {
                Ok(stream) => Ok(stream),
                Err(Some(error)) => Err(Unreached::from_ssh(&error, self.address, patience)),
                Err(None) => Err(Unreached::Filtered { after: patience }),
            };
        }
        let from_here = match within(patience, TcpStream::connect((self.address, port))).await {
            Ok(stream) => return Ok(Box::new(stream)),
            Err(Some(error)) => Unreached::from_io(&error, patience),
            Err(None) => Unreached::Filtered { after: patience },
        };
        match within(patience, self.fleet.connect_tcp(self.address, port)).await {
            Ok(stream) => {
                self.is_shut_here.store(true, Ordering::Relaxed);
                Ok(stream)
            }
            Err(_) => Err(from_here),
        }
    }

    /// TLS under that name; what it is worth stands beside it.
    async fn tls(&self, name: &str) -> Result<(impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, Served), NoTls> {
        let unreached =
            |why: Unreached| NoTls { fix: why.fix("users' networks", &format!("{}:{}", self.address, self.port)), why: why.to_string() };
        let stream = self.dial(self.port).await.map_err(unreached)?;
        let survey = self.survey;
        let hello = Hello { name, alpn: &["http/1.1"], roots: &survey.trust.site, now: survey.now, within: survey.patience };
        let failed = |error: TlsProbeError| NoTls { fix: error.help().unwrap_or_else(|| HOST.fix.to_owned()), why: error.to_string() };
        danger_handshake(stream, &hello).await.map_err(failed)
    }
}

/// Why no TLS came about, and what to do.
struct NoTls {
    why: String,
    fix: String,
}

/// Looks at the load balancer as users meet it.
pub async fn balancer(fleet: &Fleet, survey: &Survey<'_>) -> Vec<Outcome> {
    let site = survey.site;
    let Some(balancer) = &site.load_balancer else {
        let mut tally = Tally::of(&site.name);
        for spec in CHECKS {
            tally.not_applicable(spec, "the site has no load balancer");
        }
        return tally.complete(CHECKS, "");
    };
    let mut tally = Tally::of(&format!("{}:{}", balancer.address, balancer.port));
    let door = Door { address: &balancer.address, port: balancer.port, fleet, survey, is_shut_here: AtomicBool::new(false) };
    let names: Vec<String> = site.names.required().into_iter().filter(|name| !name.starts_with("*.")).collect();
    let plain = plain(&door, names.first().map_or(balancer.address.as_str(), String::as_str)).await;
    judge_plain_http(plain, &mut tally);
    if let Err(why) = door.dial(balancer.port).await {
        let fix = why.fix("users' networks", &format!("{}:{}", balancer.address, balancer.port));
        tally.found(&TCP, why.to_string(), fix);
    } else {
        tally.passed(&TCP, "connected");
        inside(&door, &names, &mut tally).await;
    }
    tally.complete(CHECKS, "no connection came about")
}

async fn plain(
    door: &Door<'_>,
    name: &str,
) -> Result<Result<crate::checks::services::front::Answer, crate::checks::services::front::AskError>, Unreached> {
    let mut stream = door.dial(HTTP_PORT).await?;
    Ok(plain_http(&mut stream, Front { name, patience: door.survey.patience }).await)
}

async fn inside(door: &Door<'_>, names: &[String], tally: &mut Tally) {
    host(door, names, tally).await;
    let Some(name) = names.first() else {
        for spec in [&HOST, &TESTALL, &WEBSOCKET, &OLD_VERSIONS] {
            tally.not_applicable(spec, "the site file names no DNS name");
        }
        return;
    };
    old_versions(door, name, tally).await;
    let patience = door.survey.patience;
    let path = &door.survey.site.figures.health.testall;
    match door.tls(name).await {
        Err(NoTls { why, .. }) => tally.could_not_run(&TESTALL, why),
        Ok((mut stream, _)) => match ask(&mut stream, &Request { host: name, path, headers: &[] }, patience).await {
            Ok(answer) if answer.status == 200 => tally.passed(&TESTALL, format!("{path}: 200")),
            Ok(answer) => tally.found(&TESTALL, format!("{path} is answered with {}", answer.status), TESTALL.fix),
            Err(error) => tally.found(&TESTALL, format!("{path}: {error}"), error.help().unwrap_or(TESTALL.fix)),
        },
    }
    if door.survey.site.connectors.is_empty() {
        return tally.not_applicable(&WEBSOCKET, "the site has no connector");
    }
    let tenant = door.survey.site.names.tenants.first().unwrap_or(name);
    match door.tls(tenant).await {
        Err(NoTls { why, .. }) => tally.could_not_run(&WEBSOCKET, why),
        Ok((mut stream, _)) => judge_websocket(websocket(&mut stream, Front { name: tenant, patience }).await, tally),
    }
}

/// Each name, as a browser asks for it; names that fail alike are told together.
async fn host(door: &Door<'_>, names: &[String], tally: &mut Tally) {
    let mut failing: Vec<(String, String, Vec<&str>)> = Vec::new();
    for name in names {
        let (why, fix) = match door.tls(name).await {
            Ok((_, served)) => match served.verified {
                Ok(()) => {
                    tally.passed(&HOST, format!("{name}: {} {}", served.version, served.cipher));
                    continue;
                }
                Err(reason) => (reason.to_string(), HOST.fix.to_owned()),
            },
            Err(NoTls { why, fix }) => (why, fix),
        };
        match failing.iter_mut().find(|(known, ..)| *known == why) {
            Some((.., others)) => others.push(name),
            None => failing.push((why, fix, vec![name])),
        }
    }
    for (why, fix, names) in failing {
        tally.found(&HOST, format!("asked for {}: {why}", names.join(", ")), fix);
    }
}

async fn old_versions(door: &Door<'_>, name: &str, tally: &mut Tally) {
    for version in [OldVersion::Tls10, OldVersion::Tls11] {
        let offers = match door.dial(door.port).await {
            Ok(stream) => offers_old_version(stream, version, name, door.survey.patience).await.map_err(|error| error.to_string()),
            Err(why) => Err(why.to_string()),
        };
        match offers {
            Ok(true) => tally.found(&OLD_VERSIONS, format!("{} is still spoken", version.name()), OLD_VERSIONS.fix),
            Ok(false) => tally.passed(&OLD_VERSIONS, format!("{} is refused", version.name())),
            Err(why) => tally.could_not_run(&OLD_VERSIONS, why),
        }
    }
}

/// Asks a node for its health, and for TLS versions that nobody should speak.
pub(super) async fn node(node: &Node, fleet: &Fleet, survey: &Survey<'_>) -> Vec<Outcome> {
    let names = survey.site.names.required();
    let name = names.iter().find(|name| !name.starts_with("*."));
    let mut tally = Tally::of(&node.name);
    let Some(name) = name.filter(|_| node.role == Role::Node && survey.site.tls.is_some()) else {
        let why = "the machine serves no users, or the site file names no certificate or no name";
        for spec in health::CHECKS.iter().copied().chain([&OLD_VERSIONS]) {
            tally.not_applicable(spec, why);
        }
        return tally.complete(&[], "");
    };
    let dial = || async {
        let stream = match within(survey.patience, fleet.connect_tcp(&node.login.address, TLS_PORT)).await {
            Ok(stream) => stream,
            Err(Some(error)) => return Err(error.to_string()),
            Err(None) => return Err(format!("no answer within {:?}", survey.patience)),
        };
        let hello = Hello { name, alpn: &["http/1.1"], roots: &survey.trust.site, now: survey.now, within: survey.patience };
        let (stream, served) = danger_handshake(stream, &hello).await.map_err(|error| error.to_string())?;
        // The key goes to nobody who has not proved to be the appliance.
        served.verified.map(|()| stream).map_err(|reason| reason.to_string())
    };
    let look = HealthLook {
        node: &node.name,
        name,
        key: survey.health_key.as_ref(),
        figures: &survey.site.figures,
        is_restricted: survey.site.surroundings.is_restricted,
        clock: survey.clock,
        patience: survey.patience,
    };
    let versions = async {
        for version in [OldVersion::Tls10, OldVersion::Tls11] {
            let Ok(stream) = within(survey.patience, fleet.connect_tcp(&node.login.address, TLS_PORT)).await else {
                tally.could_not_run(&OLD_VERSIONS, "no connection came about");
                continue;
            };
            match offers_old_version(stream, version, name, survey.patience).await {
                Ok(true) => tally.found(&OLD_VERSIONS, format!("{} is still spoken", version.name()), OLD_VERSIONS.fix),
                Ok(false) => tally.passed(&OLD_VERSIONS, format!("{} is refused", version.name())),
                Err(error) => tally.could_not_run(&OLD_VERSIONS, error.to_string()),
            }
        }
        tally.complete(&[&OLD_VERSIONS], "not tried")
    };
    let (healthy, versions) = futures_util::join!(crate::checks::services::front::health(&look, dial), versions);
    [healthy, versions].concat()
}
