//! The way out: each destination the appliance needs, reached past or through the proxy, without a login,
//! and without anybody opening its TLS on the way.

mod connect;
mod examine;
mod exception;

pub use connect::{Answer, ConnectError, connect};
pub use examine::{Destination, ProxyReport, examine, examine_direct, unreachable};
pub use exception::Exception;

use super::spec::{CheckSpec, Vantage};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: proxies";

const fn spec(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec { id, title, source: SOURCE, severity, vantage: Vantage::Node }
}

/// The proxy, or where there is none the destination, can be reached.
pub static UNREACHABLE: CheckSpec = spec("proxy.unreachable", "The proxy accepts the connection", Severity::Error);
/// No login is demanded.
pub static AUTH: CheckSpec = spec("proxy.auth", "The proxy lets the nodes through without a login", Severity::Error);
/// Nothing else is refused.
pub static REFUSED: CheckSpec = spec("proxy.refused", "The proxy connects to the destination", Severity::Error);
/// TLS reaches the destination unopened.
pub static INTERCEPTED: CheckSpec = spec("proxy.intercepted", "Nobody opens TLS on the way", Severity::Error);
/// The destination answers.
pub static PASSED: CheckSpec = spec("proxy.passed", "The destination is reached", Severity::Info);

/// All checks of this subject, in the order in which they are met.
pub static CHECKS: &[&CheckSpec] = &[&UNREACHABLE, &AUTH, &REFUSED, &INTERCEPTED, &PASSED];
