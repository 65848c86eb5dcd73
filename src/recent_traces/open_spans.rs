//! The spans that have started and not ended, as they were at their start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use super::size::size_of_span;

/// How many are watched at most; others are seen only when they have ended.
const WATCHED: usize = 1024;
/// Threads that start and end spans rarely meet at the same lock.
const SHARDS: usize = 16;

/// Spans that run. A shard is searched from end to end: it has as many entries as a sixteenth of the
/// requests in flight have spans.
#[derive(Debug)]
pub(super) struct OpenSpans {
    shards: [Mutex<Vec<Open>>; SHARDS],
    count: AtomicUsize,
    bytes: AtomicUsize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Open {
    span: Arc<SpanData>,
    bytes: usize,
}

impl OpenSpans {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            shards: Default::default(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_bytes,
        }
    }

    /// May one more be watched? Where threads race, a few more are.
    pub(super) fn has_room(&self) -> bool {
        self.count.load(Ordering::Relaxed) < WATCHED
            && self.bytes.load(Ordering::Relaxed) < self.max_bytes
    }

    pub(super) fn insert(&self, span: SpanData) {
        let bytes = size_of_span(&span);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let id = span.span_context.span_id();
        let open = Open { span: Arc::new(span), bytes };
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }

    /// Forgets a span that ends, and does with it, as it was at its start, what `then` says; `None` for
    /// one that was not watched. A [snapshot](Self::snapshot) comes before all that or after it.
    pub(super) fn end<T>(&self, id: SpanId, then: impl FnOnce(Arc<SpanData>) -> T) -> Option<T> {
        // Whoever ends a span knows of its start: it cannot see the zero from before that.
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        let index = shard.iter().rposition(|open| open.span.span_context.span_id() == id)?;
        let Open { span, bytes } = shard.swap_remove(index);
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(then(span))
    }

    /// All of them, in no order.
    pub(super) fn snapshot(&self) -> Vec<Arc<SpanData>> {
        let mut spans = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            spans.extend(shard.iter().map(|open| Arc::clone(&open.span)));
        }
        spans
    }

    fn shard(&self, id: SpanId) -> &Mutex<Vec<Open>> {
        // Ids are random.
        &self.shards[usize::from(id.to_bytes()[7]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_spans::span;
    use super::*;

    #[test]
    fn what_runs_is_watched_until_it_ends_within_bounds() {
        let open = OpenSpans::new(1 << 20);
        let spans: Vec<_> = (0..40).map(|n| span(n, n + 1, 0)).collect();
        spans.iter().for_each(|span| open.insert(span.clone()));
        assert_eq!(open.snapshot().len(), 40);
        open.end(spans[7].span_context.span_id(), drop);
        open.end(spans[7].span_context.span_id(), drop);
        assert_eq!(open.snapshot().len(), 39);
        assert!(!open.snapshot().iter().any(|s| s.span_context == spans[7].span_context));
        for span in &spans {
            open.end(span.span_context.span_id(), drop);
        }
        assert_eq!(open.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(open.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn there_is_room_for_so_many_spans_and_so_many_bytes() {
        let open = OpenSpans::new(usize::MAX);
        for n in 0..WATCHED as u64 {
            assert!(open.has_room());
            open.insert(span(n, n + 1, 0));
        }
        assert!(!open.has_room());

        let large = span(1, 1, 0);
        let open = OpenSpans::new(size_of_span(&large));
        assert!(open.has_room());
        open.insert(large);
        assert!(!open.has_room());
    }
}
