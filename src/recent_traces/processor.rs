//! What a request does for the traces that are kept: all of it here, on the request's thread.
//!
//! A request is taken in with all that it causes here, or not at all, as its [budget](super::budget) says
//! when it starts. A span that is taken in is copied once; one that is not costs little more than its
//! number, unless it turns out to be one of those that one looks for.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanId, Status, TraceContextExt};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::complete::complete;
use super::inbox::Arrived;
use super::requests::Ended;
use super::summary::duration;
use super::{Inner, RecentTraces};
use crate::telemetry::{Consumer, cut_values};

impl SpanProcessor for RecentTraces {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let Inner { limits, open, .. } = &*self.0;
        if !span.span_context().is_sampled() || !self.0.takes_in(parent) {
            return;
        }
        let started = open.may_watch().then(|| copy(span, limits.value_length)).flatten();
        open.insert(span.span_context().span_id(), started);
    }

    fn on_end(&self, span: SpanData) {
        self.end(Cow::Owned(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Consumer for RecentTraces {
    fn on_end_of(&self, span: &SpanData) {
        self.end(Cow::Borrowed(span));
    }
}

impl Inner {
    /// Is a span taken in that starts in the context of `parent`?
    fn takes_in(&self, parent: &Context) -> bool {
        let parent = parent.span();
        let parent = parent.span_context();
        if parent.is_valid() && !parent.is_remote() {
            // With its parent. Where that is over nobody knows any more: taken in as long as none was left out
            // of late. (One that was, long ago, and still runs, makes a trace that is partial.)
            return !self.budget.is_overdrawn() || self.open.knows(parent.span_id());
        }
        if self.inbox.has_room() && self.open.has_room() {
            return self.budget.take();
        }
        self.budget.overdraw();
        false
    }

    /// Is a span, of a trace that is not taken in, to be kept all the same? If it has failed, or is the
    /// whole of a request that took longer than all others of a moment; those have a budget too.
    fn is_notable(&self, span: &SpanData) -> bool {
        let is_notable = match span.status {
            Status::Error { .. } => true,
            _ if span.parent_span_is_remote || span.parent_span_id == SpanId::INVALID => {
                let nanos = u64::try_from(duration(span).as_nanos()).unwrap_or(u64::MAX);
                self.longest.fetch_max(nanos, Ordering::Relaxed) < nanos
            }
            _ => false,
        };
        is_notable && self.notable_budget.take()
    }
}

fn copy(span: &Span, value_length: usize) -> Option<SpanData> {
    let mut copy = span.exported_data()?;
    cut_values(&mut copy, value_length);
    Some(copy)
}

impl RecentTraces {
    /// Looks again at a span that runs, for what it got after its start to be seen before its end.
    pub fn refresh(&self, span: &Span) {
        let Inner { limits, open, .. } = &*self.0;
        open.refresh(span.span_context().span_id(), || copy(span, limits.value_length));
    }

    fn end(&self, span: Cow<'_, SpanData>) {
        if !span.span_context.is_sampled() {
            return;
        }
        let Inner { limits, open, inbox, .. } = &*self.0;
        if let Some(request) = Ended::of(&span, limits.value_length) {
            inbox.note(request);
        }
        let end = |started: Option<Arc<SpanData>>| {
            let mut whole = started.unwrap_or_else(|| Arc::new((*span).clone()));
            // Whoever reads just now may hold it: that is copied then.
            let changed = Arc::make_mut(&mut whole);
            complete(changed, &span);
            cut_values(changed, limits.value_length);
            // Returned, so that it is freed when nobody waits for its lock any more.
            inbox.push(Arrived::new(whole))
        };
        if open.end(span.span_context.span_id(), end).is_some() {
            return;
        }
        if self.0.is_notable(&span) {
            let mut span = span.into_owned();
            cut_values(&mut span, limits.value_length);
            inbox.push(Arrived::alone(span));
        } else {
            inbox.leave_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use std::time::Instant;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{
        SpanContext, SpanKind, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
    };
    use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanLimits};

    use super::super::budget::Budget;
    use super::super::size::size_of_span;
    use super::super::test_spans::{at, span};
    use super::super::{Filter, Limits, Trace};
    use super::*;

    /// Hands each span to both: shown to the one, given to the other.
    #[derive(Debug)]
    struct Both {
        recent: RecentTraces,
        ended: Arc<Mutex<Vec<SpanData>>>,
    }

    impl SpanProcessor for Both {
        fn on_start(&self, span: &mut Span, cx: &Context) {
            self.recent.on_start(span, cx);
        }

        fn on_end(&self, span: SpanData) {
            self.recent.on_end_of(&span);
            self.ended.lock().unwrap().push(span);
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    fn only_trace(recent: &RecentTraces) -> Trace {
        let reading = recent.read();
        let traces: Vec<_> = reading.list(&Default::default(), usize::MAX);
        assert_eq!(traces.len(), 1);
        reading.trace(traces[0].trace_id).unwrap()
    }

    #[test]
    fn what_is_kept_is_the_span_as_it_ended_whoever_read_it_meanwhile() {
        let pair = |key: &'static str, value: &str| KeyValue::new(key, value.to_owned());
        for is_read in [false, true] {
            let limits = Limits { traces: 9, bytes: 1 << 20, value_length: 100 };
            let recent = RecentTraces::new(limits);
            let ended = Arc::<Mutex<Vec<_>>>::default();
            let mut some = SpanLimits::default();
            (some.max_attributes_per_span, some.max_events_per_span) = (4, 2);
            some.max_links_per_span = 1;
            let both = Both { recent: recent.clone(), ended: Arc::clone(&ended) };
            let provider =
                SdkTracerProvider::builder().with_span_limits(some).with_span_processor(both);
            let tracer = provider.build().tracer("t");
            let at_start = [pair("first", "1"), pair("twice", "1")];
            let mut span = tracer.span_builder("before").with_attributes(at_start).start(&tracer);
            let running = is_read.then(|| only_trace(&recent));

            span.update_name("after");
            span.set_attributes([pair("twice", "2"), pair("last", "3"), pair("too many", "4")]);
            (0..3).for_each(|_| span.add_event("event", vec![pair("of", "event")]));
            (0..2).for_each(|_| span.add_link(SpanContext::NONE, vec![pair("of", "link")]));
            span.set_status(Status::error("why"));
            span.end();

            let kept = only_trace(&recent);
            let ended = ended.lock().unwrap();
            assert_eq!(Vec::from_iter(kept.spans()), Vec::from_iter(&*ended));
            let dropped = (ended[0].dropped_attributes_count, ended[0].events.dropped_count);
            assert_eq!((dropped, ended[0].links.dropped_count), ((1, 1), 1));
            // What was read stays what it was.
            if let Some(running) = running {
                let seen = running.spans().next().unwrap();
                assert_eq!((seen.name.as_ref(), seen.attributes.len()), ("before", 2));
            }
        }
    }

    /// What takes in so many requests at once, and a tracer that tells it of them.
    fn with_room_for(at_once: usize) -> (RecentTraces, SdkTracer) {
        let [budget, notable] =
            [at_once, at_once / 4].map(|at_once| Budget::new(at_once, 100, Instant::now()));
        let limits = Limits { traces: 16, bytes: 1 << 20, value_length: 100 };
        let recent = RecentTraces::with_budgets(limits, budget, notable);
        let provider = SdkTracerProvider::builder().with_span_processor(recent.clone()).build();
        (recent, provider.tracer("t"))
    }

    /// A span that starts: a request, or within one.
    fn start(tracer: &SdkTracer, name: &'static str, parent: Option<&Context>) -> Context {
        let parent = parent.cloned().unwrap_or_default();
        let is_inside = parent.has_active_span() && !parent.span().span_context().is_remote();
        let kind = if is_inside { SpanKind::Internal } else { SpanKind::Server };
        let span = tracer.span_builder(name).with_kind(kind).with_start_time(at(0));
        parent.with_span(span.start_with_context(tracer, &parent))
    }

    /// It ends after so many microseconds.
    fn end(span: &Context, us: u64) {
        span.span().end_with_timestamp(at(us));
    }

    /// Names and counts of spans, by name; `~` of those of which not all was taken in.
    fn kept(recent: &RecentTraces) -> Vec<String> {
        let reading = recent.read();
        let list = reading.list(&Filter::default(), usize::MAX);
        let mut kept: Vec<_> = list
            .iter()
            .map(|trace| {
                let is_partial = reading.trace(trace.trace_id).unwrap().is_partial();
                format!("{}{} {}", if is_partial { "~" } else { "" }, trace.name, trace.spans)
            })
            .collect();
        kept.sort();
        kept
    }

    #[test]
    fn a_request_is_taken_in_with_all_that_it_causes_or_not_at_all() {
        let (recent, tracer) = with_room_for(3);
        let requests = ["a", "b", "c", "d", "e"].map(|name| start(&tracer, name, None));
        let children = requests.each_ref().map(|request| start(&tracer, "in", Some(request)));
        assert_eq!(recent.0.open.snapshot().len(), 6, "what is not taken in is not watched");
        children.iter().for_each(|child| end(child, 10));
        requests.iter().for_each(|request| end(request, 20));
        assert_eq!(recent.left_out(), 4);
        assert_eq!(kept(&recent), ["a 2", "b 2", "c 2"]);
        // The figures are of all.
        assert_eq!(recent.read().kept.requests().iter().count(), 5);
    }

    #[test]
    fn one_who_calls_again_and_again_in_one_trace_is_one_of_many() {
        let (recent, tracer) = with_room_for(3);
        let (trace, caller) = (TraceId::from(7), SpanId::from(8));
        let state = TraceState::NONE;
        let caller = SpanContext::new(trace, caller, TraceFlags::SAMPLED, true, state);
        let caller = Context::new().with_remote_span_context(caller);
        let first = start(&tracer, "call", Some(&caller));
        for _ in 0..9 {
            let more = start(&tracer, "call", Some(&caller));
            end(&start(&tracer, "in", Some(&more)), 10);
            end(&more, 20);
        }
        end(&start(&tracer, "in", Some(&first)), 10);
        end(&first, 20);
        assert_eq!((kept(&recent), recent.left_out()), (vec!["call 6".to_owned()], 14));
    }

    #[test]
    fn what_starts_after_its_parent_has_ended_is_taken_in_where_nothing_was_left_out() {
        let (recent, tracer) = with_room_for(3);
        let now = Instant::now();
        let [a, b] = ["a", "b"].map(|name| {
            let request = start(&tracer, name, None);
            end(&request, 10);
            request
        });
        end(&start(&tracer, "late", Some(&a)), 20);
        // The last that there is room for, and one more.
        ["c", "d"].iter().for_each(|name| end(&start(&tracer, name, None), 10));
        end(&start(&tracer, "late", Some(&b)), 20);
        assert_eq!(recent.left_out(), 2);
        recent.0.allow_more(now + Duration::from_secs(1));
        end(&start(&tracer, "late", Some(&b)), 20);
        assert_eq!(recent.left_out(), 2);
        assert_eq!(kept(&recent), ["a 2", "b 2", "c 1"]);
    }

    #[test]
    fn what_starts_in_a_request_that_was_left_out_long_ago_is_no_whole_trace() {
        let (recent, tracer) = with_room_for(3);
        let requests = ["a", "b", "c", "d"].map(|name| start(&tracer, name, None));
        recent.0.allow_more(Instant::now() + Duration::from_secs(1));
        end(&start(&tracer, "late", Some(&requests[3])), 20);
        requests.iter().for_each(|request| end(request, 30));
        assert_eq!(kept(&recent), ["a 1", "b 1", "c 1", "~late 1"]);
    }

    #[test]
    fn of_what_is_left_out_failures_and_the_longest_are_kept_within_a_budget() {
        let (recent, tracer) = with_room_for(16);
        let now = Instant::now();
        let request = |name, us, fails| {
            let request = start(&tracer, name, None);
            // No request of its own: how long it takes does not matter.
            end(&start(&tracer, "in", Some(&request)), 1000);
            if fails {
                request.span().set_status(Status::error("why"));
            }
            end(&request, us);
        };
        (0..16).for_each(|_| request("whole", 5, false));
        request("longest so far", 10, false);
        request("longer", 30, false);
        request("not as long", 20, false);
        request("failed", 1, true);
        request("longest", 40, false);
        // A quarter of sixteen.
        request("one failure too many", 1, true);
        let expected = ["~failed 1", "~longer 1", "~longest 1", "~longest so far 1"];
        assert_eq!(recent.left_out(), 8);
        let (notable, whole): (Vec<_>, Vec<_>) =
            kept(&recent).into_iter().partition(|trace| trace.starts_with('~'));
        assert_eq!(notable, expected);
        // Twelve: four made room.
        assert_eq!(whole, vec!["whole 2"; 12]);

        // A second later there is a budget again, and what took longest is anew.
        recent.0.allow_more(now + Duration::from_secs(1));
        (0..16).for_each(|_| request("whole", 5, false));
        request("longest of its time", 7, false);
        assert!(kept(&recent).contains(&"~longest of its time 1".to_owned()));
    }

    #[test]
    fn where_too_much_waits_no_request_is_taken_in_and_nothing_of_it_stays() {
        // Room for the spans of two requests: half of a quarter.
        let bytes = 16 * size_of_span(&span(1, 1, 0));
        let limits = Limits { traces: 3, bytes, value_length: 100 };
        let [budget, none] = [9, 0].map(|at_once| Budget::new(at_once, 100, Instant::now()));
        let recent = RecentTraces::with_budgets(limits, budget, none);
        let provider = SdkTracerProvider::builder().with_span_processor(recent.clone()).build();
        let tracer = provider.tracer("t");
        let first = start(&tracer, "span", None);
        end(&first, 10);
        end(&start(&tracer, "span", None), 10);
        let late = start(&tracer, "late", None);
        assert_eq!(recent.0.open.snapshot().len(), 0);
        end(&late, 10);
        end(&start(&tracer, "late child", Some(&first)), 10);
        assert_eq!((kept(&recent), recent.left_out()), (vec!["span 1".to_owned(); 2], 2));
        // There is room again.
        end(&start(&tracer, "span", None), 10);
        assert_eq!((kept(&recent).len(), recent.left_out()), (3, 2));
    }
}
