//! Which traces are kept, and which go first.
//!
//! Traces stay in the order in which they came. What is too many goes from the oldest on, but not all
//! at once: of those that have failed, and of the slowest of each route, up to a quarter each stay
//! longer, for these are what one looks for. A trace that still runs goes to the end of the row again.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::Limits;
use super::inbox::Arrived;
use super::requests::{Ended, Requests};
use super::summary::{duration, find};
use super::trace::Trace;

/// How many requests are remembered, with their route, time and duration, for each trace that is kept.
const REQUESTS_PER_TRACE: usize = 10;

/// How many traces that are gone are remembered, to be told.
const GONE_REMEMBERED: usize = 4096;

/// The traces that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    limits: Limits,
    traces: HashMap<TraceId, Slot>,
    bytes: usize,
    /// The oldest first.
    recent: VecDeque<TraceId>,
    failed: VecDeque<TraceId>,
    failed_bytes: usize,
    /// By route, then by duration and, of equals, by arrival.
    slowest: BTreeMap<Arc<str>, BTreeMap<(Duration, u64), TraceId>>,
    slowest_count: usize,
    slowest_bytes: usize,
    requests: Requests,
    last_change: u64,
    /// With the number of the change.
    gone: VecDeque<(u64, TraceId)>,
}

#[derive(Debug)]
struct Slot {
    trace: Trace,
    place: Place,
    /// The number of its last change.
    changed: u64,
    /// The number of its first: the order in which the traces came.
    arrived: u64,
}

/// Where a trace waits to go.
#[derive(Debug)]
enum Place {
    Recent,
    Failed,
    Slowest { route: Arc<str>, duration: Duration },
}

/// What happened to a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or has more spans than before.
    Changed(TraceId),
    /// It is no longer kept.
    Gone(TraceId),
}

impl Kept {
    pub(super) fn new(limits: Limits, now: SystemTime) -> Self {
        Self {
            limits,
            traces: HashMap::new(),
            bytes: 0,
            recent: VecDeque::new(),
            failed: VecDeque::new(),
            failed_bytes: 0,
            slowest: BTreeMap::new(),
            slowest_count: 0,
            slowest_bytes: 0,
            requests: Requests::new(limits.traces.saturating_mul(REQUESTS_PER_TRACE), now),
            last_change: 0,
            gone: VecDeque::new(),
        }
    }

    /// Sorts spans that have ended into their traces, and makes room. `open` are the spans that run.
    pub(super) fn add(&mut self, arrived: Vec<Arrived>, open: &[Arc<SpanData>]) {
        if arrived.is_empty() {
            return;
        }
        for span in arrived {
            self.add_span(span);
        }
        let running = open.iter().map(|span| span.span_context.trace_id()).collect();
        self.make_room(&running);
    }

    /// Remembers requests that have ended, after forgetting those that have until `forgotten_until`.
    pub(super) fn remember(&mut self, ended: &[Ended], forgotten_until: Option<SystemTime>) {
        if let Some(time) = forgotten_until {
            self.requests.forget_until(time);
        }
        ended.iter().for_each(|request| self.requests.add(request));
    }

    fn add_span(&mut self, arrived: Arrived) {
        let id = arrived.span.span_context.trace_id();
        self.last_change += 1;
        let change = self.last_change;
        let slot = self.traces.entry(id).or_insert_with(|| {
            self.recent.push_back(id);
            let trace = Trace::new(id);
            Slot { trace, place: Place::Recent, changed: change, arrived: change }
        });
        let (before, came) = (slot.trace.bytes(), slot.arrived);
        slot.trace.add(arrived, self.limits.bytes / 8);
        slot.changed = change;
        self.bytes += slot.trace.bytes() - before;
        let place = std::mem::replace(&mut slot.place, Place::Recent);
        self.move_to_recent(id, &place, (before, came));
    }

    /// A trace that was put aside, at `place`, and to which something happens, is recent again.
    fn move_to_recent(&mut self, id: TraceId, place: &Place, (bytes, arrived): (usize, u64)) {
        match place {
            Place::Recent => return,
            Place::Failed => {
                self.failed.retain(|failed| *failed != id);
                self.failed_bytes -= bytes;
            }
            Place::Slowest { route, duration } => {
                self.leave_slowest(route, (*duration, arrived), bytes)
            }
        }
        self.recent.push_back(id);
    }

    fn make_room(&mut self, running: &HashSet<TraceId>) {
        let mut second_chances = self.recent.len();
        while self.traces.len() > self.limits.traces || self.bytes > self.limits.bytes {
            let Some(id) = self.recent.pop_front() else { return };
            if running.contains(&id) && second_chances > 0 {
                second_chances -= 1;
                self.recent.push_back(id);
                continue;
            }
            self.retire(id);
        }
    }

    /// Puts a trace aside, if it is one of those that stay longer, and drops what is too many there.
    fn retire(&mut self, id: TraceId) {
        let Some(slot) = self.traces.get_mut(&id) else { return };
        let (quarter, quarter_bytes) = (self.limits.traces / 4, self.limits.bytes / 4);
        let bytes = slot.trace.bytes();
        if slot.trace.has_failed() {
            slot.place = Place::Failed;
            self.failed.push_back(id);
            self.failed_bytes += bytes;
            while self.failed.len() > quarter || self.failed_bytes > quarter_bytes {
                let Some(oldest) = self.failed.pop_front() else { return };
                self.failed_bytes -= self.drop_trace(oldest);
            }
        } else {
            let entry = slot.trace.entry();
            let route = entry.map_or("".into(), |entry| match find(entry, key::HTTP_ROUTE) {
                Some(route) => route.as_str(),
                None => Cow::Borrowed(&*entry.name),
            });
            // Each route once, for so many traces.
            let known = self.slowest.get_key_value(&*route).map(|(known, _)| Arc::clone(known));
            let route = known.unwrap_or_else(|| Arc::from(route));
            let duration = entry.map(duration).unwrap_or_default();
            slot.place = Place::Slowest { route: Arc::clone(&route), duration };
            self.slowest.entry(route).or_default().insert((duration, slot.arrived), id);
            self.slowest_count += 1;
            self.slowest_bytes += bytes;
            while self.slowest_count > quarter || self.slowest_bytes > quarter_bytes {
                // The fastest of the route that has most of them.
                let most = self.slowest.iter().max_by_key(|(_, traces)| traces.len());
                let fastest = most.and_then(|(route, traces)| {
                    Some((Arc::clone(route), traces.first_key_value()?))
                });
                let Some((route, (&key, &id))) = fastest else { return };
                let bytes = self.drop_trace(id);
                self.leave_slowest(&route, key, bytes);
            }
        }
    }

    fn leave_slowest(&mut self, route: &str, key: (Duration, u64), bytes: usize) {
        if let Some(traces) = self.slowest.get_mut(route) {
            traces.remove(&key);
            if traces.is_empty() {
                self.slowest.remove(route);
            }
        }
        self.slowest_count -= 1;
        self.slowest_bytes -= bytes;
    }

    /// Returns what memory became free.
    fn drop_trace(&mut self, id: TraceId) -> usize {
        let bytes = self.traces.remove(&id).map_or(0, |slot| slot.trace.bytes());
        self.bytes -= bytes;
        self.last_change += 1;
        self.gone.push_back((self.last_change, id));
        if self.gone.len() > GONE_REMEMBERED {
            self.gone.pop_front();
        }
        bytes
    }

    pub(super) fn clear(&mut self, now: SystemTime) {
        let last_change = self.last_change;
        *self = Self::new(self.limits, now);
        self.last_change = last_change;
    }

    /// The traces, in the order in which they came.
    pub(super) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let mut slots: Vec<_> = self.traces.values().collect();
        slots.sort_unstable_by_key(|slot| slot.arrived);
        slots.into_iter().map(|slot| &slot.trace)
    }

    pub(super) fn get(&self, id: TraceId) -> Option<&Trace> {
        self.traces.get(&id).map(|slot| &slot.trace)
    }

    pub(super) fn requests(&self) -> &Requests {
        &self.requests
    }

    pub(super) fn usage(&self) -> (usize, usize) {
        (self.traces.len(), self.bytes)
    }

    /// The number of the last change.
    pub(super) fn last_change(&self) -> u64 {
        self.last_change
    }

    /// What has changed after the change numbered `after`, and the number of the last. Of traces that
    /// went long ago it says nothing.
    pub(super) fn changes(&self, after: u64) -> (Vec<Change>, u64) {
        if after == self.last_change {
            return (Vec::new(), after);
        }
        let gone = self
            .gone
            .iter()
            .filter(|(change, id)| *change > after && !self.traces.contains_key(id));
        let mut changed: Vec<_> =
            self.traces.values().filter(|slot| slot.changed > after).collect();
        changed.sort_unstable_by_key(|slot| slot.changed);
        let changes = gone
            .map(|(_, id)| Change::Gone(*id))
            .chain(changed.into_iter().map(|slot| Change::Changed(slot.trace.id())))
            .collect();
        (changes, self.last_change)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::size::size_of_span;
    use super::super::test_spans::{at, failed, request, span};
    use super::*;

    fn kept(traces: usize, bytes: usize) -> Kept {
        Kept::new(Limits { traces, bytes, value_length: 100 }, at(0))
    }

    fn add(kept: &mut Kept, span: SpanData) {
        kept.add(vec![Arrived::new(span)], &[]);
    }

    /// The numbers of the traces that are kept, as `test_spans` counts them.
    fn numbers(kept: &Kept) -> Vec<u128> {
        kept.traces().map(|trace| u128::from_be_bytes(trace.id().to_bytes()) - 1).collect()
    }

    #[test]
    fn the_oldest_go_first() {
        let mut kept = kept(8, usize::MAX);
        // All of one length: the slowest quarter is those that came first.
        (0..8).for_each(|n| add(&mut kept, request(n, "/a", n, n + 10)));
        assert_eq!(numbers(&kept), (0..8).collect::<Vec<_>>());
        (8..20).for_each(|n| add(&mut kept, request(n, "/a", n, n + 10)));
        let numbers = numbers(&kept);
        assert_eq!(numbers.len(), 8);
        assert_eq!(numbers[2..], [14, 15, 16, 17, 18, 19], "{numbers:?}");
    }

    #[test]
    fn failed_traces_stay_longer_but_not_for_ever() {
        let mut kept = kept(8, usize::MAX);
        for n in 0..3 {
            add(&mut kept, failed(request(n, "/a", n, n + 10)));
        }
        (3..60).for_each(|n| add(&mut kept, request(n, "/a", n, n + 10)));
        // A quarter of them: the last two.
        assert_eq!(numbers(&kept)[..2], [1, 2]);
        (60..70).for_each(|n| add(&mut kept, failed(request(n, "/a", n, n + 10))));
        (70..80).for_each(|n| add(&mut kept, request(n, "/a", n, n + 10)));
        let numbers = numbers(&kept);
        assert!(!numbers.contains(&2), "{numbers:?}");
        assert!(numbers.contains(&68) && numbers.contains(&69), "{numbers:?}");
        assert_eq!(numbers.len(), 8);
    }

    #[test]
    fn the_slowest_of_each_route_stay_longer() {
        let mut kept = kept(16, usize::MAX);
        // Every request of /slow is slower than any of /fast.
        let duration = |n: u64, base: u64| base + (n * 7919) % 101;
        for n in 0..200 {
            let (route, base) = if n % 2 == 0 { ("/slow", 10_000) } else { ("/fast", 10) };
            add(&mut kept, request(n, route, n, n + duration(n, base)));
        }
        let numbers = numbers(&kept);
        // Computed independently: of those that are no longer among the recent, the two slowest of each.
        let recent: Vec<u128> = numbers[numbers.len() - 12..].to_vec();
        assert_eq!(recent, (188..200).collect::<Vec<u128>>());
        let mut expected = vec![];
        for parity in [0, 1] {
            let mut old: Vec<u64> = (0..188).filter(|n| n % 2 == parity).collect();
            old.sort_by_key(|n| std::cmp::Reverse((n * 7919) % 101));
            // Several have the same length: any of them.
            expected.push((old[0] * 7919 % 101, old[1] * 7919 % 101));
        }
        let lengths = |parity: u128| {
            let mut lengths: Vec<_> = numbers[..numbers.len() - 12]
                .iter()
                .filter(|n| *n % 2 == parity)
                .map(|n| (*n as u64 * 7919) % 101)
                .collect();
            lengths.sort_by_key(|length| std::cmp::Reverse(*length));
            (lengths[0], lengths[1])
        };
        assert_eq!(numbers.len(), 16);
        assert_eq!([lengths(0), lengths(1)], expected[..]);
    }

    #[test]
    fn what_runs_is_not_dropped_for_what_came_later() {
        let mut kept = kept(4, usize::MAX);
        // A child has ended, its parent runs.
        let parent = Arc::new(span(0, 1, 0));
        let child = span(0, 2, 1);
        kept.add(vec![Arrived::new(child)], std::slice::from_ref(&parent));
        for n in 1..50 {
            let span = request(n, "/a", n, n + 10);
            kept.add(vec![Arrived::new(span)], std::slice::from_ref(&parent));
            assert!(numbers(&kept).contains(&0), "{n}");
        }
        assert!(numbers(&kept).len() <= 4);
    }

    #[test]
    fn a_trace_that_was_put_aside_and_gets_a_span_is_recent_again() {
        for fails in [false, true] {
            let mut kept = kept(8, usize::MAX);
            let first = request(0, "/a", 0, 1000);
            add(&mut kept, if fails { failed(first) } else { first });
            (1..20).for_each(|n| add(&mut kept, request(n, "/a", n, n + 10)));
            assert_eq!(numbers(&kept)[0], 0);
            add(&mut kept, span(0, 77, 1));
            let trace = kept.traces().next().unwrap();
            assert_eq!(trace.spans().count(), 2);
            assert_eq!(kept.recent.back(), Some(&trace.id()));
            let aside: usize = kept.slowest.values().map(BTreeMap::len).sum();
            assert_eq!((aside, kept.failed.len()), (kept.slowest_count, 0));
        }
    }

    #[test]
    fn a_trace_without_end_is_cut() {
        let mut kept = kept(4, usize::MAX);
        (0..1010).for_each(|n| add(&mut kept, span(0, n + 1, 0)));
        let trace = kept.traces().next().unwrap();
        assert_eq!((trace.spans().count(), trace.left_out()), (1000, 10));

        let bytes = size_of_span(&span(0, 1, 0));
        let mut kept = super::tests::kept(4, 8 * 3 * bytes);
        (0..5).for_each(|n| add(&mut kept, span(0, n + 1, 0)));
        let trace = kept.traces().next().unwrap();
        assert_eq!((trace.spans().count(), trace.left_out()), (3, 2));
    }

    #[test]
    fn changes_are_told_once() {
        let mut kept = kept(2, usize::MAX);
        let id = |n: u64| span(n, 1, 0).span_context.trace_id();
        add(&mut kept, request(0, "/a", 0, 9));
        add(&mut kept, request(1, "/a", 1, 9));
        let (changes, last) = kept.changes(0);
        assert_eq!(changes, [Change::Changed(id(0)), Change::Changed(id(1))]);
        assert_eq!(kept.changes(last).0, []);
        add(&mut kept, span(1, 50, 2));
        add(&mut kept, request(2, "/a", 2, 9));
        let (changes, last) = kept.changes(last);
        let expected = [Change::Gone(id(0)), Change::Changed(id(1)), Change::Changed(id(2))];
        assert_eq!(changes, expected);
        assert_eq!(kept.changes(last).0, []);
        kept.clear(at(0));
        assert_eq!(kept.changes(last), (vec![], last));
    }

    proptest! {
        /// Whatever comes in whatever order: the bounds hold, and so do the sums.
        #[test]
        fn bounds_hold(
            spans in prop::collection::vec((0u64..60, 1u64..30, any::<bool>(), 0u64..5000, 0usize..3), 0..300),
            traces in 1usize..30,
            bytes in 2_000usize..60_000,
        ) {
            let mut kept = kept(traces, bytes);
            for (trace, id, fails, length, route) in spans {
                let route = ["/a", "/b", "/c"][route];
                let mut span = request(trace, route, 0, length);
                span.span_context = super::super::test_spans::span(trace, id, 0).span_context;
                add(&mut kept, if fails { failed(span) } else { span });

                prop_assert!(kept.traces.len() <= traces);
                prop_assert!(kept.bytes <= bytes);
                let sum: usize = kept.traces.values().map(|slot| slot.trace.bytes()).sum();
                prop_assert_eq!(kept.bytes, sum);
                let slowest: usize = kept.slowest.values().map(BTreeMap::len).sum();
                prop_assert_eq!(kept.slowest_count, slowest);
                prop_assert_eq!(kept.recent.len() + kept.failed.len() + slowest, kept.traces.len());
                prop_assert!(kept.failed.len() <= traces / 4 && slowest <= traces / 4);
                let of = |ids: &mut dyn Iterator<Item = &TraceId>| -> usize {
                    ids.map(|id| kept.traces[id].trace.bytes()).sum()
                };
                prop_assert_eq!(kept.failed_bytes, of(&mut kept.failed.iter()));
                let slowest = kept.slowest.values().flat_map(BTreeMap::values);
                prop_assert_eq!(kept.slowest_bytes, of(&mut slowest.into_iter()));
            }
        }
    }
}
