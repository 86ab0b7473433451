//! Proving who we are: keys of files and of an agent, certificates, password, keyboard-interactive with one-time codes.
//!
//! Each refusal counts at the server (`MaxAuthTries`) and, behind a jumphost, for every node alike
//! (`PerSourcePenalties`). So nothing is offered twice, nothing that the server said it would not take, and no
//! password a second time by another name.

mod agent;
mod answers;
mod identity;
mod offers;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use russh::MethodKind;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Reply};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg};
use secrecy::ExposeSecret;

use crate::site::model::Login;
use crate::site::secret::{SecretError, Secrets};
use crate::ssh::error::{Attempt, Error, Phase};
use crate::ssh::settings::Settings;
use crate::ssh::transport::Connection;
use answers::{Answers, Keep};
pub(crate) use identity::Keyring;
pub use identity::is_private_key;
use offers::{Material, Offer};

/// What there is to log in with.
pub(crate) struct Credentials<'a> {
    pub(crate) login: &'a Login,
    pub(crate) user: String,
    /// Key files, in the order in which they are offered; the second says whether the site file names it.
    pub(crate) identities: Vec<(PathBuf, bool)>,
    pub(crate) agent_socket: Option<PathBuf>,
    pub(crate) identities_only: bool,
    pub(crate) keyring: &'a Keyring,
    pub(crate) secrets: &'a Arc<Secrets>,
    pub(crate) settings: &'a Settings,
}

/// Logs in on `connection`.
pub(crate) async fn authenticate(connection: &mut Connection, credentials: &Credentials<'_>) -> Result<(), Error> {
    // The service request, which the transport waits for.
    connection.count(1);
    connection.user.clone_from(&credentials.user);
    let (offers, unusable) = offers::gather(connection, credentials).await;
    let mut login =
        LoginAttempt { connection, credentials, offers, tried: unusable, accepted: None, counted: 0, password: true, interactive: true };
    let done = login.go().await;
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(login.refused()),
        Err(error) => Err(error),
    }
}

/// One login on its way.
struct LoginAttempt<'a> {
    connection: &'a mut Connection,
    credentials: &'a Credentials<'a>,
    offers: VecDeque<Offer>,
    tried: Vec<Attempt>,
    /// What the server would still take; unknown before its first refusal.
    accepted: Option<Vec<MethodKind>>,
    /// Attempts that count at the server.
    counted: usize,
    password: bool,
    interactive: bool,
}

enum Next {
    Key(Offer),
    /// Nothing is known of the server's methods: ask first, rather than send a password that it may have no use for.
    AskWhat,
    Password,
    Interactive,
}

impl LoginAttempt<'_> {
    async fn go(&mut self) -> Result<bool, Error> {
        while self.counted < self.credentials.settings.login_attempts {
            let Some(next) = self.choose() else { return Ok(false) };
            let result = match next {
                Next::Key(offer) => self.offer(offer).await?,
                Next::AskWhat => self.ask_what().await?,
                Next::Password => self.give_password().await?,
                Next::Interactive => self.converse().await?,
            };
            match result {
                Some(AuthResult::Success) => return Ok(true),
                Some(AuthResult::Failure { remaining_methods, .. }) => self.accepted = Some(remaining_methods.to_vec()),
                None => {}
            }
        }
        self.note("further ways", "not tried: the server allows no more attempts");
        Ok(false)
    }

    fn accepts(&self, method: MethodKind) -> bool {
        self.accepted.as_ref().is_none_or(|accepted| accepted.contains(&method))
    }

    fn choose(&mut self) -> Option<Next> {
        let login = self.credentials.login;
        let has_code = login.one_time_code.is_some();
        let has_password = login.password.is_some();
        // One attempt is kept for the password.
        let reserve = usize::from(has_password || has_code);
        let may_offer = self.counted + reserve < self.credentials.settings.login_attempts;
        if self.accepts(MethodKind::PublicKey)
            && may_offer
            && let Some(offer) = self.offers.pop_front()
        {
            return Some(Next::Key(offer));
        }
        let interactive = self.interactive && self.accepts(MethodKind::KeyboardInteractive);
        let password = self.password && has_password && self.accepts(MethodKind::Password);
        // Where there is nothing to offer at all, the refusal should say what would have been taken.
        if self.accepted.is_none() && (password || interactive || self.tried.is_empty()) {
            return Some(Next::AskWhat);
        }
        // The plain method cannot carry a code; with a code the conversation asks for both.
        if password && !(has_code && interactive) {
            return Some(Next::Password);
        }
        interactive.then_some(Next::Interactive)
    }

    /// Offers a key. `None` when it came to no attempt at the server.
    async fn offer(&mut self, offer: Offer) -> Result<Option<AuthResult>, Error> {
        let label = offer.label.clone();
        let material = match offers::open(offer, self.connection, self.credentials).await {
            Ok(material) => material,
            Err(reason) => {
                self.note(&label, &reason);
                return Ok(None);
            }
        };
        let user = self.credentials.user.clone();
        let hash = self.rsa_hash(&material).await?;
        // The offer, and the signature that the server asks for where it takes the key.
        self.connection.count(1);
        let handle = &mut self.connection.handle;
        let step = async {
            match material {
                Material::Key(key) => {
                    handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash)).await.map_err(|error| error.to_string())
                }
                Material::Certificate(key, certificate) => {
                    handle.authenticate_openssh_cert(user, key, *certificate).await.map_err(|error| error.to_string())
                }
                Material::AgentKey(mut agent, key) => {
                    handle.authenticate_publickey_with(user, *key, hash, &mut agent).await.map_err(|error| error.to_string())
                }
                Material::AgentCertificate(mut agent, certificate) => {
                    handle.authenticate_certificate_with(user, *certificate, hash, &mut agent).await.map_err(|error| error.to_string())
                }
            }
        };
        let after = self.credentials.settings.handshake_timeout;
        let result = tokio::time::timeout(after, step).await;
        match result {
            Err(_elapsed) => Err(self.silent()),
            Ok(Err(reason)) if !self.connection.is_closed() => {
                self.note(&label, &reason);
                Ok(None)
            }
            Ok(Err(_gone)) => Err(self.connection.lost(Phase::Login).await),
            Ok(Ok(result)) => self.weigh(&label, result).await.map(Some),
        }
    }

    async fn rsa_hash(&self, material: &Material) -> Result<Option<HashAlg>, Error> {
        if !matches!(material.algorithm(), Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        // Comes with the end of the key exchange from every server that knows RFC 8308; others are given SHA-512,
        // never SHA-1.
        match tokio::time::timeout(self.credentials.settings.handshake_timeout, self.connection.handle.best_supported_rsa_hash()).await {
            Err(_elapsed) => Err(self.silent()),
            Ok(Ok(told)) => Ok(told.flatten().or(Some(HashAlg::Sha512))),
            Ok(Err(_gone)) => Err(self.connection.lost(Phase::Login).await),
        }
    }

    /// The method `none` (RFC 4252 §5.2), whose refusal lists the methods and counts for nothing.
    async fn ask_what(&mut self) -> Result<Option<AuthResult>, Error> {
        self.connection.count(1);
        let after = self.credentials.settings.handshake_timeout;
        match tokio::time::timeout(after, self.connection.handle.authenticate_none(self.credentials.user.clone())).await {
            Err(_elapsed) => Err(self.silent()),
            Ok(Ok(AuthResult::Failure { remaining_methods, .. })) if remaining_methods.is_empty() => {
                Err(self.connection.lost(Phase::Login).await)
            }
            Ok(Ok(result)) => Ok(Some(result)),
            Ok(Err(_gone)) => Err(self.connection.lost(Phase::Login).await),
        }
    }

    async fn give_password(&mut self) -> Result<Option<AuthResult>, Error> {
        self.password = false;
        let Some(reference) = self.credentials.login.password.clone() else { return Ok(None) };
        let purpose = format!("the password of {}@{}", self.credentials.user, self.connection.place.machine);
        let password = self.resolve(reference, purpose, Keep::ForTheRun).await?;
        self.connection.count(1);
        let after = self.credentials.settings.handshake_timeout;
        let step = self.connection.handle.authenticate_password(self.credentials.user.clone(), password.expose_secret());
        let result = match tokio::time::timeout(after, step).await {
            Err(_elapsed) => return Err(self.silent()),
            Ok(Err(_gone)) => return Err(self.connection.lost(Phase::Login).await),
            Ok(Ok(result)) => self.weigh("password", result).await?,
        };
        // Refused though the method is open: it is wrong, and would be wrong in a conversation as well.
        if matches!(result, AuthResult::Failure { partial_success: false, .. }) && self.credentials.login.one_time_code.is_none() {
            self.interactive = false;
        }
        Ok(Some(result))
    }

    async fn converse(&mut self) -> Result<Option<AuthResult>, Error> {
        self.interactive = false;
        let answers = Answers::new(self.credentials, &self.connection.place.machine);
        let after = self.credentials.settings.handshake_timeout;
        self.connection.count(1);
        let start = self.connection.handle.authenticate_keyboard_interactive_start(self.credentials.user.clone(), None::<String>);
        let mut reply = tokio::time::timeout(after, start).await;
        let mut asked_for_password = false;
        loop {
            let prompts = match reply {
                Err(_elapsed) => return Err(self.silent()),
                Ok(Err(_gone)) => return Err(self.connection.lost(Phase::Login).await),
                Ok(Ok(Reply::Success)) => return Ok(Some(AuthResult::Success)),
                Ok(Ok(Reply::Failure { remaining_methods, partial_success })) => {
                    let result = AuthResult::Failure { remaining_methods, partial_success };
                    let result = self.weigh("keyboard-interactive", result).await?;
                    self.password &= !asked_for_password;
                    return Ok(Some(result));
                }
                Ok(Ok(Reply::InfoRequest { prompts, .. })) => prompts,
            };
            asked_for_password |= prompts.iter().any(|prompt| answers::is_for_password(&prompt.prompt));
            let given = answers.to(&prompts, |reference, purpose, keep| self.resolve(reference, purpose, keep)).await?;
            self.connection.count(1);
            let respond = self.connection.handle.authenticate_keyboard_interactive_respond(given);
            reply = tokio::time::timeout(after, respond).await;
        }
    }

    /// Notes a result. A refusal after which the server hung up is told apart from a connection that broke.
    async fn weigh(&mut self, label: &str, result: AuthResult) -> Result<AuthResult, Error> {
        match &result {
            AuthResult::Success => self.connection.count(1),
            AuthResult::Failure { partial_success: true, .. } => self.note(label, "accepted, but not enough"),
            AuthResult::Failure { remaining_methods, .. } => {
                self.counted += 1;
                // The transport reports a broken connection as a refusal that leaves no methods.
                if remaining_methods.is_empty() {
                    let lost = self.connection.lost(Phase::Login).await;
                    if self.connection.seen.parting_words().is_empty() {
                        return Err(lost);
                    }
                }
                self.note(label, "refused");
            }
        }
        Ok(result)
    }

    async fn resolve(&self, reference: crate::site::model::SecretRef, purpose: String, keep: Keep) -> Result<secrecy::SecretString, Error> {
        let secrets = Arc::clone(self.credentials.secrets);
        let place = Arc::clone(&self.connection.place);
        let failed = |source: SecretError| Error::Secret { place, source: Arc::new(source) };
        // A person, or a command, may take its time; connections must not wait for it.
        let asked = purpose.clone();
        let resolve = move || match keep {
            Keep::ForTheRun => secrets.resolve(&reference, &asked),
            Keep::Not => secrets.resolve_anew(&reference, &asked),
        };
        match tokio::task::spawn_blocking(resolve).await {
            Ok(resolved) => resolved.map_err(failed),
            Err(_panicked) => Err(failed(SecretError::NobodyToAsk { purpose })),
        }
    }

    fn note(&mut self, method: &str, outcome: &str) {
        self.tried.push(Attempt { method: method.to_owned(), outcome: outcome.to_owned() });
    }

    fn silent(&self) -> Error {
        Error::Silent { place: Arc::clone(&self.connection.place), phase: Phase::Login, after: self.credentials.settings.handshake_timeout }
    }

    fn refused(&self) -> Error {
        let mut tried = self.tried.clone();
        let words = self.connection.seen.parting_words();
        if !words.is_empty() {
            tried.push(Attempt { method: "the server".to_owned(), outcome: words });
        }
        let accepted = self.accepted.iter().flatten().map(Into::into).collect();
        Error::LoginRefused { place: Arc::clone(&self.connection.place), user: self.credentials.user.clone(), tried, accepted }
    }
}
