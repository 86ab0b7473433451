//! Playbooks as a user meets them: the ones that are shipped, own ones with mistakes, the schema, the reference page.

mod balancers;
mod command;
mod pages;
