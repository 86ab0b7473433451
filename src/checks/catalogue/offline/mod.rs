//! What is looked at on the operator's machine alone: the site file, what it names, and its certificates.

pub mod certificates;
pub mod here;
pub mod site;

use super::{CheckSpec, Moment, Team};
