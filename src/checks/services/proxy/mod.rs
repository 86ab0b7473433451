//! The way out: each destination the appliance needs, reached past or through the proxy, without a login,
//! and without anybody opening its TLS on the way.

mod connect;
mod examine;
mod exception;
mod no_proxy;

pub use crate::checks::catalogue::egress::{AUTH, INTERCEPTED, PASSAGE as CHECKS, PASSED, REFUSED, UNREACHABLE};
pub use connect::{Answer, ConnectError, connect};
pub use examine::{Destination, ProxyReport, examine, examine_direct, unreachable};
pub use exception::Exception;
pub use no_proxy::{Form, PROGRAMS, no_proxy};
