//! Counts what is allocated while an input is read: no more than ten times its size, and a constant for what every
//! reading needs (OpenSSL's own allocations are not seen here; `-rss_limit_mb` bounds them).

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// What one reading may need whatever its size: tables, messages, the roots' index.
const CONSTANT: usize = 2 << 20;

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; beside it only numbers are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs `work` on an input of `size` bytes and panics where it took more memory than it may.
pub fn bounded<T>(size: usize, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    let taken = MOST.load(Ordering::Relaxed).saturating_sub(before);
    assert!(taken <= size * 10 + CONSTANT, "an input of {size} bytes took {taken} bytes of memory");
    result
}
