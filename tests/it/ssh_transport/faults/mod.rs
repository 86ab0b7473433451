//! What breaks, hangs, lies or refuses on the way, and what must not break with it.

mod closing;
mod cut_lines;
mod hostile;
mod many_nodes;
mod resilience;
pub(super) mod stingy;
