//! One machine's part of a window: its door and what it trusts, opened and closed, and what it should not have.

mod closing;
mod discovery;
mod door;
mod doorway;
mod opening;
mod principal;
mod recording;
mod scripts;
mod trust;
mod trusting;

pub use closing::{ClosingOrder, Revocation, Tried, close_doors};
pub use discovery::{DOORS, Discovery, discover};
pub use door::{Answer, DoorError, DoorWork, Look, Opening};
pub use doorway::{Doorway, Usage, Way, doorways};
pub use opening::{Entered, enter, open_doors};
pub use principal::{Door, Recorder, principal_line};
pub use trust::{Trust, TrustProblem};
pub use trusting::{TrustError, give_trust};
