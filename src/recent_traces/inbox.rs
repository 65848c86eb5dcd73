//! Spans that have ended, until somebody sorts them: a request only appends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use opentelemetry_sdk::trace::SpanData;

use super::size::size_of_span;

/// How many may wait. The page sorts them ten times a second, so it keeps up with forty thousand spans a
/// second; of more than that it takes no more of the processor's time.
const WAITING: usize = 4096;

/// An ended span, with the memory that it takes.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) span: SpanData,
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    max_bytes: usize,
    left_out: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<Arrived>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { waiting: Mutex::default(), max_bytes, left_out: AtomicU64::new(0) }
    }

    /// Adds a span, or counts it as left out where too many wait.
    pub(super) fn push(&self, span: SpanData) {
        let bytes = size_of_span(&span);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full =
            waiting.spans.len() >= WAITING || waiting.bytes.saturating_add(bytes) > self.max_bytes;
        if !is_full {
            waiting.bytes += bytes;
            waiting.spans.push(Arrived { span, bytes });
            return;
        }
        // The span is freed when nobody waits for the lock any more.
        drop(waiting);
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// All that wait, in the order in which they ended.
    pub(super) fn take(&self) -> Vec<Arrived> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
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
        (0..WAITING as u64 + 3).for_each(|n| inbox.push(span(n, n + 1, 0)));
        assert_eq!(inbox.left_out(), 3);
        let taken = inbox.take();
        assert_eq!(taken.len(), WAITING);
        assert_eq!(taken[5].span.span_context, span(5, 6, 0).span_context);
        inbox.push(span(1, 1, 0));
        assert_eq!((inbox.take().len(), inbox.take().len(), inbox.left_out()), (1, 0, 3));
    }

    #[test]
    fn so_many_bytes_wait_and_the_others_are_counted() {
        let bytes = size_of_span(&span(1, 1, 0));
        let inbox = Inbox::new(2 * bytes);
        (0..5).for_each(|n| inbox.push(span(n, n + 1, 0)));
        assert_eq!((inbox.take().len(), inbox.left_out()), (2, 3));
    }
}
