//! What has ended, until somebody sorts it: a request only appends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry_sdk::trace::SpanData;

use super::requests::Ended;
use super::size::size_of_span;

/// How many requests may wait: a third of a second's at a hundred thousand a second, where ten times a
/// second somebody sorts.
const REQUESTS: usize = 32_768;

/// An ended span, with the memory that it takes.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) span: Arc<SpanData>,
    pub(super) bytes: usize,
    /// Is its trace not taken in, but only what is notable of it?
    pub(super) is_alone: bool,
}

impl Arrived {
    pub(super) fn new(span: impl Into<Arc<SpanData>>) -> Self {
        let span = span.into();
        Self { bytes: size_of_span(&span), span, is_alone: false }
    }

    pub(super) fn alone(span: impl Into<Arc<SpanData>>) -> Self {
        Self { is_alone: true, ..Self::new(span) }
    }
}

#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    max_bytes: usize,
    has_room: AtomicBool,
    left_out: AtomicU64,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order in which they ended.
    pub(super) spans: Vec<Arrived>,
    bytes: usize,
    /// In the order in which they ended.
    pub(super) requests: Vec<Ended>,
    /// Until when all requests are forgotten, if there were too many.
    pub(super) forgotten_until: Option<SystemTime>,
}

impl Inbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            max_bytes,
            has_room: AtomicBool::new(true),
            left_out: AtomicU64::new(0),
        }
    }

    /// May one more trace be taken in? Half of the room is for what those add that are.
    pub(super) fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Relaxed)
    }

    /// Adds a span; or counts it as left out where too many wait, and gives it back, to be freed when nobody
    /// waits for a lock any more.
    pub(super) fn push(&self, arrived: Arrived) -> Option<Arrived> {
        let mut waiting = self.lock();
        if waiting.bytes < self.max_bytes {
            waiting.bytes += arrived.bytes;
            waiting.spans.push(arrived);
            if waiting.bytes >= self.max_bytes / 2 {
                self.has_room.store(false, Ordering::Relaxed);
            }
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

    /// Notes a request. Of too many all are forgotten, so that figures are of all since some time.
    pub(super) fn note(&self, request: Ended) {
        let mut waiting = self.lock();
        if waiting.requests.len() >= REQUESTS {
            waiting.forgotten_until = Some(request.end);
            // The room stays: it is needed again, and nothing large is freed under the lock.
            waiting.requests.clear();
            return;
        }
        waiting.requests.push(request);
    }

    /// All that waits.
    pub(super) fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        self.has_room.store(true, Ordering::Relaxed);
        std::mem::take(&mut *waiting)
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    pub(super) fn forget_left_out(&self) {
        self.left_out.store(0, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_spans::{at, request, span};
    use super::*;

    #[test]
    fn of_half_the_room_no_trace_is_taken_in_and_of_all_of_it_no_span() {
        let bytes = size_of_span(&span(1, 1, 0));
        let inbox = Inbox::new(4 * bytes);
        for (n, has_room) in [(1, true), (2, false), (3, false), (4, false)] {
            assert!(inbox.push(Arrived::new(span(n, n, 0))).is_none(), "{n}");
            assert_eq!(inbox.has_room(), has_room, "{n}");
        }
        assert!(inbox.push(Arrived::new(span(5, 5, 0))).is_some());
        assert_eq!(inbox.left_out(), 1);
        let taken = inbox.take().spans;
        assert_eq!(taken.len(), 4);
        assert_eq!(taken[2].span.span_context, span(3, 3, 0).span_context);
        assert!(inbox.has_room() && inbox.push(Arrived::new(span(1, 1, 0))).is_none());
        assert_eq!((inbox.take().spans.len(), inbox.take().spans.len()), (1, 0));
        inbox.forget_left_out();
        assert_eq!(inbox.left_out(), 0);
    }

    #[test]
    fn of_too_many_requests_those_are_known_that_ended_since_some_time() {
        let inbox = Inbox::new(usize::MAX);
        let note = |n| inbox.note(Ended::of(&request(n, "/a", n, n + 4), 100).unwrap());
        (0..REQUESTS as u64 + 3).for_each(note);
        let waiting = inbox.take();
        assert_eq!(waiting.requests.len(), 2);
        // The one that was one too many.
        assert_eq!(waiting.forgotten_until, Some(at(REQUESTS as u64 + 4)));
        note(7);
        let waiting = inbox.take();
        assert_eq!((waiting.requests.len(), waiting.forgotten_until), (1, None));
    }
}
