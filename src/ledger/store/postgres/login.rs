//! How the server is logged in to: password, TLS, and what the driver does not do of what libpq does.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use postgres_openssl::MakeTlsConnector;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as Negotiation};

use super::error::ServerError;
use super::passfile;
use crate::ledger::store::location::Server;
use crate::site::model::SslMode;

/// Everything that a connection is made of.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) config: Config,
    pub(super) tls: MakeTlsConnector,
}

impl Login {
    /// Resolves the password and reads the certificates. Each answer of the server is waited for for `patience`.
    pub(super) fn prepare(server: &Server, patience: Duration) -> Result<Self, ServerError> {
        let shown = server.database.to_string();
        let unreadable = |source: tokio_postgres::Error| ServerError::of_connecting(&shown, source);
        let mut config = Config::from_str(&server.database.url).map_err(unreadable)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            add_default_socket(&mut config);
        }
        if config.get_application_name().is_none() {
            config.application_name("portcullis");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(patience);
        }
        config.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5)).keepalives_retries(4);
        config.tcp_user_timeout(patience.max(Duration::from_secs(5)) * 2);
        if config.get_user().is_none()
            && let Ok(user) = std::env::var("PGUSER")
        {
            config.user(user);
        }
        if let Some(password) = password(server, &config)? {
            config.password(password.expose_secret());
        }
        config.ssl_mode(match server.database.sslmode {
            SslMode::Disable => Negotiation::Disable,
            SslMode::Prefer => Negotiation::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Negotiation::Require,
        });
        Ok(Self { config, tls: connector(server)? })
    }
}

#[cfg(unix)]
fn add_default_socket(config: &mut Config) {
    let known = ["/run/postgresql", "/var/run/postgresql", "/tmp"].map(Path::new);
    config.host_path(known.into_iter().find(|folder| folder.join(".s.PGSQL.5432").exists()).unwrap_or(Path::new("/run/postgresql")));
}

#[cfg(not(unix))]
fn add_default_socket(config: &mut Config) {
    config.host("localhost");
}

/// The reference's, PGPASSWORD's or the password file's, in libpq's order.
fn password(server: &Server, config: &Config) -> Result<Option<SecretString>, ServerError> {
    if let Some(reference) = &server.database.password {
        let purpose = format!("the password of {}", server.database);
        let failed = |source| ServerError::Password { server: server.database.to_string(), source };
        return server.secrets.resolve(reference, &purpose).map(Some).map_err(failed);
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Ok(Some(SecretString::from(password)));
    }
    let path = std::env::var_os("PGPASSFILE").map(PathBuf::from).or_else(|| home(".pgpass"));
    let user = config.get_user().map(str::to_owned).or_else(|| std::env::var("USER").ok()).unwrap_or_default();
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let database = config.get_dbname().unwrap_or(&user);
    Ok(path.and_then(|path| passfile::look_up(&path, [&host, &port, database, &user])))
}

fn home(name: &str) -> Option<PathBuf> {
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(name))
}

fn connector(server: &Server) -> Result<MakeTlsConnector, ServerError> {
    let shown = server.database.to_string();
    let failed = |error: ErrorStack| ServerError::Tls { server: shown.clone(), source: error.into() };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    let root = server.database.root_certificates.clone();
    let mut mode = server.database.sslmode;
    // As libpq has it: who names a CA wants it looked at.
    if mode == SslMode::Require && root.is_some() {
        mode = SslMode::VerifyCa;
    }
    if matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) {
        match root.or_else(|| home(".postgresql/root.crt").filter(|path| path.exists())) {
            Some(path) => trust_file(&mut builder, &path)?,
            None => trust_public(&mut builder).map_err(failed)?,
        }
    } else {
        builder.set_verify(SslVerifyMode::NONE);
    }
    if let Some((certificate, key)) = &server.database.client_certificate {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |error: ErrorStack| ServerError::Certificate { path, source: error.into() }
        };
        builder.set_certificate_chain_file(certificate).map_err(unusable(certificate))?;
        builder.set_private_key_file(key, SslFiletype::PEM).map_err(unusable(key))?;
    }
    let mut connector = MakeTlsConnector::new(builder.build());
    let has_name = mode == SslMode::VerifyFull;
    connector.set_callback(move |configuration, _host| {
        configuration.set_verify_hostname(has_name);
        Ok(())
    });
    Ok(connector)
}

fn trust_file(builder: &mut SslConnectorBuilder, path: &Path) -> Result<(), ServerError> {
    let unusable = |source: Box<dyn std::error::Error + Send + Sync>| ServerError::Certificate { path: path.to_owned(), source };
    let pem = fs::read(path).map_err(|error| unusable(error.into()))?;
    let certificates = X509::stack_from_pem(&pem).map_err(|error| unusable(error.into()))?;
    if certificates.is_empty() {
        return Err(unusable("no certificate is in it".into()));
    }
    trust_only(builder, certificates).map_err(|error| unusable(error.into()))
}

fn trust_only(builder: &mut SslConnectorBuilder, certificates: Vec<X509>) -> Result<(), ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    certificates.into_iter().try_for_each(|certificate| store.add_cert(certificate))?;
    builder.set_cert_store(store.build());
    Ok(())
}

fn trust_public(builder: &mut SslConnectorBuilder) -> Result<(), ErrorStack> {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| X509::from_der(der));
    trust_only(builder, certificates.collect::<Result<_, _>>()?)
}
