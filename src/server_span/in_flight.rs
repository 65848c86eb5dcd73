//! The requests whose spans are open. At a forced end what is left of them is dropped, and was not left
//! by its client; and spans can only be flushed when they have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The requests in flight; clones count together.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    is_cut_off: AtomicBool,
}

impl InFlight {
    /// How many requests have a span that has not ended.
    pub fn count(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }

    /// Says that requests are dropped from now on.
    pub fn cut_off(&self) {
        self.0.is_cut_off.store(true, Ordering::Release);
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.0.is_cut_off.load(Ordering::Acquire)
    }

    pub(super) fn begin(&self) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.open.fetch_sub(1, Ordering::Release);
    }
}
