//! What the lab asks of the host: its package mirror, its programs, its limits, a folder for images and one for standing labs.

pub(crate) mod apt;
pub(crate) mod command;
pub(crate) mod files;
pub(crate) mod folders;
pub(crate) mod image;
pub(crate) mod privilege;
pub(crate) mod registry;
