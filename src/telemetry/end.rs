//! The end of the process, as exporters need to know it: whoever waits for a receiver to come back waits
//! until then at most.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Whether the process ends. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub(super) struct End(Arc<State>);

#[derive(Debug, Default)]
struct State {
    ending: Mutex<Option<Ending>>,
    has_begun: Condvar,
}

/// An end that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) began: Instant,
    /// Until when exporters may take.
    pub(super) deadline: Instant,
}

impl End {
    /// Says that the process ends, and until when exporters may take.
    pub(super) fn begin(&self, deadline: Instant) {
        if let Ok(mut ending) = self.0.ending.lock() {
            *ending = Some(Ending { began: Instant::now(), deadline });
        }
        self.0.has_begun.notify_all();
    }

    /// The end, once it has begun.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.0.ending.lock().ok().and_then(|ending| *ending)
    }

    /// Waits for `delay`, or until the end begins.
    pub(super) fn wait(&self, delay: Duration) {
        if let Ok(ending) = self.0.ending.lock() {
            // Poisoned or not, the wait is over.
            let _ = self.0.has_begun.wait_timeout_while(ending, delay, |ending| ending.is_none());
        }
    }
}
