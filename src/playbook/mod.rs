//! Playbooks: what a node must be, the difference to what it is, and making it so.
//!
//! `load` reads playbooks, `render` fills templates, `plan` compares with facts (pure), `run` carries the plan
//! out. Nothing here knows the terminal.

mod condition;
mod load;
mod material;
mod model;
mod plan;
mod prepare;
mod reference;
mod run;
mod survey;
mod template;

pub use load::{Library, LoadError, Source, nearest, schema};
pub use material::{CertificateText, MakePfx, Material, Pfx, PfxFailed, SmtpMaterial, TlsMaterial, random_password};
pub use model::{Gate, Handout, Kind, Machines, Playbook, Step};
pub use plan::{Change, ChangeKind, NodePlan, PlanError, Planner};
pub use prepare::{PrepareError, prepare, read_certificate};
pub use reference::reference;
pub use run::{Course, GateKeeper, NodeResult, Verdict, carry_out, describe_outcome, help_with};
pub use survey::{SurveyError, Surveyed, look, survey};
pub use template::{RenderError, Templates, handout_context, role_name};
