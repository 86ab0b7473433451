//! The readers of `src/certs`, compiled alone, and guards against input that costs more memory or time than it should.
//!
//! That these files build without the rest of the program is also what keeps them pure.

#[path = "../../src/certs/mod.rs"]
pub mod certs;
#[path = "../../src/finding.rs"]
pub mod finding;
pub mod memory;
pub mod time;

/// Runs `work` on an input of `size` bytes and panics where it took more memory or time than it may.
pub fn bounded<T>(size: usize, work: impl FnOnce() -> T) -> T {
    time::bounded(size, || memory::bounded(size, work))
}

/// Now and then, the same input so often that what grows faster than it does shows: some half a megabyte. The choice is the
/// input's own, so that a find is found again.
pub fn many_times(bytes: &[u8]) -> Option<Vec<u8>> {
    const LARGE: usize = 512 << 10;
    let chosen = bytes.len() >= 32 && bytes.iter().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)) % 64 == 0;
    chosen.then(|| bytes.repeat(LARGE / bytes.len()))
}
