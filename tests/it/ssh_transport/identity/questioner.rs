//! A server of our own that asks what it is told to ask, and notes each attempt: one-time codes and second factors
//! without PAM modules.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, Response, VerifiedPublicKey};
use russh::{MethodKind, MethodSet};

/// What a login has to go through.
#[derive(Debug, Clone, Default)]
pub(in crate::ssh_transport) struct Demands {
    /// Methods offered at first.
    pub(in crate::ssh_transport) methods: Vec<MethodKind>,
    /// Asked in one conversation, with the right answers.
    pub(in crate::ssh_transport) questions: Vec<(&'static str, &'static str)>,
    /// The right password of the plain method.
    pub(in crate::ssh_transport) password: Option<&'static str>,
    /// A right key is not enough: these methods must follow.
    pub(in crate::ssh_transport) after_key: Vec<MethodKind>,
}

/// A running questioner.
pub(in crate::ssh_transport) struct Questioner {
    pub(in crate::ssh_transport) port: u16,
    pub(in crate::ssh_transport) host_key: String,
    attempts: Arc<Mutex<Vec<String>>>,
}

impl Questioner {
    pub(in crate::ssh_transport) async fn start(demands: Demands) -> Self {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let host_key = key.public_key().to_openssh().unwrap();
        let config = Config {
            keys: vec![key],
            methods: MethodSet::from(demands.methods.as_slice()),
            auth_rejection_time: Duration::from_millis(1),
            ..Config::default()
        };
        let config = Arc::new(config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&attempts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let asking = Asking { demands: demands.clone(), attempts: Arc::clone(&notes), key_passed: false, asked: false };
                let running = russh::server::run_stream(Arc::clone(&config), stream, asking);
                tokio::spawn(async move { drop(running.await.unwrap().await) });
            }
        });
        Self { port, host_key, attempts }
    }

    /// The attempts so far, such as `password wrong`.
    pub(in crate::ssh_transport) fn attempts(&self) -> Vec<String> {
        self.attempts.lock().unwrap().clone()
    }
}

struct Asking {
    demands: Demands,
    attempts: Arc<Mutex<Vec<String>>>,
    key_passed: bool,
    asked: bool,
}

impl Asking {
    fn verdict(&self, attempt: String, right: bool) -> Auth {
        self.attempts.lock().unwrap().push(attempt);
        if right { Auth::Accept } else { Auth::Reject { proceed_with_methods: None, partial_success: false } }
    }
}

impl Handler for Asking {
    type Error = russh::Error;

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, russh::Error> {
        let right = self.demands.password == Some(password);
        Ok(self.verdict(format!("password {password}"), right))
    }

    async fn auth_publickey(&mut self, _user: &str, _key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.key_passed = true;
        if self.demands.after_key.is_empty() {
            return Ok(self.verdict("key".to_owned(), true));
        }
        self.attempts.lock().unwrap().push("key".to_owned());
        Ok(Auth::Reject { proceed_with_methods: Some(MethodSet::from(self.demands.after_key.as_slice())), partial_success: true })
    }

    async fn auth_keyboard_interactive(
        &mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'_>>,
    ) -> Result<Auth, russh::Error> {
        let Some(response) = response.filter(|_| self.asked) else {
            self.asked = true;
            let prompts: Vec<_> = self.demands.questions.iter().map(|(question, _)| (Cow::Borrowed(*question), false)).collect();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() });
        };
        self.asked = false;
        let answers: Vec<_> = response.map(|answer| String::from_utf8_lossy(&answer).into_owned()).collect();
        let right = answers.iter().eq(self.demands.questions.iter().map(|(_, answer)| answer));
        let enough = self.demands.after_key.is_empty() || self.key_passed;
        Ok(self.verdict(format!("answers {}", answers.join(" ")), right && enough))
    }
}
