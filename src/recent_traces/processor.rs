//! What a request does for the traces that are kept: all of it here, on the request's thread.
//!
//! A span is copied once. Where so many wait to be sorted that it would be left out, it is not copied at
//! all, and costs little more than its number.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::complete::complete;
use super::inbox::Arrived;
use super::{Inner, RecentTraces};
use crate::telemetry::{Consumer, cut_values};

impl SpanProcessor for RecentTraces {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let Inner { limits, open, inbox, .. } = &*self.0;
        if !span.span_context().is_sampled() || inbox.is_full() || !open.has_room() {
            return;
        }
        if let Some(mut started) = span.exported_data() {
            cut_values(&mut started, limits.value_length);
            open.insert(started);
        }
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

impl RecentTraces {
    fn end(&self, span: Cow<'_, SpanData>) {
        if !span.span_context.is_sampled() {
            return;
        }
        let Inner { limits, open, inbox, .. } = &*self.0;
        let id = span.span_context.span_id();
        if inbox.is_full() {
            inbox.leave_out();
            // Returned, so that it is freed when nobody waits for its lock any more.
            drop(open.end(id, |started| started));
            return;
        }
        let end = |mut started: Arc<SpanData>| {
            // Whoever reads just now may hold it: that is copied then.
            let whole = Arc::make_mut(&mut started);
            complete(whole, &span);
            cut_values(whole, limits.value_length);
            inbox.push(Arrived::new(started))
        };
        if open.end(id, end).is_none() {
            let mut span = span.into_owned();
            cut_values(&mut span, limits.value_length);
            inbox.push(Arrived::new(span));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{SpanContext, Status, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits};

    use super::super::size::size_of_span;
    use super::super::test_spans::span;
    use super::super::{Limits, Trace};
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

    #[test]
    fn what_would_be_left_out_is_not_copied_and_nothing_of_it_stays() {
        // Room for two: a quarter of the limit.
        let bytes = 8 * size_of_span(&span(1, 1, 0));
        let recent = RecentTraces::new(Limits { traces: 9, bytes, value_length: 100 });
        let provider = SdkTracerProvider::builder().with_span_processor(recent.clone()).build();
        let tracer = provider.tracer("t");
        let running = tracer.start("running");
        (0..2).for_each(|_| tracer.start("kept").end());
        let late = tracer.start("late");
        assert_eq!(recent.0.open.snapshot().len(), 1, "the one that began before");
        drop(running);
        assert_eq!(recent.0.open.snapshot().len(), 0);
        assert_eq!(recent.left_out(), 1);

        let names = || -> Vec<_> {
            let list = recent.read().list(&Default::default(), usize::MAX);
            list.into_iter().map(|trace| trace.name).collect()
        };
        assert_eq!(names(), ["kept", "kept"]);
        // There is room again.
        drop(late);
        assert_eq!((names().len(), recent.left_out()), (3, 1));
    }
}
