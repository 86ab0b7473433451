//! The appliance as its users meet it: the load balancer, TLS as it is served, health as it tells it.

pub mod balancer;
pub mod health;
pub mod served;

use super::{CheckSpec, Moment, Team, Vantage};
