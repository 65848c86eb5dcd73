//! Spans that have ended, until somebody sorts them: a request only appends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_sdk::trace::SpanData;

use super::size::size_of_span;

/// How many may wait. The page sorts them ten times a second while somebody looks at it, so it keeps up
/// with forty thousand spans a second then; of more than that it takes no more of the processor's time.
const WAITING: usize = 4096;

/// An ended span, with the memory that it takes.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) span: Arc<SpanData>,
    pub(super) bytes: usize,
}

impl Arrived {
    pub(super) fn new(span: impl Into<Arc<SpanData>>) -> Self {
        let span = span.into();
        Self { bytes: size_of_span(&span), span }
    }
}

#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    max_bytes: usize,
    /// Will nothing more be taken before all that waits is sorted?
    is_full: AtomicBool,
    left_out: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<Arrived>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            max_bytes,
            is_full: AtomicBool::new(false),
            left_out: AtomicU64::new(0),
        }
    }

    /// Is it of no use to make anything ready for it? Under a load that is too much for it, this is all
    /// that most spans cost.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Adds a span; or counts it as left out where too many wait, and gives it back, to be freed when nobody
    /// waits for a lock any more.
    pub(super) fn push(&self, arrived: Arrived) -> Option<Arrived> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.spans.len() < WAITING && waiting.bytes < self.max_bytes {
            waiting.bytes += arrived.bytes;
            waiting.spans.push(arrived);
            let is_full = waiting.spans.len() >= WAITING || waiting.bytes >= self.max_bytes;
            self.is_full.store(is_full, Ordering::Relaxed);
            return None;
        }
        drop(waiting);
        self.leave_out();
        Some(arrived)
    }

    /// Counts a span that is not even pushed.
    pub(super) fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// All that wait, in the order in which they ended.
    pub(super) fn take(&self) -> Vec<Arrived> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_full.store(false, Ordering::Relaxed);
        std::mem::take(&mut *waiting).spans
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    pub(super) fn forget_left_out(&self) {
        self.left_out.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_spans::span;
    use super::*;

    #[test]
    fn so_many_wait_and_the_others_are_counted() {
        let inbox = Inbox::new(usize::MAX);
        (0..WAITING as u64 + 3).for_each(|n| drop(inbox.push(Arrived::new(span(n, n + 1, 0)))));
        assert_eq!(inbox.left_out(), 3);
        let taken = inbox.take();
        assert_eq!(taken.len(), WAITING);
        assert_eq!(taken[5].span.span_context, span(5, 6, 0).span_context);
        inbox.push(Arrived::new(span(1, 1, 0)));
        assert_eq!((inbox.take().len(), inbox.take().len(), inbox.left_out()), (1, 0, 3));
    }

    #[test]
    fn so_many_bytes_wait_and_the_others_are_counted() {
        let bytes = size_of_span(&span(1, 1, 0));
        let inbox = Inbox::new(2 * bytes);
        (0..5).for_each(|n| drop(inbox.push(Arrived::new(span(n, n + 1, 0)))));
        assert_eq!((inbox.take().len(), inbox.left_out()), (2, 3));
    }
}
