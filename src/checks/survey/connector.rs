//! AD/LDAP connectors whose servers are managed over SSH: the server, its way to the tenant, its way to the directory.

use futures_util::join;
use jiff::SignedDuration;
use secrecy::SecretString;

use super::{Survey, within};
use crate::checks::catalogue::connector::{BIND, CHECKS, CLOCK, GROUPS, HUB, LDAP, LDAPS, OUT, SEARCH, TRIED};
use crate::checks::machine;
use crate::checks::services::directory::{Account, Directory, bind, distrusted, no_tls, search, search_groups};
use crate::checks::services::front::{Front, Request, against, ask, judge_websocket_as, told_clock, websocket};
use crate::checks::services::proxy::connect;
use crate::checks::services::reach::Unreached;
use crate::checks::services::tls::{Hello, Roots, danger_handshake};
use crate::checks::spec::{Outcome, Tally};
use crate::node::{self, Inquiry, Probe, RemoteError};
use crate::site::model::{Connector, Node};
use crate::ssh::BoxedStream;

/// Where a proxy listens whose address names no port.
const PROXY_PORT: u16 = 8080;

/// A connector with what it takes to look at it.
#[derive(Debug)]
pub struct ConnectorLook<'c> {
    /// The connector.
    pub connector: &'c Connector,
    /// Its server, as a machine to log in to; `None` where the site file names no address.
    pub server: Option<Node>,
    /// The password of its account, or why it could not be had; `None` where the site names none.
    pub password: Option<Result<SecretString, String>>,
    /// Whom its directory's certificate is trusted by.
    pub roots: Roots,
    /// Whether its server is the machine that this program runs on: what its clock is compared with is then the tenant's.
    pub is_here: bool,
}

/// Looks at a connector from its own server; `connecting` is `None` where nobody can log in to that.
pub async fn connector<P: Probe>(
    look: &ConnectorLook<'_>,
    connecting: Option<impl Future<Output = Result<P, RemoteError>>>,
    survey: &Survey<'_>,
) -> Vec<Outcome> {
    let name = &look.connector.name;
    let Some(connecting) = connecting else {
        let mut tally = Tally::of(name);
        for spec in CHECKS {
            tally.could_not_run(spec, "the site file names no `address` of its server, so that nobody can look from there");
        }
        return tally.complete(CHECKS, "");
    };
    let machine = match connecting.await {
        Ok(machine) => machine,
        Err(error) => {
            let mut outcomes = super::access::failed(name, &error);
            outcomes.extend(super::access::not_run(CHECKS, name, &super::access::reason(&error)));
            return outcomes;
        }
    };
    let held = machine.held();
    let (own, mut tried) = join!(own(look, &machine, survey), tried(look, &machine, survey));
    let mut way_in = super::access::passed(name, "logged in", false);
    super::access::forgive_lost(held, name, (&mut way_in, &mut tried), survey.patience).await;
    [way_in, own, tried].concat()
}

/// What the server tells of itself.
async fn own<P: Probe>(look: &ConnectorLook<'_>, machine: &P, survey: &Survey<'_>) -> Vec<Outcome> {
    let name = &look.connector.name;
    let mut inquiry = Inquiry::machine();
    inquiry.survey(node::Survey::default());
    let asked = (survey.clock)();
    let looked = machine.look(&inquiry).await;
    let answered = (survey.clock)();
    match looked {
        Ok(facts) => {
            let mut outcomes =
                machine::connector(name, Some(&look.connector.tenant), &facts, &survey.site.figures, (asked, answered, survey.now));
            outcomes.retain(|outcome| !look.is_here || outcome.spec.id != CLOCK.id);
            outcomes
        }
        Err(error) => super::access::not_run(&machine::connector_table(), name, &super::access::reason(&error)),
    }
}

async fn tried<P: Probe>(look: &ConnectorLook<'_>, machine: &P, survey: &Survey<'_>) -> Vec<Outcome> {
    let mut tally = Tally::of(&look.connector.name);
    tenant(look, machine, survey, &mut tally).await;
    directory(look, machine, survey, &mut tally).await;
    if look.is_here {
        tally.could_not_run(&CLOCK, "the tenant told no time to compare this machine's with");
    }
    tally.complete(TRIED, "no connection came about")
}

async fn dial<P: Probe>(machine: &P, host: &str, port: u16, survey: &Survey<'_>) -> Result<BoxedStream, Unreached> {
    match within(survey.patience, machine.connect_tcp(host, port)).await {
        Ok(stream) => Ok(stream),
        Err(Some(error)) => Err(Unreached::from_remote(&error, host, survey.patience)),
        Err(None) => Err(Unreached::Filtered { after: survey.patience }),
    }
}

/// The tenant on 443, then a websocket as the connector opens it.
async fn tenant<P: Probe>(look: &ConnectorLook<'_>, machine: &P, survey: &Survey<'_>, tally: &mut Tally) {
    let tenant = &look.connector.tenant;
    let patience = survey.patience;
    let hello = Hello { name: tenant, alpn: &["http/1.1"], roots: &survey.trust.site, now: survey.now, within: patience };
    for spec in [&OUT, &HUB] {
        let stream = match way_out(look, machine, survey).await {
            Ok(stream) => stream,
            Err((why, fix)) => return tally.found(&OUT, format!("{tenant}:443{why}"), fix),
        };
        let mut stream = match danger_handshake(stream, &hello).await {
            Ok((stream, served)) => match served.verified {
                Ok(()) => stream,
                Err(reason) => return tally.found(&OUT, format!("{tenant}: {reason}"), distrusted(&reason, "the tenant's", tenant)),
            },
            Err(error) => return tally.found(&OUT, format!("{tenant}: {error}"), error.help().unwrap_or_default()),
        };
        if spec.id == HUB.id {
            judge_websocket_as(&HUB, websocket(&mut stream, Front { name: tenant, patience }).await, tally);
            continue;
        }
        let path = &survey.site.figures.health.clock;
        let asked = (survey.clock)();
        match ask(&mut stream, &Request { host: tenant, path, headers: &[] }, patience).await {
            Ok(answer) if answer.status == 200 => {
                tally.passed(&OUT, format!("https://{tenant}{path}: 200"));
                if let Some(moment) = told_clock(&answer).filter(|_| look.is_here) {
                    own_clock(against(moment, (asked, (survey.clock)())), survey, tally);
                }
            }
            Ok(answer) => {
                let fix = "see that the appliance is installed and serves this tenant; run it again then";
                tally.found(&OUT, format!("https://{tenant}{path} answers {}", answer.status), fix);
            }
            Err(error) => tally.found(&OUT, format!("https://{tenant}{path}: {error}"), OUT.fix),
        }
    }
}

/// A connection to the tenant, through the connector's proxy where it has one; or why there is none, and what to do.
async fn way_out<P: Probe>(look: &ConnectorLook<'_>, machine: &P, survey: &Survey<'_>) -> Result<BoxedStream, (String, String)> {
    let (tenant, name) = (&look.connector.tenant, &look.connector.name);
    let Some(url) = &look.connector.http_proxy else {
        return dial(machine, tenant, 443, survey).await.map_err(|why| (format!(": {why}"), why.fix(name, &format!("{tenant}:443"))));
    };
    let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    // A login in it is no part of the address, and the connector does not send it either.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, address)| address).trim_end_matches('/');
    let (host, port) = super::egress::host_and_port(authority, PROXY_PORT);
    let by = format!(" by the proxy {host}:{port}");
    let dialled = dial(machine, &host, port, survey).await;
    let mut stream = dialled.map_err(|why| (format!("{by}: {why}"), why.fix(name, &format!("{host}:{port}"))))?;
    match connect(&mut stream, tenant, 443, survey.patience).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(stream),
        Ok(answer) if answer.status == 407 => {
            let fix = format!("ask the proxy team: let {name} pass to {tenant}:443 without a login; the connector sends none");
            Err((format!("{by}: it demands a login ({})", answer.shown()), fix))
        }
        Ok(answer) => Err((format!("{by}: {}", answer.shown()), format!("ask the proxy team: let {name} pass to {tenant}:443"))),
        Err(error) => Err((format!("{by}: {error}"), error.help().unwrap_or_else(|| OUT.fix.to_owned()))),
    }
}

/// This machine's clock against the tenant's, which is what the connector itself compares.
fn own_clock((ahead, half): (SignedDuration, SignedDuration), survey: &Survey<'_>, tally: &mut Tally) {
    let limit = SignedDuration::from_millis(i64::try_from(survey.site.figures.clock.connector_skew_ms).unwrap_or(i64::MAX));
    let seen = format!("the tenant's clock is {} ms ahead of this machine's (± {} ms)", ahead.as_millis(), half.as_millis());
    if ahead.abs() - half > limit {
        let fix = "give the server a time source (on Windows the domain's, `w32tm /resync`); the connector stops at this";
        tally.found(&CLOCK, format!("{seen}; {} ms are the most", limit.as_millis()), fix);
    } else {
        tally.passed(&CLOCK, seen);
    }
}

/// The directory: its port, its certificate, a bind, a search.
async fn directory<P: Probe>(look: &ConnectorLook<'_>, machine: &P, survey: &Survey<'_>, tally: &mut Tally) {
    let rules = &survey.site.figures.connector;
    let url = &look.connector.ldap_url;
    let (scheme, address) = url.split_once("://").unwrap_or(("ldap", url));
    let is_tls = scheme == "ldaps";
    let (host, port) = super::egress::host_and_port(address, if is_tls { rules.ldaps_port } else { rules.ldap_port });
    let stream = match dial(machine, &host, port, survey).await {
        Ok(stream) => stream,
        Err(why) => return tally.found(&LDAP, format!("{host}:{port}: {why}"), why.fix(&look.connector.name, &format!("{host}:{port}"))),
    };
    tally.passed(&LDAP, format!("connected to {host}:{port}"));
    if !is_tls {
        tally.not_applicable(&LDAPS, "the directory is spoken to in clear (`ldap://`)");
        return account(look, stream, survey, tally).await;
    }
    let hello = Hello { name: &host, alpn: &[], roots: &look.roots, now: survey.now, within: survey.patience };
    match danger_handshake(stream, &hello).await {
        Err(error) => tally.found(&LDAPS, format!("{host}:{port}: {error}"), no_tls(&error, &host, port)),
        Ok((stream, served)) => match served.verified {
            Ok(()) => {
                tally.passed(&LDAPS, format!("{} for {host}", served.version));
                account(look, stream, survey, tally).await;
            }
            Err(reason) => tally.found(&LDAPS, format!("{host}: {reason}"), distrusted(&reason, "the directory's", &host)),
        },
    }
}

async fn account<S>(look: &ConnectorLook<'_>, stream: S, survey: &Survey<'_>, tally: &mut Tally)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut directory = Directory::over(stream, survey.patience);
    let pair = look.connector.bind_user.as_deref().zip(look.password.as_ref());
    match pair {
        None => {
            tally.not_applicable(&BIND, "the site file names no `bind_user` and `bind_password`");
            for spec in [&SEARCH, &GROUPS] {
                tally.not_applicable(spec, "nobody binds");
            }
            return;
        }
        Some((_, Err(why))) => return tally.could_not_run(&BIND, format!("the password could not be had: {why}")),
        Some((user, Ok(password))) => match bind(&mut directory, Account { user, password }).await {
            Ok(()) => tally.passed(&BIND, format!("as {user}")),
            Err(error) => return tally.found(&BIND, error.to_string(), error.help()),
        },
    }
    let Connector { base, base_groups, .. } = look.connector;
    let persons = match base {
        None => {
            tally.not_applicable(&SEARCH, "the site file names no `base`");
            Ok(0)
        }
        Some(base) => {
            search(&mut directory, base).await.inspect(|count| tally.passed(&SEARCH, format!("{count} persons seen below {base}")))
        }
    };
    match (persons, base_groups.as_ref().or(base.as_ref())) {
        (Err(error), _) => {
            tally.found(&SEARCH, error.to_string(), error.help());
            tally.could_not_run(&GROUPS, "the search for persons failed already");
        }
        (Ok(_), None) => tally.not_applicable(&GROUPS, "the site file names no `base` and no `base_groups`"),
        (Ok(_), Some(base)) => match search_groups(&mut directory, base).await {
            Ok(count) => tally.passed(&GROUPS, format!("{count} groups with members seen below {base}")),
            Err(error) => tally.found(&GROUPS, error.to_string(), error.help()),
        },
    }
}
