//! Which traces are sampled, for how many each of them counts, and what the next service is told:
//! through the configuration, over the wire, in the spans that a receiver decoded.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use backend_actix::config::{Config, RootSampler};
use backend_actix::propagation::{Kind, propagator};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use crate::support::caller::Caller;
use crate::support::http::{Answer, Connection};
use crate::support::process::Process;
use crate::support::receiver::{Received, Receiver};
use crate::support::scripted::{Scripted, header};
use crate::support::service::Service;

const PARENT: &str = "00f067aa0ba902b7";
const HOME: &str = "/api/activities/home";
const LOW: &str = "10000000000000";
const HIGH: &str = "f0000000000000";

/// A trace id whose last 56 bits are these.
fn trace_id(randomness: &str) -> String {
    format!("4bf92f3577b34da6a3{randomness}")
}

fn sampler(setting: &str) -> [(&str, &str); 2] {
    let (name, argument) = setting.split_once(' ').unwrap_or((setting, ""));
    [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)]
}

/// `GET HOME` with a parent.
fn ask(service: &Service, trace_id: &str, flags: &str, tracestate: &str) -> Answer {
    let traceparent = format!("00-{trace_id}-{PARENT}-{flags}");
    let headers = [("traceparent", traceparent.as_str()), ("tracestate", tracestate)];
    let answer = service.request("GET", HOME, &headers, b"");
    assert_eq!(answer.status, 200);
    answer
}

/// The `SampleRate` of a span, and its tracestate.
fn rate_and_state(span: &Received) -> (Value, String) {
    let rate = span.attributes().remove("SampleRate").unwrap_or_default();
    (rate, span.span.trace_state.clone())
}

#[test]
fn what_the_caller_has_decided_holds_for_all_spans_of_the_trace() {
    let by_caller = "parentbased_traceidratio 0.001";
    let (low_rv, high_rv) = (format!("rv:{LOW}"), format!("rv:{HIGH}"));
    let keeps_rv = format!("ot=th:8;{high_rv}");
    let erased = format!("ot={low_rv},a=1");
    // the sampler, the trace id's end, flags, tracestate; SampleRate and tracestate of both spans
    let cases = [
        (by_caller, HIGH, "03", "ot=th:8", Some((json!(2), "ot=th:8"))),
        (by_caller, HIGH, "01", "a=1,ot=th:c;p:1,b=2", Some((json!(4), "a=1,ot=th:c;p:1,b=2"))),
        (by_caller, "fd70a400000000", "03", "ot=th:fd70a", Some((json!(100), "ot=th:fd70a"))),
        (by_caller, LOW, "03", &keeps_rv, Some((json!(2), &keeps_rv))),
        // Each counts for itself, and where nobody knows for how many, nothing is made up.
        (by_caller, HIGH, "03", "ot=th:0", Some((json!(null), "ot=th:0"))),
        (by_caller, HIGH, "03", "", Some((json!(null), ""))),
        (by_caller, HIGH, "03", "a=1,ot=p:8", Some((json!(null), "a=1,ot=p:8"))),
        // The flag says sampled, the threshold says that it was not: nor is it known then.
        (by_caller, LOW, "03", "ot=th:8", Some((json!(null), ""))),
        (by_caller, HIGH, "03", &format!("a=1,ot=th:8;{low_rv}"), Some((json!(null), &erased))),
        (by_caller, HIGH, "03", "a=1,ot=th:xyz", Some((json!(null), "a=1"))),
        (by_caller, HIGH, "02", "ot=th:8", None),
        (by_caller, LOW, "00", "", None),
        // Whoever does not ask the caller says what it does itself.
        ("traceidratio 0.5", HIGH, "00", "a=1,ot=th:08", Some((json!(2), "ot=th:8,a=1"))),
        ("traceidratio 0.5", LOW, "03", "ot=th:08", None),
        ("always_on", HIGH, "00", "a=1,ot=th:8", Some((json!(null), "a=1"))),
    ];
    for (setting, randomness, flags, tracestate, expected) in cases {
        let case = format!("{setting} {randomness} {flags} {tracestate}");
        let service = Service::start_with(&sampler(setting));
        let answer = ask(&service, &trace_id(randomness), flags, tracestate);
        let told = answer.header("traceresponse").unwrap();
        assert_eq!(told.ends_with(['1', '3']), expected.is_some(), "{case}: {told}");
        let spans = service.stop();
        assert_eq!(spans.len(), if expected.is_some() { 2 } else { 0 }, "{case}");
        for span in &spans {
            let (rate, state) = expected.clone().unwrap();
            assert_eq!(rate_and_state(span), (rate, state.to_owned()), "{case}: {}", span.name());
        }
    }
}

#[test]
fn one_trace_in_so_many_by_its_id_and_all_spans_count_for_so_many() {
    const REQUESTS: usize = 40;
    let service = Service::start_with(&sampler("parentbased_traceidratio 0.5"));
    let told: Vec<_> = (0..REQUESTS)
        .map(|_| service.get(HOME).header("traceresponse").unwrap())
        .map(|told| (told[3..35].to_owned(), told.ends_with('3')))
        .collect();
    for (trace_id, is_sampled) in &told {
        assert_eq!(*is_sampled, &trace_id[18..] >= "80000000000000", "{trace_id}");
    }
    let sampled: BTreeSet<_> =
        told.iter().filter(|(_, sampled)| *sampled).map(|it| &it.0).collect();
    let health = service.get("/health").json();
    let account = &health["telemetry"]["exporters"][0];
    assert_eq!(account["unsampled"], json!(2 * (REQUESTS - sampled.len())), "{account}");
    assert_eq!(account["created"], json!(2 * REQUESTS), "{account}");

    let spans = service.stop();
    assert_eq!(spans.len(), 2 * sampled.len());
    for span in &spans {
        assert!(sampled.contains(&span.trace_id()));
        assert_eq!(rate_and_state(span), (json!(2), "ot=th:8".to_owned()), "{}", span.name());
    }
}

/// Calls `url` in the context that these headers make, with a `tracestate` if it is not empty.
fn call_below(caller: &Caller, trace_id: &str, flags: &str, tracestate: &str, url: String) {
    struct Incoming<'a>(String, &'a str);
    impl opentelemetry::propagation::Extractor for Incoming<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            match key {
                "traceparent" => Some(&self.0),
                "tracestate" => Some(self.1),
                _ => None,
            }
        }
        fn keys(&self) -> Vec<&str> {
            vec!["traceparent", "tracestate"]
        }
    }
    let incoming = Incoming(format!("00-{trace_id}-{PARENT}-{flags}"), tracestate);
    let call = {
        let _active = propagator(&[Kind::TraceContext]).extract(&incoming).attach();
        caller.client.get(url).send()
    };
    assert_eq!(caller.block_on(call).unwrap().status().as_u16(), 200);
}

#[test]
fn the_next_service_is_told_first_of_all_and_the_others_members_go_on() {
    let high_rv = format!("rv:{HIGH}");
    let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let (full, all_but_the_last) = (many(32), format!("ot=th:c,{}", many(31)));
    // the sampler, the trace id's end, tracestate; the one that is sent
    let cases = [
        ("traceidratio 0.25", HIGH, "a@@b=1,b=2", "ot=th:c,a@@b=1,b=2"),
        ("traceidratio 0.25", HIGH, "a=1,ot=p:8;th:8,b=2", "ot=th:c;p:8,a=1,b=2"),
        ("traceidratio 0.25", LOW, &format!("a=1,ot={high_rv}"), &format!("ot=th:c;{high_rv},a=1")),
        ("traceidratio 0.25", HIGH, &full, &all_but_the_last),
        ("traceidratio 0.1", HIGH, "", "ot=th:e666"),
        ("traceidratio 0.01", "fd70a400000000", "", "ot=th:fd70a"),
        ("traceidratio 1", LOW, "", "ot=th:0"),
        ("traceidratio 0.25", LOW, "a=1,ot=th:08", "a=1"),
        ("parentbased_always_on", HIGH, "a=1,ot=th:8,b=2", "ot=th:8,a=1,b=2"),
        ("parentbased_always_on", LOW, "a=1,ot=th:8,b=2", "a=1,b=2"),
        ("parentbased_always_on", LOW, "a=1", "a=1"),
        ("parentbased_always_on", LOW, "", ""),
    ];
    for (setting, randomness, tracestate, sent) in cases {
        let server = Scripted::start(&["200 OK"]);
        let caller = Caller::start_with(&sampler(setting), |client| client);
        call_below(&caller, &trace_id(randomness), "03", tracestate, server.url("/"));
        let asked = &server.asked()[0];
        let expected: Vec<_> = Some(sent).filter(|sent| !sent.is_empty()).into_iter().collect();
        assert_eq!(header(asked, "tracestate"), expected, "{setting} {randomness} {tracestate}");
        assert_eq!(header(asked, "traceparent").len(), 1);
        caller.stop();
    }
}

#[test]
fn a_trace_that_starts_here_tells_the_next_service_its_rate_if_it_has_one() {
    for (setting, expected) in
        [("traceidratio", vec!["ot=th:0"]), ("always_on", vec![]), ("always_off", vec![])]
    {
        let server = Scripted::start(&["200 OK"]);
        let caller = Caller::start_with(&sampler(setting), |client| client);
        caller.block_on(caller.client.get(server.url("/")).send()).unwrap();
        assert_eq!(header(&server.asked()[0], "tracestate"), expected, "{setting}");
        caller.stop();
    }
}

#[test]
fn over_two_services_a_trace_has_one_rate() {
    for (randomness, expected) in [(HIGH, Some((json!(10), "ot=th:e666"))), (LOW, None)] {
        let caller = Caller::start_with(&sampler("traceidratio 0.1"), |client| client);
        let service = Service::start();
        let url = format!("http://{}{HOME}", service.address);
        call_below(&caller, &trace_id(randomness), "03", "", url);
        let mut spans = caller.stop();
        spans.extend(service.stop());
        // CLIENT, SERVER, INTERNAL
        assert_eq!(spans.len(), if expected.is_some() { 3 } else { 0 }, "{spans:#?}");
        for span in &spans {
            let (rate, state) = expected.clone().unwrap();
            assert_eq!(rate_and_state(span), (rate, state.to_owned()), "{}", span.name());
        }
    }
}

#[test]
fn services_of_different_rates_agree_on_the_traces_that_both_keep() {
    let caller = Caller::start_with(&sampler("traceidratio 0.25"), |client| client);
    let service = Service::start_with(&sampler("traceidratio 0.5"));
    let ids: Vec<_> = (0..16).map(|digit| trace_id(&format!("{digit:x}0000000000000"))).collect();
    for id in &ids {
        call_below(&caller, id, "02", "", format!("http://{}{HOME}", service.address));
    }
    let traces = |spans: Vec<Received>, kind: SpanKind, rate: u64| -> BTreeSet<_> {
        let spans = spans.into_iter().filter(|span| span.span.kind == kind as i32);
        spans
            .map(|span| {
                assert_eq!(span.attributes()["SampleRate"], json!(rate));
                span.trace_id()
            })
            .collect()
    };
    let seldom = traces(caller.stop(), SpanKind::Client, 4);
    let often = traces(service.stop(), SpanKind::Server, 2);
    assert_eq!(seldom, ids[12..].iter().cloned().collect());
    assert_eq!(often, ids[8..].iter().cloned().collect());
    assert!(seldom.is_subset(&often));
}

#[test]
fn at_a_public_endpoint_no_caller_says_for_how_many_it_counts() {
    let service = Service::start_with(&[("TRACE_PUBLIC_ENDPOINT", "true")]);
    ask(&service, &trace_id("ffffffffffffff"), "03", "ot=th:ffffffffffffff");
    for span in service.stop() {
        assert_eq!(rate_and_state(&span), (json!(null), String::new()), "{}", span.name());
    }
}

#[test]
fn a_disabled_sdk_samples_nothing_and_passes_the_context_on() {
    let server = Scripted::start(&["200 OK"]);
    let caller = Caller::start_with(&[("OTEL_SDK_DISABLED", "true")], |client| client);
    call_below(&caller, &trace_id(HIGH), "03", "a=1,ot=th:8,b=2", server.url("/"));
    let asked = &server.asked()[0];
    let [traceparent] = header(asked, "traceparent")[..] else { panic!("{asked}") };
    assert_eq!((&traceparent[3..35], &traceparent[53..]), (trace_id(HIGH).as_str(), "02"));
    assert_eq!(header(asked, "tracestate"), ["a=1,b=2"]);
    assert!(caller.stop().is_empty());
}

#[test]
fn a_ratio_that_is_no_whole_rate_is_said_at_the_start() {
    let vars = sampler("parentbased_traceidratio 0.3");
    let owned = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_vars(owned.into()).unwrap();
    assert_eq!(config.telemetry.sampler.root, RootSampler::OneIn(NonZeroU64::new(3).unwrap()));

    let stderr = Process::start(&vars).terminate().stderr;
    let warnings: Vec<_> = stderr.lines().filter(|line| line.contains(" WARN ")).collect();
    let [warning] = &warnings[..] else { panic!("{stderr}") };
    for part in ["OTEL_TRACES_SAMPLER_ARG", "\"0.3\"", "using 1/3"] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
}

#[test]
fn trace_ids_that_are_not_said_to_be_random_are_presumed_to_be_and_that_is_said_once() {
    let receiver = Receiver::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint());
    let vars = [&sampler("traceidratio 0.5")[..], &[(endpoint.0, endpoint.1.as_str())]].concat();
    let process = Process::start(&vars);
    for (flags, tracestate) in
        [("02", ""), ("00", &*format!("ot=rv:{HIGH}")), ("00", ""), ("00", "")]
    {
        let traceparent = format!("00-{}-{PARENT}-{flags}", trace_id(HIGH));
        let headers = [("traceparent", traceparent.as_str()), ("tracestate", tracestate)];
        Connection::open(process.address).request("GET", HOME, &headers, b"");
    }
    let stderr = process.terminate().stderr;
    assert_eq!(receiver.spans().len(), 8, "{stderr}");
    assert_eq!(stderr.matches("does not say that its trace id is random").count(), 1, "{stderr}");
}
