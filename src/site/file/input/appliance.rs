//! The appliance as it is written: names, TLS, mail, proxy.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Secret, Text};
use crate::site::file::read::Located;
use crate::site::model::{MailProvider, ProxyKind, StartTls, Termination};

/// DNS names of the appliance.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamesInput {
    /// Management Dashboard, by custom `manage.DOMAIN`.
    pub(crate) dashboard: Option<Text>,
    /// Configuration tenant (root tenant authority), by custom `config.DOMAIN`. Changing it later deletes every tenant.
    pub(crate) configuration: Option<Text>,
    /// The configuration tenant's name as it was deployed, so that a change of it is noticed.
    pub(crate) deployed_configuration: Option<Text>,
    /// Webtask, by custom `webtask.DOMAIN`.
    pub(crate) webtask: Option<Text>,
    /// App tenants in use, such as `identity.DOMAIN`.
    pub(crate) tenants: Option<Vec<Text>>,
    /// App tenants to come. The certificate must cover them already.
    pub(crate) planned: Option<Vec<Text>>,
    /// Custom domains, each with a certificate of its own.
    pub(crate) custom_domains: Option<Vec<CustomDomainInput>>,
    /// The dedicated webtask domain that extensions need, by custom `wt.DOMAIN`; it needs a wildcard certificate of its own.
    pub(crate) extensions: Option<CustomDomainInput>,
}

/// A domain with a certificate of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomDomainInput {
    /// The DNS name.
    pub(crate) domain: Text,
    /// Its certificate, where it is at hand already.
    pub(crate) certificate: Option<CertificateInput>,
}

/// What the CA sent, and the key that belongs to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateInput {
    /// Files from the CA, in any order: PEM, DER, P7B or PFX.
    #[schemars(length(min = 1))]
    pub(crate) files: Vec<Text>,
    /// The private key, where it is not in `files`.
    pub(crate) key: Option<Text>,
    /// Password of the key, or of a PFX in `files`.
    pub(crate) key_password: Option<Located<Secret>>,
    /// Root certificates of private CAs.
    pub(crate) roots: Option<Vec<Text>>,
}

/// Where users' TLS connections end, and with what certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsInput {
    /// Where users' connections end. `appliance` unless given.
    pub(crate) terminates: Option<Located<Termination>>,
    /// The certificate, its chain and key.
    pub(crate) certificate: CertificateInput,
    /// The PFX that is made of it.
    pub(crate) pfx: Option<PfxInput>,
}

/// The PFX that is made for the nodes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PfxInput {
    /// Its password. A random one, kept on the node beside it, unless given.
    pub(crate) password: Option<Located<Secret>>,
    /// What must be able to open it: a target such as `appliance` or `windows-2016`, or a profile such as `modern`.
    pub(crate) target: Option<Text>,
    /// Friendly name in it. The site's name unless given.
    pub(crate) friendly_name: Option<Text>,
}

/// The authenticated mail server (AUTH PLAIN) through which the appliance sends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpInput {
    /// Who relays the mail. `smtp` (any server) unless given.
    pub(crate) provider: Option<Located<MailProvider>>,
    /// Server name, as it stands in the server's certificate. May be left out for `sendgrid` and `mandrill`.
    pub(crate) host: Option<Text>,
    /// 587 (STARTTLS, the default), 465 (TLS from the first byte) or 25.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Login. May be left out for `sendgrid`, where it is `apikey`.
    pub(crate) username: Option<Text>,
    /// Its password.
    pub(crate) password: Located<Secret>,
    /// Sender address.
    pub(crate) from: Text,
    /// Whether TLS is demanded of the server. `required` unless given; on port 465 it is always on.
    pub(crate) starttls: Option<Located<StartTls>>,
    /// Files with certificates of private CAs that signed the server's.
    pub(crate) ca_certificates: Option<Vec<Text>>,
}

/// The proxy between the nodes and the world.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyInput {
    /// `explicit`: clients are told of it; `transparent`: it intercepts unasked; `none`.
    pub(crate) kind: Located<ProxyKind>,
    /// Address of an explicit proxy, such as `http://proxy.corp.example:3128`.
    pub(crate) url: Option<Text>,
    /// Files with CA certificates with which it signs what it intercepts. They go into the nodes' trust store.
    pub(crate) ca_certificates: Option<Vec<Text>>,
    /// Hosts that the nodes reach past the proxy: names, `.domain`, addresses, networks.
    pub(crate) bypass: Option<Vec<Text>>,
    /// Destinations (`host` or `host:port`) that the proxy must let the nodes reach without a login.
    pub(crate) exceptions: Option<Vec<Text>>,
}
