//! The site file as a person meets it: what a sound one gives, what each mistake is answered with.

mod mistakes;
mod schema;
mod secrets;
mod sound;

use std::path::Path;

use portcullis::site::model::Site;
use portcullis::site::{SiteErrors, parse};

/// A site file with a value in each place.
const FULL: &str = include_str!("full.yaml");

/// As the lab prints the site file of a standing lab.
const LAB: &str = include_str!("lab.yaml");

/// The least that a site file can be.
const LEAST: &str = "site: dev\nenvironment: development\nroute: {vpn: true}\nnodes:\n  - {name: a0-1, address: 10.0.0.1}\n";

fn read(text: &str) -> Result<Site, SiteErrors> {
    parse(text, Path::new("site.yaml"))
}

/// What is said of a wrong site file, as it is printed.
fn said(text: &str) -> String {
    read(text).expect_err("this site file is wrong").render()
}

/// `LEAST` with further lines.
fn least_with(lines: &str) -> String {
    format!("{LEAST}{lines}")
}
