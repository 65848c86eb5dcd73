use opentelemetry::trace::{SpanId, TraceFlags, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use proptest::prelude::*;

use super::*;
use crate::config::Config;

/// A trace id whose last 56 bits are these.
fn trace_id(randomness: &str) -> TraceId {
    TraceId::from_hex(&format!("4bf92f3577b34da6a3{randomness}")).unwrap()
}

const LOW: &str = "10000000000000";
const HIGH: &str = "f0000000000000";

/// `OTEL_TRACES_SAMPLER`, and its argument after a space.
fn sampler_of(setting: &str) -> Sampler {
    let (name, argument) = setting.split_once(' ').unwrap_or((setting, ""));
    let vars = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
    let owned = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_vars(owned.into()).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new(), "{setting}");
    sampler(&config.telemetry)
}

fn parent(trace_id: TraceId, is_sampled: bool, is_remote: bool, state: &str) -> Context {
    let span_id = SpanId::from_bytes([1; 8]);
    let flags = TraceFlags::NOT_SAMPLED.with_sampled(is_sampled);
    let state = state.parse().unwrap();
    Context::new()
        .with_remote_span_context(SpanContext::new(trace_id, span_id, flags, is_remote, state))
}

/// Is it sampled, its `SampleRate` (1 where there is none), its tracestate.
type Expected<'a> = (bool, i64, &'a str);

fn asked(sampler: &Sampler, parent: Option<&Context>, trace_id: TraceId) -> (bool, i64, String) {
    let result = sampler.should_sample(parent, trace_id, "", &SpanKind::Internal, &[], &[]);
    let rate = match &result.attributes[..] {
        [] => 1,
        [KeyValue { key, value: opentelemetry::Value::I64(rate), .. }]
            if key.as_str() == SAMPLE_RATE =>
        {
            assert!(*rate > 1, "1 is left out");
            *rate
        }
        other => panic!("{other:?}"),
    };
    (result.decision == SamplingDecision::RecordAndSample, rate, result.trace_state.header())
}

#[test]
fn a_trace_that_starts_here() {
    let cases = [
        ("always_on", LOW, (true, 1, "")),
        ("parentbased_always_on", LOW, (true, 1, "")),
        ("always_off", HIGH, (false, 1, "")),
        ("parentbased_always_off", HIGH, (false, 1, "")),
        ("traceidratio", LOW, (true, 1, "ot=th:0")),
        ("traceidratio 1", "00000000000000", (true, 1, "ot=th:0")),
        ("traceidratio 0.5", "80000000000000", (true, 2, "ot=th:8")),
        ("traceidratio 0.5", "7fffffffffffff", (false, 1, "")),
        ("parentbased_traceidratio 0.1", HIGH, (true, 10, "ot=th:e666")),
        ("parentbased_traceidratio 0.1", LOW, (false, 1, "")),
        ("parentbased_traceidratio 0", "ffffffffffffff", (false, 1, "")),
    ];
    for (setting, randomness, (is_sampled, rate, state)) in cases {
        let sampler = sampler_of(setting);
        let expected = (is_sampled, rate, state.to_owned());
        for no_parent in [None, Some(&Context::new())] {
            assert_eq!(asked(&sampler, no_parent, trace_id(randomness)), expected, "{setting}");
        }
    }
}

#[test]
fn a_trace_that_comes_in() {
    let always_on = "parentbased_always_on";
    let (low_rv, high_rv) = (format!("rv:{LOW}"), format!("rv:{HIGH}"));
    let long = format!("ot=a:{}", "x".repeat(250));
    let fits = format!("ot=a:{}", "x".repeat(236));
    let rewritten = format!("ot=th:8;a:{}", "x".repeat(236));
    // the sampler, the trace id's end, the parent's flag and tracestate; what is decided
    let cases: [(&str, &str, bool, &str, Expected<'_>); 32] = [
        // The parent's decision, and its rate.
        (always_on, HIGH, true, "", (true, 1, "")),
        (always_on, LOW, false, "", (false, 1, "")),
        (always_on, HIGH, true, "a=1,b=2", (true, 1, "a=1,b=2")),
        (always_on, HIGH, true, "ot=th:0", (true, 1, "ot=th:0")),
        (always_on, HIGH, true, "a=1,ot=th:8", (true, 2, "a=1,ot=th:8")),
        (always_on, HIGH, true, "ot=p:1;th:80", (true, 2, "ot=p:1;th:80")),
        // To the nearest whole number: one and a third, two and a half.
        (always_on, HIGH, true, "ot=th:4", (true, 1, "ot=th:4")),
        (always_on, HIGH, true, "ot=th:9999999999999a", (true, 3, "ot=th:9999999999999a")),
        // The parent's sampler is another than ours.
        ("parentbased_traceidratio 0.1", LOW, true, "ot=th:08", (true, 1, "ot=th:08")),
        ("parentbased_traceidratio 0.1", HIGH, true, "ot=th:c", (true, 4, "ot=th:c")),
        ("parentbased_traceidratio 0.1", HIGH, false, "", (false, 1, "")),
        ("parentbased_always_off", HIGH, true, "ot=th:8", (true, 2, "ot=th:8")),
        // Randomness that is told counts before the id's.
        (
            always_on,
            LOW,
            true,
            &format!("ot=th:8;{high_rv}"),
            (true, 2, &format!("ot=th:8;{high_rv}")),
        ),
        (
            always_on,
            HIGH,
            true,
            &format!("a=1,ot=th:8;{low_rv}"),
            (true, 1, &format!("ot={low_rv},a=1")),
        ),
        // A threshold that would have rejected the trace is none, and so is a malformed one.
        (always_on, LOW, true, "ot=th:8", (true, 1, "")),
        (always_on, LOW, true, "a=1,ot=th:8;p:1", (true, 1, "ot=p:1,a=1")),
        (always_on, HIGH, true, "ot=th:8g", (true, 1, "")),
        (always_on, HIGH, true, "ot=th:8;th:8", (true, 1, "")),
        (always_on, HIGH, true, "ot=th:8;rv:1", (true, 2, "ot=th:8")),
        // It is the threshold of what is sampled.
        (always_on, LOW, false, "ot=th:8,a=1", (false, 1, "a=1")),
        (
            always_on,
            LOW,
            false,
            &format!("ot={low_rv},a=1"),
            (false, 1, &format!("ot={low_rv},a=1")),
        ),
        // Samplers that decide for themselves.
        ("always_on", LOW, false, "a=1", (true, 1, "a=1")),
        ("always_on", HIGH, true, "ot=th:8;p:1", (true, 1, "ot=p:1")),
        (
            "always_off",
            HIGH,
            true,
            &format!("a=1,ot=th:8;{high_rv}"),
            (false, 1, &format!("ot={high_rv},a=1")),
        ),
        ("traceidratio 0.5", HIGH, false, "a=1", (true, 2, "ot=th:8,a=1")),
        ("traceidratio 0.5", LOW, true, "a=1,ot=th:08", (false, 1, "a=1")),
        ("traceidratio 0.5", HIGH, true, "ot=th:08", (true, 2, "ot=th:8")),
        (
            "traceidratio 0.5",
            LOW,
            false,
            &format!("ot={high_rv}"),
            (true, 2, &format!("ot=th:8;{high_rv}")),
        ),
        (
            "traceidratio 0.5",
            HIGH,
            true,
            &format!("ot={low_rv}"),
            (false, 1, &format!("ot={low_rv}")),
        ),
        ("traceidratio 1", LOW, false, "", (true, 1, "ot=th:0")),
        // No room: the probability is unknown to all that follows, so it is not told here either.
        ("traceidratio 0.5", HIGH, true, &long, (true, 1, &long)),
        ("traceidratio 0.5", HIGH, true, &fits, (true, 2, &rewritten)),
    ];
    for (setting, randomness, flag, state, (is_sampled, rate, sent)) in cases {
        let case = format!("{setting} {randomness} {flag} {state}");
        let (sampler, id) = (sampler_of(setting), trace_id(randomness));
        let expected = (is_sampled, rate, sent.to_owned());
        let remote = parent(id, flag, true, state);
        assert_eq!(asked(&sampler, Some(&remote), id), expected, "{case}");
        // And all that is below says the same, whoever decides there.
        let local = parent(id, is_sampled, false, sent);
        for setting in [setting, "always_off", "traceidratio 0.001"] {
            assert_eq!(asked(&sampler_of(setting), Some(&local), id), expected, "below {case}");
        }
        // As does the next service.
        let next = parent(id, is_sampled, true, sent);
        assert_eq!(asked(&sampler_of(always_on), Some(&next), id), expected, "after {case}");
    }
}

#[test]
fn each_span_that_is_not_sampled_counts_once() {
    for (setting, unsampled) in [("always_on", 0), ("always_off", 6), ("parentbased_always_off", 6)]
    {
        let sampler = sampler_of(setting);
        let unsampled_spans = sampler.unsampled().clone();
        let tracer = SdkTracerProvider::builder().with_sampler(sampler).build().tracer("tests");
        for _ in 0..3 {
            let root = tracer.start_with_context("root", &Context::new());
            let cx = Context::new().with_span(root);
            drop(tracer.start_with_context("child", &cx));
        }
        assert_eq!(unsampled_spans.count(), unsampled, "{setting}");
    }
}

proptest! {
    #[test]
    fn a_service_of_a_higher_rate_keeps_what_one_of_a_lower_rate_keeps(
        id in any::<[u8; 16]>().prop_map(TraceId::from_bytes),
        rv in prop::option::of("[0-9a-f]{14}"),
        rates in (1..5_000_u32, 1..5_000_u32),
    ) {
        prop_assume!(id != TraceId::INVALID);
        let state = rv.map(|rv| format!("ot=rv:{rv}")).unwrap_or_default();
        let parent = parent(id, false, true, &state);
        let decided = [rates.0.min(rates.1), rates.0.max(rates.1)].map(|n| {
            let sampler = sampler_of(&format!("traceidratio {}", 1.0 / f64::from(n)));
            let (is_sampled, rate, _) = asked(&sampler, Some(&parent), id);
            assert_eq!(rate, if is_sampled { i64::from(n) } else { 1 });
            is_sampled
        });
        let [often, seldom] = decided;
        prop_assert!(often || !seldom);
    }

    #[test]
    fn nothing_in_a_tracestate_makes_it_panic_or_write_what_it_would_not_read(
        own in "(th:[0-9a-f]{0,15};?|rv:[0-9a-f]{13,15};?|[ -+\\--<>-~]{0,20};?){0,6}",
        id in any::<[u8; 16]>().prop_map(TraceId::from_bytes),
        flag: bool,
        setting in prop::sample::select(&["parentbased_always_on", "always_on", "traceidratio 0.25"][..]),
    ) {
        prop_assume!(id != TraceId::INVALID);
        let first = parent(id, flag, true, &format!("a=1,ot={own},b=2"));
        let (is_sampled, rate, sent) = asked(&sampler_of(setting), Some(&first), id);
        prop_assert!(sent.contains("a=1") && sent.ends_with("b=2"), "{sent}");
        let next = parent(id, is_sampled, true, &sent);
        let again = asked(&sampler_of("parentbased_always_on"), Some(&next), id);
        prop_assert_eq!(again, (is_sampled, rate, sent));
    }
}
