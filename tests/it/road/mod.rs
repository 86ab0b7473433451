//! The main road on real machines: a site file becomes a working cluster, and every bad input leaves the nodes as they stood.
//!
//! Needs root (or `sudo`) and the lab's program (`cargo build -p portcullis-lab`). One lab serves all tests here; each test has
//! nodes of its own.

mod from_nothing;
mod machine;
mod operator;
mod relay;
mod secrecy;
mod site_text;
mod standing;
mod story;
