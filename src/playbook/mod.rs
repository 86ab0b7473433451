//! Playbooks: what a node must be, the difference to what it is, and making it so.
//!
//! `load` reads playbooks, `render` fills templates, `plan` compares with facts (pure), `run` carries the plan
//! out. Nothing here knows the terminal.

mod block;
mod condition;
mod context;
mod diff;
mod draft;
mod gate;
mod kitchen;
mod load;
mod material;
mod model;
mod plan;
mod prepare;
mod reference;
mod render;
mod run;
mod skip;
mod survey;
mod variable;

pub use context::{handout_context, role_name};
pub use gate::{Gate, HttpGate, TlsNameGate};
pub use load::{Library, LoadError, Source, nearest, schema};
pub use material::{CertificateText, MakePfx, Material, Pfx, PfxFailed, SmtpMaterial, TlsMaterial, random_password};
pub use model::{Handout, Kind, Machines, Playbook, Step};
pub use plan::{Change, ChangeKind, NodePlan, PlanError, Planner};
pub use prepare::{PrepareError, prepare, read_certificate};
pub use reference::reference;
pub use render::{RenderError, Templates};
pub use run::{
    Course, GateKeeper, Journal, LockWait, NodeResult, Order, PAUSES, Reconnect, Rolling, Stop, Verdict, WayBack, carry_out,
    describe_outcome, help_with,
};
pub use skip::UnknownStep;
pub use survey::{SurveyError, Surveyed, look, survey};
