//! What the tests stand on: a lab shared by all of them, its machines, an operator with a site file, and a way that can be cut.

pub(super) mod machine;
pub(super) mod operator;
pub(super) mod relay;
pub(super) mod site_text;
pub(super) mod standing;
