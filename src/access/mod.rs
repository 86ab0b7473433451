//! Windows: one person is let in, for the agreed time and for one reason, and the door is proven shut after it.
//!
//! `window` and `policy` are pure: what a window is, what state it can be in, what a site allows. `authority` signs the
//! certificates, `revocation` writes the list of those that no longer count, `machine` opens and closes one machine by the
//! scripts in `machine/sh/`, `folder` is what the person is given, `history` reads windows back from the ledger.
//! Three closers need neither each other nor this program: the certificate's end, the principal's, and the machine's timer.

mod agent;
pub mod approval;
mod authority;
mod evidence;
mod folder;
mod history;
mod keep;
mod key;
mod machine;
mod policy;
mod recording;
mod revocation;
mod tries;
mod window;

pub use authority::{Authority, AuthorityError, Order, make_proof_key};
pub use evidence::{Evidence, Keeper, SshdLogin, SshdRefusal};
pub use folder::{Access, HOP_CERTIFICATE, HostKey, NODE_CERTIFICATE, Stop, render_known_hosts, render_ssh_config};
pub use history::{History, MachineClosing, details_of_closing, details_of_evidence, details_of_opening, read_history};
pub use keep::{Keep, KeepError, make_folder};
pub use key::{KeyError, PersonKey};
pub use machine::{
    Answer, ClosingOrder, DOORS, Discovery, Door, DoorError, DoorWork, Doorway, Entered, Look, Opening, Recorder, Revocation, Tried, Trust,
    TrustError, TrustProblem, Usage, Way, close_doors, discover, doorways, enter, give_trust, open_doors, principal_line,
};
pub use policy::{Clock, LARGEST_SKEW, Refusal, Request, check_approvals, check_request, check_skew};
pub use recording::{About, NOT_RECORDED, PARTS, Recording, RecordingLimits, Shown, read_shown, render_cast};
pub use revocation::encode_krl;
pub use tries::Tries;
pub use window::{Kind, Person, PersonError, Span, SpanError, State, Step, StepError, Window, WindowId, WindowIdError};
