//! The main road on real machines: a site file becomes a working cluster, and every bad input leaves the nodes as they stood.
//!
//! Needs root (or `sudo`) and the lab's program (`cargo build -p portcullis-lab`). One lab serves all tests here; each test has
//! nodes of its own.

mod bad_node;
mod bad_site;
mod bad_way;
mod broken_off;
mod from_nothing;
mod machine;
mod many;
mod operator;
mod own_site;
mod relay;
mod secrecy;
mod site_text;
mod standing;
mod story;
