//! Playbooks: what a node must be, the difference to what it is, and making it so.
//!
//! `load` reads playbooks, `render` fills templates, `plan` compares with facts (pure), `run` carries the plan
//! out. Nothing here knows the terminal.

mod block;
mod context;
mod diff;
mod draft;
mod guard;
mod load;
mod material;
mod model;
mod plan;
mod prepare;
mod render;
mod run;
mod survey;

pub use context::{handout_context, role_name};
pub use load::{Library, LoadError, nearest};
pub use material::{CertificateText, MakePfx, Material, Pfx, PfxFailed, SmtpMaterial, TlsMaterial, random_password};
pub use model::{Gate, Handout, Kind, Playbook, Step, schema};
pub use plan::{Change, ChangeKind, NodePlan, PlanError, Planner};
pub use prepare::{PrepareError, prepare, read_certificate};
pub use render::{RenderError, Templates};
pub use run::{Course, GateKeeper, NodeResult, Verdict, carry_out, describe_outcome, help_with};
pub use survey::{SurveyError, Surveyed, look, survey};
