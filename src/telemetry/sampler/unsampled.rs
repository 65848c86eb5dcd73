//! The spans that were never made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many spans the sampler has decided against so far. No exporter ever sees them, so they are in
/// the account of none.
#[derive(Clone, Debug, Default)]
pub(in crate::telemetry) struct Unsampled(Arc<AtomicU64>);

impl Unsampled {
    /// The count.
    pub(in crate::telemetry) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
