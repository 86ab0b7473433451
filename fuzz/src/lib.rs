//! The readers of `src/certs`, compiled alone, and a guard against input that costs more memory than it should.
//!
//! That these files build without the rest of the program is also what keeps them pure.

#[path = "../../src/certs/mod.rs"]
pub mod certs;
#[path = "../../src/finding.rs"]
pub mod finding;
pub mod memory;
