//! Windows: one person is let in, for the agreed time and for one reason, and the door is proven shut after it.
//!
//! `window` and `policy` are pure: what a window is, what state it can be in, what a site allows. `authority` signs the
//! certificates, `revocation` writes the list of those that no longer count, `door` opens and closes one machine by the
//! scripts in `sh/`, `folder` is what the person is given, `history` reads windows back from the ledger.
//! Three closers need neither each other nor this program: the certificate's end, the principal's, and the machine's timer.

mod authority;
mod closing;
mod discovery;
mod door;
mod doorway;
mod folder;
mod history;
mod keep;
mod key;
mod opening;
mod policy;
mod principal;
mod revocation;
mod trust;
mod window;

pub use authority::{Authority, AuthorityError, Order, make_proof_key};
pub use closing::{ClosingOrder, Revocation, Tried, close_doors};
pub use discovery::{Discovery, discover};
pub use door::{Answer, DoorError, DoorWork, Look, Opening};
pub use doorway::{Doorway, Way, doorways};
pub use folder::{Access, HOP_CERTIFICATE, HostKey, NODE_CERTIFICATE, Stop, render_known_hosts, render_ssh_config};
pub use history::{History, MachineClosing, details_of_closing, details_of_opening, read_history};
pub use keep::{Keep, KeepError, make_folder};
pub use key::{KeyError, PersonKey};
pub use opening::{Entered, TrustError, enter, give_trust, open_doors};
pub use policy::{Clock, LARGEST_SKEW, Refusal, Request, check_request, check_skew};
pub use principal::{Door, principal_line};
pub use revocation::encode_krl;
pub use trust::{Trust, TrustProblem};
pub use window::{Kind, Person, PersonError, Span, SpanError, State, Step, StepError, Window, WindowId, WindowIdError};
