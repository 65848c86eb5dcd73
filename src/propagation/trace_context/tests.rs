use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use proptest::prelude::*;

use super::*;
use crate::propagation::test_headers::{Headers, extract};
use crate::propagation::trace_flags;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

fn tracer(sampler: Sampler) -> SdkTracer {
    SdkTracerProvider::builder().with_sampler(sampler).build().tracer("test")
}

/// A span of `tracer` below what `headers` say, and below that another one.
fn two_spans_below(tracer: &SdkTracer, headers: &[(&str, &str)]) -> Context {
    let mut cx = extract(&TraceContext, headers);
    for name in ["server", "child"] {
        let span = tracer.start_with_context(name, &cx);
        cx = cx.with_span(span);
    }
    cx
}

#[test]
fn a_trace_goes_on_with_its_flags_and_its_tracestate() {
    let parent_based = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let cases = [
        (parent_based(), "00", "00"),
        (parent_based(), "01", "01"),
        (parent_based(), "02", "02"),
        (parent_based(), "03", "03"),
        (parent_based(), "ff", "03"),
        (Sampler::AlwaysOff, "03", "02"),
        (Sampler::AlwaysOff, "01", "00"),
        (Sampler::AlwaysOn, "00", "01"),
        (Sampler::AlwaysOn, "02", "03"),
    ];
    for (sampler, incoming, outgoing) in cases {
        let case = format!("{sampler:?} {incoming}");
        let traceparent = format!("{PARENT}-{incoming}");
        let state = ("tracestate", "a@@b=1,ot=th:8");
        let cx = two_spans_below(&tracer(sampler), &[("traceparent", &traceparent), state]);
        let sent = Headers::injected(&TraceContext, &cx);
        let [(_, traceparent), (_, tracestate)] = sent.0.as_slice() else { panic!("{sent:?}") };
        assert_eq!(traceparent[..35], PARENT[..35], "{case}");
        assert_ne!(traceparent[36..52], PARENT[36..52], "{case}");
        assert_eq!(traceparent[53..], *outgoing, "{case}");
        assert_eq!(tracestate, "ot=th:8,a@@b=1", "{case}");
        assert_eq!(format!("{:02x}", trace_flags(&cx)), outgoing, "{case}");
    }
}

#[test]
fn a_trace_that_starts_here_is_random_and_without_foreign_state() {
    let good = format!("{PARENT}-00");
    let state = ("tracestate", "a=1");
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[state],
        &[("traceparent", "00-1-2-3"), state],
        &[("traceparent", &good), ("traceparent", &good), state],
        &[("traceparent", &good), ("traceparent", "\u{fffd}"), state],
    ];
    for headers in cases {
        for (sampler, flags) in [(Sampler::AlwaysOn, "03"), (Sampler::AlwaysOff, "02")] {
            let sent =
                Headers::injected(&TraceContext, &two_spans_below(&tracer(sampler), headers));
            let [(name, traceparent)] = sent.0.as_slice() else { panic!("{sent:?}") };
            assert_eq!(name, "traceparent");
            assert_ne!(traceparent[..35], PARENT[..35], "{headers:?}");
            assert_eq!(traceparent[53..], *flags, "{headers:?}");
        }
    }
}

#[test]
fn a_trace_that_starts_anew_inherits_nothing_from_the_context() {
    let traceparent = format!("{PARENT}-00");
    let cx = extract(&TraceContext, &[("traceparent", &traceparent), ("tracestate", "a=1")]);
    let root = tracer(Sampler::AlwaysOn).start_with_context("root", &Context::new());
    let sent = Headers::injected(&TraceContext, &cx.with_span(root));
    assert_eq!(sent.0.len(), 1);
    assert!(sent.0[0].1.ends_with("-03"), "{sent:?}");
}

#[test]
fn without_a_span_nothing_is_sent() {
    assert!(Headers::injected(&TraceContext, &Context::new()).0.is_empty());
    assert_eq!(trace_flags(&Context::new()), 0);
}

#[test]
fn a_parent_found_by_another_propagator_keeps_what_it_says() {
    let state = TraceState::from_key_value([("a", "1"), ("ot", "th:8")]).unwrap();
    let parsed = Traceparent::parse(&format!("{PARENT}-01")).unwrap();
    let Traceparent { trace_id, span_id, flags } = parsed;
    let remote = SpanContext::new(trace_id, span_id, flags, true, state);
    let cx = Context::new().with_remote_span_context(remote);
    let sent = Headers::injected(&TraceContext, &cx);
    let expected =
        Headers::new(&[("traceparent", &format!("{PARENT}-01")), ("tracestate", "ot=th:8,a=1")]);
    assert_eq!(sent.0, expected.0);
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        traceparents in prop::collection::vec("\\PC*|[0-9a-f-]{50,60}", 0..3),
        tracestates in prop::collection::vec("\\PC*|([a-z]{1,3}=[!-~]{1,3},?){0,40}", 0..3),
        valid: bool,
    ) {
        let valid = valid.then(|| ("traceparent".to_owned(), format!("{PARENT}-01")));
        let named = |name: &'static str| move |value| (name.to_owned(), value);
        let headers = Headers(
            valid
                .into_iter()
                .chain(traceparents.into_iter().map(named("traceparent")))
                .chain(tracestates.into_iter().map(named("tracestate")))
                .collect(),
        );
        let cx = TraceContext.extract_with_context(&Context::new(), &headers);
        let sent = Headers::injected(&TraceContext, &cx);
        // And what it sends, it reads.
        let again = TraceContext.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(again.has_active_span(), cx.has_active_span());
        prop_assert_eq!(Headers::injected(&TraceContext, &again).0, sent.0);
    }

    #[test]
    fn what_comes_in_goes_out(
        ids in ("[1-9a-f][0-9a-f]{31}", "[1-9a-f][0-9a-f]{15}"),
        flags in 0..4_u8,
        state in "([a-nq-z][a-z0-9@]{0,9}=[!-+]{1,9}(,[a-nq-z][a-z0-9@]{0,9}=[!-+]{1,9}){0,9})?",
    ) {
        let traceparent = format!("00-{}-{}-{flags:02x}", ids.0, ids.1);
        let mut headers = vec![("traceparent", traceparent.as_str())];
        if !state.is_empty() {
            headers.push(("tracestate", &state));
        }
        let sent = Headers::injected(&TraceContext, &extract(&TraceContext, &headers));
        prop_assert_eq!(sent.0, Headers::new(&headers).0);
    }
}
