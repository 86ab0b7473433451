//! The main road on real machines: a site file becomes a working cluster, and every bad input leaves the nodes as they stood.
//!
//! Needs root (or `sudo`) and the lab's program (`cargo build -p portcullis-lab`). One lab serves all tests here; each test has
//! nodes of its own.

#![expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, on machines of the lab, by the clock")]

mod bad_node;
mod bad_site;
mod bad_way;
mod broken_off;
mod connector;
mod conversation;
mod engine;
mod faults;
mod from_nothing;
mod guarded;
mod heads;
mod installed;
mod many;
mod own_site;
mod rotation;
mod secrecy;
mod stage;
mod steps;
mod story;
mod trust;
