//! The requests whose spans are open. At a forced end what is left of them is dropped, and was not left
//! by its client; and spans can only be flushed when they have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The requests in flight; clones count together.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    is_cut_off: AtomicBool,
    /// Told when the last one ends after the cut.
    none_left: Notify,
}

impl InFlight {
    /// How many requests have a span that has not ended.
    pub fn count(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    /// Says that requests are dropped from now on.
    pub fn cut_off(&self) {
        self.0.is_cut_off.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.0.is_cut_off.load(Ordering::SeqCst)
    }

    /// Waits until no span is open, after [`InFlight::cut_off`].
    pub async fn none_left(&self) {
        let none_left = self.0.none_left.notified();
        if self.count() > 0 {
            none_left.await;
        }
    }

    pub(super) fn begin(&self) {
        self.0.open.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts the request out when what is returned is dropped, come what may.
    pub(super) fn ending(&self) -> Ending<'_> {
        Ending(self)
    }
}

pub(super) struct Ending<'a>(&'a InFlight);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let InFlight(counters) = self.0;
        if counters.open.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_cut_off() {
            // Also where nobody waits yet: a permit is kept for who comes.
            counters.none_left.notify_one();
        }
    }
}
