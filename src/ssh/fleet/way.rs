//! The chain of hops to the machines: one connection to the last hop, more only where the hop refuses to carry more,
//! and a new one where it was lost.
//!
//! One caller connects, and all others wait for it and get the same answer: fifty nodes ask at once, and one login is
//! made. A hop that worked and was lost is asked again for some time; one that never worked is not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::{HUNG_UP, Inner, is_passing};
use crate::site::model::Hop;
use crate::ssh::error::{Error, Obstacle, Place};
use crate::ssh::transport::{BoxedStream, Connection};

/// How long a hop that could not be had is not tried again.
const BARRED_FOR: Duration = Duration::from_secs(1);

/// The most connections to one hop, whatever it refuses.
const MOST_CONNECTIONS: usize = 8;

/// How much is taken from the system at a time: the transport asks for the length of each packet, and then for the packet.
const READ_AT_ONCE: usize = 64 << 10;

/// All ways of a fleet: the site's own, and those that the operator's configuration names (`ProxyJump`).
#[derive(Debug, Default)]
pub(super) struct Ways(Lock<HashMap<String, Arc<Mutex<Way>>>>);

/// The connections to one last hop.
#[derive(Debug, Default)]
pub(super) struct Way {
    carriers: Vec<Carrier>,
    /// The machine they lead to.
    last: Option<Hop>,
    /// Whether it ever stood, and is worth waiting for.
    was_open: bool,
    /// The hop refuses destinations and not numbers: another connection would be refused the same.
    refusals_are_meant: bool,
    barred: Option<(Error, Instant)>,
}

/// A connection to the last hop, and how many connections it carried when it refused more.
#[derive(Debug)]
struct Carrier {
    connection: Arc<Connection>,
    full_at: Option<usize>,
}

impl Carrier {
    fn has_room(&self) -> bool {
        self.full_at.is_none_or(|full| self.connection.tunnels() < full)
    }
}

impl Ways {
    fn at(&self, key: &str) -> Arc<Mutex<Way>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.to_owned()).or_default())
    }

    fn all(&self) -> Vec<Arc<Mutex<Way>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Connections that stand.
    pub(super) async fn standing(&self) -> usize {
        let mut count = 0;
        for way in self.all() {
            count += way.lock().await.carriers.iter().filter(|carrier| is_whole(&carrier.connection)).count();
        }
        count
    }

    /// All connections; the ways are as if untried.
    pub(super) async fn take_all(&self) -> Vec<Arc<Connection>> {
        let mut taken = Vec::new();
        for way in self.all() {
            taken.extend(std::mem::take(&mut *way.lock().await).carriers.into_iter().map(|carrier| carrier.connection));
        }
        taken
    }
}

/// Whether neither this connection nor one below it has ended.
fn is_whole(connection: &Arc<Connection>) -> bool {
    let mut next = Some(connection);
    while let Some(hop) = next {
        if hop.is_closed() {
            return false;
        }
        next = hop.below.as_ref();
    }
    true
}

impl Inner {
    /// The connection to the last hop of the site's route, made now or before; `None` without hops.
    pub(super) async fn last_hop(&self) -> Result<Option<Arc<Connection>>, Error> {
        if self.route.hops.is_empty() {
            return Ok(None);
        }
        self.last_of("", &self.route.hops).await.map(Some)
    }

    /// The connection to the last of `hops`, shared under `key`. (Empty: the site's own route.)
    pub(super) async fn last_of(&self, key: &str, hops: &[Hop]) -> Result<Arc<Connection>, Error> {
        let way = self.ways.at(key);
        // Held while connecting, and while a lost hop is waited for.
        let mut way = way.lock().await;
        way.carriers.retain(|carrier| is_whole(&carrier.connection));
        if let Some(carrier) = way.carriers.iter().find(|carrier| carrier.has_room()).or(way.carriers.first()) {
            return Ok(Arc::clone(&carrier.connection));
        }
        if let Some((why, since)) = &way.barred
            && (why.is_final() || since.elapsed() < BARRED_FOR)
        {
            return Err(why.clone());
        }
        match self.pass_patiently(key, hops, way.was_open).await {
            Ok(connection) => {
                way.carriers.push(Carrier { connection: Arc::clone(&connection), full_at: None });
                way.last = hops.last().cloned();
                (way.was_open, way.barred) = (true, None);
                Ok(connection)
            }
            Err(why) => {
                *way = Way { barred: Some((why.clone(), Instant::now())), ..Way::default() };
                Err(why)
            }
        }
    }

    /// Passes the hops; `was_open` says that they were passed before, so that the way is worth some patience.
    async fn pass_patiently(&self, key: &str, hops: &[Hop], was_open: bool) -> Result<Arc<Connection>, Error> {
        let within = self.settings.reconnect_within;
        let lost = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(8), within };
        let mut pauses = if was_open { lost } else { HUNG_UP }.pauses();
        let began = Instant::now();
        loop {
            let why = match self.pass_hops(key, hops).await {
                Ok(connection) => return Ok(connection),
                Err(why) => why,
            };
            let may_pass = if was_open { !why.is_final() && began.elapsed() < within } else { is_passing(&why) };
            let Some(pause) = pauses.next().filter(|_| may_pass) else { return Err(why) };
            tracing::warn!(%why, ?pause, "the way to the machines is tried again after a pause");
            tokio::time::sleep(pause).await;
        }
    }

    async fn pass_hops(&self, key: &str, hops: &[Hop]) -> Result<Arc<Connection>, Error> {
        let mut last: Option<Arc<Connection>> = None;
        for hop in hops {
            let config = self.config_of_hop(key, hop, last.is_some()).await?;
            last = Some(self.connect(&hop.name, &hop.login, last, config).await?);
        }
        last.ok_or_else(|| {
            let place = Place { machine: "the route".to_owned(), address: String::new(), through: None };
            Error::Unreachable { place: Arc::new(place), obstacle: Obstacle::NoRoute }
        })
    }

    /// A TCP connection to `host` by `hop`, or from here where there is none; and the connection that carries it.
    ///
    /// Where the hop carries no more on this connection (a server's limit of channels), another one does.
    pub(super) async fn open(
        &self,
        host: &str,
        port: u16,
        place: &Arc<Place>,
        hop: Option<Arc<Connection>>,
    ) -> Result<(BoxedStream, Option<Arc<Connection>>), Error> {
        let Some(mut hop) = hop else {
            let dialled = super::dialling::dial(host, port, place, self.settings.connect_timeout).await?;
            return Ok((Box::new(BufReader::with_capacity(READ_AT_ONCE, dialled)), None));
        };
        let mut refused = None;
        loop {
            let why = match hop.open_tcp(host, port, place).await {
                Ok(tunnel) => return Ok((Box::new(tunnel), Some(hop))),
                Err(why @ (Error::ForwardingRefused { .. } | Error::ForwardingExhausted { .. })) => why,
                Err(why) => return Err(why),
            };
            let is_prohibition = matches!(why, Error::ForwardingRefused { .. });
            // Refused by a connection that never carried anything, it is not the number that is refused.
            if !hop.has_carried() {
                if refused.is_some() && is_prohibition {
                    self.take_refusals_as_meant(&hop).await;
                }
                return Err(why);
            }
            match self.another(&hop, is_prohibition).await {
                Ok(Some(next)) => hop = next,
                Ok(None) => return Err(refused.unwrap_or(why)),
                Err(failed) => {
                    tracing::warn!(%failed, "a further connection to the hop cannot be had");
                    return Err(why);
                }
            }
            refused = Some(why);
        }
    }

    /// Another connection to the machine that `full` leads to; `None` where no more will be had.
    async fn another(&self, full: &Arc<Connection>, is_prohibition: bool) -> Result<Option<Arc<Connection>>, Error> {
        let Some((key, way)) = self.way_of(full).await else { return Ok(None) };
        let mut way = way.lock().await;
        if is_prohibition && way.refusals_are_meant {
            return Ok(None);
        }
        way.carriers.retain(|carrier| is_whole(&carrier.connection));
        for carrier in &mut way.carriers {
            if Arc::ptr_eq(&carrier.connection, full) {
                carrier.full_at.get_or_insert(full.tunnels());
            }
        }
        let has_room = |carrier: &&Carrier| carrier.has_room() && !Arc::ptr_eq(&carrier.connection, full);
        if let Some(carrier) = way.carriers.iter().find(has_room) {
            return Ok(Some(Arc::clone(&carrier.connection)));
        }
        let Some(hop) = way.last.clone().filter(|_| way.carriers.len() < MOST_CONNECTIONS) else { return Ok(None) };
        tracing::info!(hop = hop.name, connections = way.carriers.len(), "the hop carries no more on its connections; one more is made");
        let config = self.config_of_hop(&key, &hop, full.below.is_some()).await?;
        // Boxed: connecting may come back here, for the hop before.
        let connection = Box::pin(self.connect(&hop.name, &hop.login, full.below.clone(), config)).await?;
        way.carriers.push(Carrier { connection: Arc::clone(&connection), full_at: None });
        Ok(Some(connection))
    }

    /// A fresh connection refused as well: no more are made for that reason, and that one is given up.
    async fn take_refusals_as_meant(&self, fresh: &Arc<Connection>) {
        let Some((_, way)) = self.way_of(fresh).await else { return };
        let mut way = way.lock().await;
        way.refusals_are_meant = true;
        for carrier in &mut way.carriers {
            carrier.full_at = None;
        }
        if way.carriers.len() > 1 {
            way.carriers.retain(|carrier| !Arc::ptr_eq(&carrier.connection, fresh));
        }
    }

    async fn way_of(&self, connection: &Arc<Connection>) -> Option<(String, Arc<Mutex<Way>>)> {
        let all: Vec<_> = {
            let all = self.ways.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().map(|(key, way)| (key.clone(), Arc::clone(way))).collect()
        };
        for (key, way) in all {
            if way.lock().await.carriers.iter().any(|carrier| Arc::ptr_eq(&carrier.connection, connection)) {
                return Some((key, way));
            }
        }
        None
    }
}
