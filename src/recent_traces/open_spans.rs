//! The spans that have started, are taken in, and have not ended: as they were at their start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use super::size::size_of_span;

/// How many are watched at most; others are seen only when they have ended.
const WATCHED: usize = 1024;
/// How many are known at most: of more than that no trace is taken in.
const KNOWN: usize = 16_384;
/// Threads that start and end spans rarely meet at the same lock.
const SHARDS: usize = 64;

/// Spans that run. A shard is searched from end to end: it has as many entries as one in sixty-four of
/// the requests in flight has spans.
#[derive(Debug)]
pub(super) struct OpenSpans {
    shards: [Mutex<Vec<Open>>; SHARDS],
    known: AtomicUsize,
    watched: AtomicUsize,
    bytes: AtomicUsize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Open {
    id: SpanId,
    /// As it was at its start, if it is watched, and the memory which that takes.
    watched: Option<(Arc<SpanData>, usize)>,
}

impl OpenSpans {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            known: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_bytes,
        }
    }

    /// May one more be watched? Where threads race, a few more are.
    pub(super) fn may_watch(&self) -> bool {
        self.watched.load(Ordering::Relaxed) < WATCHED
            && self.bytes.load(Ordering::Relaxed) < self.max_bytes
    }

    /// Is there room for another trace's? There is more for those that belong to one that is taken in.
    pub(super) fn has_room(&self) -> bool {
        self.known.load(Ordering::Relaxed) < KNOWN
    }

    /// Notes a span that starts; `started` is what it is now, if it is to be watched.
    pub(super) fn insert(&self, id: SpanId, started: Option<SpanData>) {
        let watched = started.map(|span| {
            let bytes = size_of_span(&span);
            self.watched.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            (Arc::new(span), bytes)
        });
        self.known.fetch_add(1, Ordering::Relaxed);
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).push(Open { id, watched });
    }

    /// Puts what a span is `now` in the place of what it was at its start, if it is watched.
    pub(super) fn refresh(&self, id: SpanId, now: impl FnOnce() -> Option<SpanData>) {
        if !self.has_any() {
            return;
        }
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        let open = shard.iter_mut().find(|open| open.id == id);
        let Some((span, bytes)) = open.and_then(|open| open.watched.as_mut()) else { return };
        if let Some(now) = now() {
            let before = std::mem::replace(bytes, size_of_span(&now));
            self.bytes.fetch_add(*bytes, Ordering::Relaxed);
            self.bytes.fetch_sub(before, Ordering::Relaxed);
            *span = Arc::new(now);
        }
    }

    /// Does it run, and is it taken in?
    pub(super) fn knows(&self, id: SpanId) -> bool {
        self.has_any() && {
            let shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
            shard.iter().any(|open| open.id == id)
        }
    }

    /// Forgets a span that ends, and does with it, as it was at its start if it was watched, what `then`
    /// says; `None` for one that is not known. A [snapshot](Self::snapshot) comes before all that or
    /// after it.
    pub(super) fn end<T>(
        &self,
        id: SpanId,
        then: impl FnOnce(Option<Arc<SpanData>>) -> T,
    ) -> Option<T> {
        if !self.has_any() {
            return None;
        }
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        let index = shard.iter().rposition(|open| open.id == id)?;
        let Open { watched, .. } = shard.swap_remove(index);
        self.known.fetch_sub(1, Ordering::Relaxed);
        Some(then(watched.map(|(span, bytes)| {
            self.watched.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            span
        })))
    }

    /// Is one known at all? Whoever asks for a span knows of its start: it cannot see the zero from
    /// before that.
    fn has_any(&self) -> bool {
        self.known.load(Ordering::Relaxed) > 0
    }

    /// All that are watched, in no order.
    pub(super) fn snapshot(&self) -> Vec<Arc<SpanData>> {
        let mut spans = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let watched = shard.iter().filter_map(|open| open.watched.as_ref());
            spans.extend(watched.map(|(span, _)| Arc::clone(span)));
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

    fn id(span: &SpanData) -> SpanId {
        span.span_context.span_id()
    }

    #[test]
    fn what_runs_is_watched_until_it_ends_within_bounds() {
        let open = OpenSpans::new(1 << 20);
        let spans: Vec<_> = (0..40).map(|n| span(n, n + 1, 0)).collect();
        spans.iter().for_each(|span| open.insert(id(span), Some(span.clone())));
        assert_eq!(open.snapshot().len(), 40);
        assert!(open.end(id(&spans[7]), drop).is_some());
        assert!(open.end(id(&spans[7]), drop).is_none());
        assert_eq!(open.snapshot().len(), 39);
        assert!(!open.snapshot().iter().any(|s| s.span_context == spans[7].span_context));
        for span in &spans {
            open.end(id(span), drop);
        }
        for count in [&open.bytes, &open.watched, &open.known] {
            assert_eq!(count.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn what_is_new_of_a_span_that_is_watched_is_seen() {
        let open = OpenSpans::new(1 << 20);
        let (one, other) = (span(1, 1, 0), span(2, 2, 0));
        open.insert(id(&one), Some(one.clone()));
        open.insert(id(&other), None);
        for span in [&one, &other] {
            open.refresh(id(span), || {
                Some(SpanData { name: "a longer name".into(), ..span.clone() })
            });
        }
        let seen: Vec<_> = open.snapshot().iter().map(|span| span.name.clone()).collect();
        assert_eq!(seen, ["a longer name"]);
        assert!(open.bytes.load(Ordering::Relaxed) > size_of_span(&one));
        open.end(id(&one), drop);
        assert_eq!(open.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_span_that_is_not_watched_is_known_all_the_same() {
        let open = OpenSpans::new(1 << 20);
        let one = span(1, 1, 0);
        assert!(!open.knows(id(&one)));
        open.insert(id(&one), None);
        assert!(open.knows(id(&one)) && open.snapshot().is_empty());
        assert_eq!(open.end(id(&one), |started| started), Some(None));
        assert!(!open.knows(id(&one)));
    }

    #[test]
    fn so_many_spans_and_so_many_bytes_are_watched_and_so_many_known() {
        let open = OpenSpans::new(usize::MAX);
        for n in 0..WATCHED as u64 {
            assert!(open.may_watch());
            open.insert(SpanId::from(n + 1), Some(span(n, n + 1, 0)));
        }
        assert!(!open.may_watch());
        for n in WATCHED as u64..KNOWN as u64 {
            assert!(open.has_room());
            open.insert(SpanId::from(n + 1), None);
        }
        assert!(!open.has_room());

        let large = span(1, 1, 0);
        let open = OpenSpans::new(size_of_span(&large));
        assert!(open.may_watch());
        open.insert(id(&large), Some(large));
        assert!(!open.may_watch());
    }
}
