//! The connection to the server: a thread of its own, since the ledger is called from within an asynchronous program.
//!
//! A connection that breaks is made again for the next turn. What was begun on the old one is gone with it, but for the
//! lease: that is taken again at once, and where somebody else has it by then, nothing more is done.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::error::ServerError;
use super::lease::Hold;
use super::login::Login;
use super::schema;
use crate::ledger::store::error::LedgerError;
use crate::ledger::store::location::{Place, Server};

/// A value in a statement, with its type.
pub(super) type Value<'v> = (&'v (dyn ToSql + Sync), Type);
type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Between two tries to connect again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Speaks with the server, one thing after the other.
#[derive(Debug)]
pub(super) struct Session {
    jobs: mpsc::Sender<Job>,
    server: String,
}

impl Session {
    /// Logs in, waiting `patience` for an answer.
    pub(super) fn start(server: &Server, patience: Duration) -> Result<Self, LedgerError> {
        let shown = server.database.to_string();
        let login = Login::prepare(server, patience)?;
        let unusable = |source: std::io::Error| ServerError::Unreachable { server: shown.clone(), source: source.into() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unusable)?;
        let (server, place) = (shown.clone(), server.place());
        let mut worker = Worker { runtime, login, server, place, patience, connection: None, holds: Vec::new() };
        let (jobs, todo) = mpsc::channel::<Job>();
        let work = move || {
            for job in todo {
                job(&mut worker);
            }
            worker.close();
        };
        // Ends with the last sender.
        drop(std::thread::Builder::new().name("ledger".to_owned()).spawn(work).map_err(unusable)?);
        let session = Self { jobs, server: shown };
        session.run(Worker::connect)?;
        Ok(session)
    }

    /// Has `work` done and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = mpsc::channel();
        let job: Job = Box::new(move |worker| {
            // Nobody waits any more where the receiver is gone.
            drop(answer.send(work(worker)));
        });
        let gone = || ServerError::Lost { server: self.server.clone(), source: "its thread has ended".into() };
        self.jobs.send(job).map_err(|_unsent| gone())?;
        answered.recv().map_err(|_unanswered| gone())?
    }
}

struct Connection {
    client: Client,
    /// Carries what is said; it moves only while something is waited for.
    carrier: JoinHandle<()>,
}

/// What the thread works with.
pub(super) struct Worker {
    runtime: Runtime,
    login: Login,
    server: String,
    pub(super) place: Place,
    pub(super) patience: Duration,
    connection: Option<Connection>,
    /// The leases that this process has.
    pub(super) holds: Vec<Hold>,
}

impl Worker {
    /// The server, for messages.
    pub(super) fn server(&self) -> String {
        self.server.clone()
    }

    fn connect(&mut self) -> Result<(), LedgerError> {
        self.connection = None;
        let (config, tls) = (&self.login.config, self.login.tls.clone());
        let connecting = async { tokio::time::timeout(self.patience * 2, config.connect(tls)).await };
        let failed = |error| ServerError::of_connecting(&self.server, error);
        let (client, connection) = match self.runtime.block_on(connecting) {
            Ok(connected) => connected.map_err(failed)?,
            Err(elapsed) => return Err(ServerError::Unreachable { server: self.server(), source: elapsed.into() }.into()),
        };
        let carrier = self.runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the ledger's server ended");
            }
        });
        self.connection = Some(Connection { client, carrier });
        self.batch("open", &schema::settings(self.patience))
    }

    /// A connection that lives, made again for as long as patience lasts; with the leases that stood on the old one.
    pub(super) fn ensure(&mut self) -> Result<(), LedgerError> {
        if self.connection.as_ref().is_some_and(|connection| !connection.client.is_closed()) {
            return Ok(());
        }
        let until = Instant::now() + self.patience;
        loop {
            match self.connect() {
                Ok(()) => return self.hold_again(),
                Err(LedgerError::Server(ServerError::Unreachable { .. } | ServerError::Lost { .. })) if Instant::now() < until => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins a transaction; a connection that broke while nothing was said is made again.
    pub(super) fn begin(&mut self, statements: &str) -> Result<(), LedgerError> {
        self.ensure()?;
        let begun = match self.batch("lock", statements) {
            Err(error) if error.is_lost() => self.ensure().and_then(|()| self.batch("lock", statements)),
            begun => begun,
        };
        begun.inspect_err(|_| self.roll_back())
    }

    /// Undoes what was begun. A connection on which that fails is not used again.
    pub(super) fn roll_back(&mut self) {
        if self.batch("leave", "ROLLBACK").is_err() {
            self.connection = None;
        }
    }

    /// Statements without values and answers.
    pub(super) fn batch(&mut self, action: &'static str, statements: &str) -> Result<(), LedgerError> {
        let connection = self.connected()?;
        let answer = self.runtime.block_on(limited(self.patience, connection.client.batch_execute(statements)));
        answer.map_err(|error| self.failed(action, error))
    }

    /// One statement with its values.
    pub(super) fn query(&mut self, action: &'static str, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, LedgerError> {
        let connection = self.connected()?;
        let answer = self.runtime.block_on(limited(self.patience, connection.client.query_typed(statement, values)));
        answer.map_err(|error| self.failed(action, error))
    }

    /// The next turn begins with a connection of its own.
    pub(super) fn forget_connection(&mut self) {
        self.connection = None;
    }

    fn connected(&self) -> Result<&Connection, LedgerError> {
        let lost = || ServerError::Lost { server: self.server(), source: "it was lost before".into() };
        self.connection.as_ref().ok_or_else(|| lost().into())
    }

    /// Sorts what went wrong. A connection that is not known to be sound is not used again.
    fn failed(&mut self, action: &'static str, answer: NoAnswer) -> LedgerError {
        let error = match answer {
            NoAnswer::Late => ServerError::Lost { server: self.server(), source: "no answer came in time".into() },
            NoAnswer::Error(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                return LedgerError::Locked { place: self.place.clone(), waited: self.patience };
            }
            NoAnswer::Error(error) if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                return LedgerError::ReadOnly { place: self.place.clone() };
            }
            NoAnswer::Error(error) => ServerError::of_statement(&self.server, action, error),
        };
        if error.is_lost() {
            self.connection = None;
        }
        error.into()
    }

    fn close(mut self) {
        if let Some(Connection { client, carrier }) = self.connection.take() {
            drop(client);
            // So that the server is told; whoever does not listen is left.
            drop(self.runtime.block_on(async { tokio::time::timeout(Duration::from_millis(500), carrier).await }));
        }
    }
}

enum NoAnswer {
    Late,
    Error(tokio_postgres::Error),
}

/// Others may be waited for as long as patience lasts, and after them an answer once more.
async fn limited<T>(patience: Duration, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, NoAnswer> {
    match tokio::time::timeout(patience * 2, answer).await {
        Ok(answer) => answer.map_err(NoAnswer::Error),
        Err(_late) => Err(NoAnswer::Late),
    }
}
