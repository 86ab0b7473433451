//! Playbooks as a user meets them: the ones that are shipped, own ones with mistakes, the schema, the reference page.

mod command;
mod pages;
