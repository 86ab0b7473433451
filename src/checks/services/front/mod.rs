//! The appliance as its users meet it: the load balancer, plain HTTP, old TLS versions, and what it says of its own health.
//!
//! Works on byte streams that the caller opened, from wherever it stands.

mod balancer;
mod health;
mod old_tls;
mod request;
mod status;

pub use balancer::{Front, plain_http, websocket};
pub(crate) use balancer::{judge_plain_http, judge_websocket, judge_websocket_as};
pub use health::{HealthLook, health};
pub(crate) use health::{against, told_clock};
pub use old_tls::{OldVersion, offers_old_version};
pub use request::{Answer, AskError, Request, ask};
pub use status::http_status;
