//! From templates to texts: what templates see, and each distinct text made once.

mod context;
mod kitchen;
mod render;
mod variable;

pub(super) use context::{environment_name, proxy_name, termination_name};
pub use context::{handout_context, role_name};
pub(super) use kitchen::Kitchen;
pub use render::{RenderError, Templates};
pub(super) use variable::VARIABLES;
