//! Processor time that an input takes: so much a byte and no more, and a constant. It is this thread's time on a processor,
//! so that a busy machine makes no difference.

use std::time::Duration;

/// What one byte may take, built for fuzzing: some ten times what certificates in PEM do.
const PER_BYTE: Duration = Duration::from_micros(2);
/// What one reading may take whatever its size: passwords tried, the roots' index.
const CONSTANT: Duration = Duration::from_millis(300);

/// How long this thread has had a processor.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0))
}

/// Runs `work` on an input of `size` bytes and panics where it took more time than it may.
pub fn bounded<T>(size: usize, work: impl FnOnce() -> T) -> T {
    let before = on_processor();
    let result = work();
    let taken = on_processor().saturating_sub(before);
    let allowed = CONSTANT + PER_BYTE * u32::try_from(size).unwrap_or(u32::MAX);
    assert!(taken <= allowed, "an input of {size} bytes took {taken:?} of processor time, where {allowed:?} are allowed");
    result
}
