//! The last traces, in memory, for the page that shows them (`web`).
//!
//! [`RecentTraces`] is a span processor. A request is taken in with all that it causes here, or not at
//! all; so many are in a second. What one pays is little: a copy of each span when it starts, so that it
//! can be seen while it runs, to which its end adds what has come since. Everything else is done by
//! whoever reads, on the page's own thread: [`RecentTraces::read`] first sorts what has come since.
//! Nothing here grows without a bound, and where a bound is reached a request never waits: spans are left
//! out, and counted.
//!
//! | file | what |
//! |---|---|
//! | `processor.rs` | what a request does for it; `complete.rs`, the copy of its span at the end |
//! | `budget.rs` | how many requests are taken in |
//! | `open_spans.rs` | spans that still run |
//! | `inbox.rs` | spans and requests that have ended, and wait to be sorted |
//! | `kept.rs` | the traces: how many are kept, and which go first |
//! | `trace.rs` | one trace; `summary.rs`, the row it has in a list; `waterfall.rs`, its spans as a tree |
//! | `filter.rs` | which traces one asks for |
//! | `requests.rs` | each request's route, time and duration; `routes.rs`, what follows from them |
//! | `size.rs` | how much memory a span takes |

mod budget;
mod complete;
mod filter;
mod inbox;
mod kept;
mod open_spans;
mod processor;
mod requests;
mod routes;
mod size;
mod summary;
#[cfg(test)]
pub(crate) mod test_spans;
mod trace;
mod waterfall;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use budget::Budget;
pub use filter::{Filter, StatusFilter};
use inbox::{Inbox, Waiting};
pub use kept::Change;
use kept::Kept;
use open_spans::OpenSpans;
pub use routes::{Cell, Heatmap, RouteFigures, Routes};
pub use summary::Summary;
pub use trace::Trace;
pub use waterfall::{Node, Waterfall};

/// How many requests are taken in a second, where the load lasts. Nobody reads as many, and with those
/// besides they are fewer than the page's events can tell.
const PER_SECOND: usize = 250;
/// How many besides, of whose requests not all is taken in: what failed, and what took longest.
const NOTABLE_PER_SECOND: usize = 125;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Traces. As many may come at once; of a load that lasts 250 a second are taken in.
    pub traces: usize,
    /// The memory that their spans take, in bytes; those that run or wait to be sorted take about half as
    /// much besides, at most.
    pub bytes: usize,
    /// How many characters of an attribute's value.
    pub value_length: usize,
}

/// The last traces; clones are the same.
#[derive(Clone, Debug)]
pub struct RecentTraces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    open: OpenSpans,
    inbox: Inbox,
    budget: Budget,
    notable_budget: Budget,
    /// How long the longest request took of those that were left out since they were last sorted, in
    /// nanoseconds.
    longest: AtomicU64,
    kept: Mutex<Kept>,
    resource: OnceLock<Resource>,
}

impl RecentTraces {
    /// None yet.
    pub fn new(limits: Limits) -> Self {
        // Those besides: as many as may be put aside of each.
        let at_once = limits.traces.max(PER_SECOND);
        Self::with_budgets(
            limits,
            Budget::new(at_once, PER_SECOND, Instant::now()),
            Budget::new(at_once / 4, NOTABLE_PER_SECOND, Instant::now()),
        )
    }

    fn with_budgets(limits: Limits, budget: Budget, notable_budget: Budget) -> Self {
        Self(Arc::new(Inner {
            limits,
            open: OpenSpans::new(limits.bytes / 4),
            inbox: Inbox::new(limits.bytes / 4),
            budget,
            notable_budget,
            longest: AtomicU64::new(0),
            kept: Mutex::new(Kept::new(limits, SystemTime::now())),
            resource: OnceLock::new(),
        }))
    }

    /// What may be kept.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Says where all spans come from. Only the first time counts: a processor has one provider.
    pub(crate) fn set_resource(&self, resource: &Resource) {
        let _ = self.0.resource.set(resource.clone());
    }

    /// Where all spans come from; `None` until a provider has started.
    pub fn resource(&self) -> Option<&Resource> {
        self.0.resource.get()
    }

    /// The traces, with everything that has ended until now. Blocks others that read, never a request.
    pub fn read(&self) -> Reading<'_> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order: a span that ends meanwhile is in both, never in neither.
        let open = self.0.open.snapshot();
        let Waiting { spans, requests, forgotten_until, .. } = self.0.inbox.take();
        kept.remember(&requests, forgotten_until);
        kept.add(spans, &open);
        self.0.allow_more(Instant::now());
        Reading { kept, open }
    }

    /// Forgets all traces and all figures.
    pub fn clear(&self) {
        let mut reading = self.read();
        reading.kept.clear(SystemTime::now());
        self.0.inbox.forget_left_out();
    }

    /// How many spans came faster than they could be sorted, and are not kept.
    pub fn left_out(&self) -> u64 {
        self.0.inbox.left_out()
    }
}

impl Inner {
    /// Lets in what may come until the next time.
    fn allow_more(&self, now: Instant) {
        self.budget.fill(now);
        self.notable_budget.fill(now);
        self.longest.store(0, Ordering::Relaxed);
    }
}

/// The traces at one moment.
#[derive(Debug)]
pub struct Reading<'a> {
    kept: MutexGuard<'a, Kept>,
    open: Vec<Arc<SpanData>>,
}

impl Reading<'_> {
    /// The traces that `filter` lets through, the one that started last first, `limit` at most; those
    /// that run among them.
    pub fn list(&self, filter: &Filter, limit: usize) -> Vec<Summary> {
        let running = self.running();
        let mut summaries: Vec<_> = self
            .kept
            .traces()
            .map(|trace| running.iter().find(|r| r.id() == trace.id()).unwrap_or(trace))
            .chain(running.iter().filter(|trace| self.kept.get(trace.id()).is_none()))
            .filter_map(|trace| {
                let summary = trace.summary();
                filter.matches(&summary, trace).then_some(summary)
            })
            .collect();
        summaries.sort_by_key(|summary| std::cmp::Reverse(summary.start));
        summaries.truncate(limit);
        summaries
    }

    /// One trace, with its spans that run.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        let running = self.open.iter().filter(|span| span.span_context.trace_id() == id);
        let mut trace = self.kept.get(id).cloned();
        for span in running {
            trace.get_or_insert_with(|| Trace::new(id)).run(Arc::clone(span));
        }
        trace
    }

    /// All traces that have ended spans, the oldest first.
    pub fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.kept.traces()
    }

    /// The traces that have a span which runs for at least as long as `for_at_least` by now.
    pub fn running_for(&self, for_at_least: Duration) -> Vec<Summary> {
        let started = SystemTime::now().checked_sub(for_at_least);
        let is_old = |trace: &Trace| started.is_none_or(|started| trace.runs_since(started));
        self.running().iter().filter(|trace| is_old(trace)).map(Trace::summary).collect()
    }

    /// What has changed after the change numbered `after`, and the number of the last.
    pub fn changes(&self, after: u64) -> (Vec<Change>, u64) {
        self.kept.changes(after)
    }

    /// The number of the last change.
    pub fn last_change(&self) -> u64 {
        self.kept.last_change()
    }

    /// What the requests of the last `window` tell, by route; of all that are remembered, without one.
    pub fn routes(&self, window: Option<Duration>, route: Option<&str>) -> Routes {
        self.kept.requests().routes(window, route, SystemTime::now())
    }

    /// How many traces are kept, and the memory that they take.
    pub fn usage(&self) -> (usize, usize) {
        self.kept.usage()
    }

    fn running(&self) -> Vec<Trace> {
        let ids: HashSet<_> = self.open.iter().map(|span| span.span_context.trace_id()).collect();
        ids.into_iter().filter_map(|id| self.trace(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use opentelemetry::Context;
    use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;

    const LIMITS: Limits = Limits { traces: 100, bytes: 1 << 20, value_length: 100 };

    fn provider(recent: &RecentTraces) -> SdkTracerProvider {
        SdkTracerProvider::builder().with_span_processor(recent.clone()).build()
    }

    fn all(recent: &RecentTraces) -> Vec<Summary> {
        recent.read().list(&Filter::default(), usize::MAX)
    }

    #[test]
    fn a_span_is_seen_while_it_runs_and_after_it_has_ended() {
        let recent = RecentTraces::new(LIMITS);
        let tracer = provider(&recent).tracer("t");
        let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
        tracer.start_with_context("child", &root).end();

        let seen = all(&recent);
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].name.as_str(), seen[0].is_running, seen[0].spans), ("root", true, 2));
        assert_eq!(seen[0].duration, None);
        let trace = recent.read().trace(seen[0].trace_id).unwrap();
        let running: Vec<_> = trace.waterfall().nodes.iter().map(|node| node.is_running).collect();
        assert_eq!(running, [true, false]);
        assert_eq!(recent.read().running_for(Duration::ZERO).len(), 1);
        assert_eq!(recent.read().running_for(Duration::from_secs(3600)).len(), 0);

        root.span().end();
        let seen = all(&recent);
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].name.as_str(), seen[0].is_running, seen[0].spans), ("root", false, 2));
        assert!(seen[0].duration.is_some());
        assert_eq!(recent.read().running_for(Duration::ZERO).len(), 0);
    }

    #[test]
    fn what_is_not_sampled_is_not_kept() {
        let recent = RecentTraces::new(LIMITS);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .with_span_processor(recent.clone())
            .build();
        provider.tracer("t").start("unseen").end();
        assert!(all(&recent).is_empty());
    }

    #[test]
    fn values_are_as_long_as_the_limit_says() {
        let recent = RecentTraces::new(LIMITS);
        let tracer = provider(&recent).tracer("t");
        let long = opentelemetry::KeyValue::new("long", "x".repeat(1000));
        let mut span = tracer.span_builder("s").with_attributes([long]).start(&tracer);
        let length = || {
            let id = all(&recent)[0].trace_id;
            let trace = recent.read().trace(id).unwrap();
            trace.spans().next().unwrap().attributes[0].value.as_str().len()
        };
        assert_eq!(length(), 100, "it runs");
        span.end();
        assert_eq!(length(), 100, "it has ended");
    }

    #[test]
    fn forgotten_is_forgotten() {
        let recent = RecentTraces::new(LIMITS);
        let tracer = provider(&recent).tracer("t");
        tracer.start("gone").end();
        recent.clear();
        assert!(all(&recent).is_empty());
        assert_eq!(recent.read().usage(), (0, 0));
        tracer.start("new").end();
        assert_eq!(all(&recent).len(), 1);
    }

    #[test]
    fn whatever_many_threads_do_what_is_kept_is_whole_and_nothing_is_lost_unsaid() {
        // Room for all that comes, and for a small part of it.
        for at_once in [10_000, 3] {
            let limits = Limits { traces: 10_000, bytes: 64 << 20, value_length: 100 };
            let [budget, none] =
                [at_once, 0].map(|at_once| Budget::new(at_once, 1, Instant::now()));
            let recent = RecentTraces::with_budgets(limits, budget, none);
            let provider = provider(&recent);
            let (threads, each) = (8, 400);
            thread::scope(|scope| {
                let workers: Vec<_> = (0..threads)
                    .map(|_| {
                        scope.spawn(|| {
                            let tracer = provider.tracer("t");
                            for _ in 0..each {
                                let root = tracer.start_with_context("root", &Context::new());
                                let root = Context::new().with_span(root);
                                tracer.start_with_context("child", &root).end();
                                root.span().end();
                            }
                        })
                    })
                    .collect();
                while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                    let seen = all(&recent);
                    assert!(seen.iter().all(|summary| summary.spans <= 2));
                    thread::yield_now();
                }
            });
            let seen = all(&recent);
            assert!(seen.iter().all(|summary| summary.spans == 2 && !summary.is_running));
            let left_out = recent.left_out() as usize;
            assert_eq!(seen.len() + left_out / 2, threads * each);
            assert_eq!(left_out == 0, at_once > threads * each);
            assert_eq!(recent.0.open.snapshot().len(), 0);
        }
    }
}
