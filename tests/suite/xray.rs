//! Spans to X-Ray, as its daemon gets them: valid documents, whole traces, exact counts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, web};
use backend_actix::config::Config;
use backend_actix::telemetry::Telemetry;
use backend_actix::telemetry::account::Delivery;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use serde_json::json;

use crate::support::caller::Caller;
use crate::support::http::Connection;
use crate::support::process::{Process, run};
use crate::support::receiver::Receiver;
use crate::support::scripted::{Scripted, header};
use crate::support::service::Service;
use crate::support::xray_daemon::XrayDaemon;

const HOME: &str = "/api/activities/home";
/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// A service that sends to the daemon beside the receiver of all tests.
fn service(daemon: &XrayDaemon, vars: &[(&str, &str)]) -> Service {
    let address = daemon.variable();
    let needed =
        [("OTEL_TRACES_EXPORTER", "otlp,xray"), ("AWS_XRAY_DAEMON_ADDRESS", address.as_str())];
    Service::start_with(&[&needed, vars].concat())
}

/// Exporters alone, for spans that are made by hand.
fn telemetry(vars: &[(&str, &str)]) -> Telemetry {
    let needed = [("OTEL_TRACES_EXPORTER", "xray")];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let config = Config::from_vars(needed.iter().chain(vars).map(owned).collect()).unwrap();
    Telemetry::start(&config.telemetry).unwrap()
}

fn make_span(telemetry: &Telemetry, name: &'static str, attribute: Option<KeyValue>) {
    let mut span = telemetry.tracer_provider().tracer("tests").start(name);
    span.set_attributes(attribute);
    span.end();
}

fn shut_down(telemetry: Telemetry) -> Delivery {
    telemetry.shutdown(Instant::now() + Duration::from_secs(30)).remove(0)
}

/// `1-5759e988-bd86…` of `5759e988bd86…`.
fn spelt(trace_id: &str) -> String {
    format!("1-{}-{}", &trace_id[..8], &trace_id[8..])
}

#[test]
fn a_request_is_a_segment_and_the_work_in_it_a_subsegment() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[("CLOUDWATCH_LOG_GROUP", "cruddur")]);
    let (trace_id, span_id) = service.get(HOME).traceresponse();
    let port = service.address.port();
    let spans = service.stop();
    let traces = daemon.traces();
    assert_eq!(traces.keys().collect::<Vec<_>>(), [&spelt(&trace_id)]);
    let [subsegment, segment] = &traces[&spelt(&trace_id)][..] else { panic!("{traces:?}") };

    assert_eq!(segment["name"], json!("backend-actix"));
    assert_eq!(segment["id"], json!(span_id));
    assert_eq!(segment.get("parent_id"), None);
    assert_eq!(segment["service"]["version"], json!(env!("CARGO_PKG_VERSION")));
    assert_eq!(segment["aws"]["cloudwatch_logs"], json!([{ "log_group": "cruddur" }]));
    let request = &segment["http"]["request"];
    // Whatever port the test took, `Host` names another.
    assert_ne!(port, 4567);
    assert_eq!(request["url"], json!("http://localhost:4567/api/activities/home"));
    assert_eq!(request["method"], json!("GET"));
    assert_eq!(request["client_ip"], json!("127.0.0.1"));
    assert_eq!(segment["http"]["response"]["status"], json!(200));
    assert!(segment["http"]["response"]["content_length"].as_i64().unwrap() > 0);
    assert_eq!(segment["metadata"]["default"]["http.route"], json!(HOME));
    assert_eq!(segment["metadata"]["otel"]["span.name"], json!(format!("GET {HOME}")));
    assert_eq!(segment["metadata"]["resource"]["service.name"], json!("backend-actix"));

    assert_eq!(subsegment["type"], json!("subsegment"));
    assert_eq!(subsegment["name"], json!("home-activities-mock-data"));
    assert_eq!(subsegment["parent_id"], json!(span_id));
    assert_eq!(subsegment.get("namespace"), None);
    assert!(subsegment["annotations"]["app_result_length"].as_i64().unwrap() > 0);
    assert!(subsegment["annotations"]["app_now"].as_str().unwrap().starts_with("20"));
    assert_eq!(subsegment["metadata"]["otel"]["scope.name"], json!("home.activities"));

    // The same at the other receiver.
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.trace_id() == trace_id));
}

#[test]
fn what_is_indexed_can_be_chosen() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[("AWS_XRAY_ANNOTATIONS", "http.route, app.result_*")]);
    service.get(HOME);
    service.stop();
    let documents = daemon.documents();
    let [subsegment, segment] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!(segment["annotations"], json!({ "http_route": HOME }));
    let keys: Vec<_> = subsegment["annotations"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["app_result_length"]);
    assert!(subsegment["metadata"]["default"]["app.now"].is_string());
}

fn failing_routes(config: &mut ServiceConfig) {
    config
        .route("/throttles", web::get().to(async || HttpResponse::TooManyRequests()))
        .route("/fails", web::get().to(async || HttpResponse::BadGateway()))
        .route("/panics", web::get().to(async || -> &'static str { panic!("on purpose") }));
}

#[test]
fn what_goes_wrong_shows_whose_mistake_it_was() {
    let daemon = XrayDaemon::start();
    let address = daemon.variable();
    let vars = [("OTEL_TRACES_EXPORTER", "otlp,xray"), ("AWS_XRAY_DAEMON_ADDRESS", &*address)];
    let service = Service::start_app_with(&vars, failing_routes, |middleware| middleware);
    let cases = [
        ("/nowhere", 404, json!([true, null, null])),
        ("/throttles", 429, json!([true, true, null])),
        ("/fails", 502, json!([null, null, true])),
        ("/panics", 500, json!([null, null, true])),
    ];
    for (path, status, _) in &cases {
        assert_eq!(service.get(path).status, *status, "{path}");
    }
    service.stop();
    let documents = daemon.documents();
    assert_eq!(documents.len(), cases.len());
    for (document, (path, _, flags)) in documents.iter().zip(&cases) {
        let found = json!([document["error"], document["throttle"], document["fault"]]);
        assert_eq!(found, *flags, "{path}");
    }
    let exception = &documents[3]["cause"]["exceptions"][0];
    assert_eq!(exception["type"], json!("panic"));
    assert_eq!(exception["message"], json!("on purpose"));
    assert_eq!(exception.get("remote"), None);
}

#[test]
fn a_backtrace_is_the_stack_of_its_exception() {
    let daemon = XrayDaemon::start();
    let telemetry = telemetry(&[("AWS_XRAY_DAEMON_ADDRESS", &daemon.variable())]);
    let mut span = telemetry.tracer_provider().tracer("tests").start("breaks");
    let backtrace = std::backtrace::Backtrace::force_capture();
    let stacktrace = format!("on purpose\nsrc/a.rs:7:9\n{backtrace}");
    let attributes = vec![
        KeyValue::new("exception.type", "panic"),
        KeyValue::new("exception.stacktrace", stacktrace),
    ];
    span.add_event("exception", attributes);
    span.end();
    assert_eq!(shut_down(telemetry).exported, 1);
    let exception = &daemon.documents()[0]["subsegments"][0]["cause"]["exceptions"][0];
    let stack = exception["stack"].as_array().unwrap();
    assert!(stack.len() > 3, "{exception}");
    assert!(stack.iter().all(|frame| frame["label"].is_string()), "{exception}");
}

#[test]
fn trace_ids_begin_with_the_time_and_callers_keep_theirs() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[]);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let answer = service.get(HOME);
    let (trace_id, _) = answer.traceresponse();
    let seconds = u64::from_str_radix(&trace_id[..8], 16).unwrap();
    assert!((before..=now()).contains(&seconds), "{trace_id}");
    // The rest is as random as the flag says.
    assert!(answer.header("traceresponse").unwrap().ends_with("-03"));
    // AWS's own header is for those who ask for it.
    assert_eq!(answer.header("x-amzn-trace-id"), None);

    let foreign = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{foreign}-00f067aa0ba902b7-01");
    service.request("GET", HOME, &[("traceparent", &traceparent)], b"");
    service.stop();
    let documents = daemon.documents();
    let segments: Vec<_> =
        documents.iter().filter(|it| it["trace_id"] == json!(spelt(foreign))).collect();
    let [subsegment, segment] = segments[..] else { panic!("{documents:?}") };
    // Its caller is known, but not to this daemon.
    assert_eq!(segment["parent_id"], json!("00f067aa0ba902b7"));
    assert_eq!(subsegment["parent_id"], segment["id"]);
}

#[test]
fn without_x_ray_trace_ids_are_random_from_their_beginning() {
    let service = Service::start();
    let beginnings: std::collections::BTreeSet<_> =
        (0..4).map(|_| service.get(HOME).traceresponse().0[..4].to_owned()).collect();
    service.stop();
    // Seconds would have the same first digits for days.
    assert!(beginnings.len() > 1, "{beginnings:?}");
}

#[test]
fn awss_own_header_comes_in_and_is_answered() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[("OTEL_PROPAGATORS", "xray")]);
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let parent = "Parent=53995c3f42cd8ad8";
    for sampled in ["Sampled=1", "Sampled=0"] {
        let sent = format!("{root};{parent};{sampled}");
        let answer = service.request("GET", HOME, &[("x-amzn-trace-id", &sent)], b"");
        let told = answer.header("x-amzn-trace-id").unwrap();
        assert_eq!(told, format!("{root};{sampled}"));
        // Also by an error that only becomes a response outside of everything.
        let answer = service.request("GET", "/nowhere", &[("x-amzn-trace-id", &sent)], b"");
        assert_eq!(answer.header("x-amzn-trace-id").unwrap(), format!("{root};{sampled}"));
    }
    // A load balancer's header names no span: the trace begins here, with the time in its id.
    let answer = service.request("GET", HOME, &[("x-amzn-trace-id", root)], b"");
    let told = answer.header("x-amzn-trace-id").unwrap();
    assert!(told.starts_with("Root=1-") && told.ends_with(";Sampled=1"), "{told}");
    assert!(!told.contains("5759e988"), "{told}");
    service.stop();
    let traces = daemon.traces();
    assert_eq!(traces.len(), 2, "{traces:?}");
    let called = &traces["1-5759e988-bd862e3fe1be46a994272793"];
    let segments: Vec<_> = called.iter().filter(|it| it.get("type").is_none()).collect();
    assert_eq!(segments.len(), 2);
    assert!(segments.iter().all(|it| it["parent_id"] == json!("53995c3f42cd8ad8")));
}

#[test]
fn a_call_carries_the_header_and_is_a_subsegment_of_its_own() {
    let daemon = XrayDaemon::start();
    let receiver = Scripted::start(&["200 OK", "404 No"]);
    let address = daemon.variable();
    let vars = [("OTEL_TRACES_EXPORTER", "otlp,xray"), ("AWS_XRAY_DAEMON_ADDRESS", &*address)];
    let caller = Caller::start_with(&vars, |client| {
        client.propagators([backend_actix::propagation::Kind::Xray])
    });
    for _ in 0..2 {
        caller.block_on(caller.client.get(receiver.url("/a?b=c")).send()).unwrap();
    }
    caller.stop();
    let documents = daemon.documents();
    assert_eq!(documents.len(), 2);
    for (document, request) in documents.iter().zip(receiver.asked()) {
        let [subsegment] = &document["subsegments"].as_array().unwrap()[..] else { panic!() };
        let (root, parent) =
            (document["trace_id"].as_str().unwrap(), subsegment["id"].as_str().unwrap());
        let sent = format!("Root={root};Parent={parent};Sampled=1");
        assert_eq!(header(&request, "x-amzn-trace-id"), [sent.as_str()]);
        assert_eq!(document["name"], json!("backend-actix"));
        assert_eq!(subsegment["name"], json!("127.0.0.1"));
        assert_eq!(subsegment["namespace"], json!("remote"));
        assert_eq!(subsegment["http"]["request"]["url"], json!(receiver.url("/a")));
    }
    assert_eq!(documents[1]["subsegments"][0]["error"], json!(true));
    assert_eq!(documents[0]["subsegments"][0].get("error"), None);
}

#[test]
fn a_segment_is_named_after_the_host_where_that_is_asked_for() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[("AWS_XRAY_URL", "*:4567")]);
    service.get("/nowhere");
    service.stop();
    assert_eq!(daemon.documents()[0]["name"], json!("localhost:4567"));
}

#[test]
fn a_strangers_trace_is_linked() {
    let daemon = XrayDaemon::start();
    let service = service(&daemon, &[("TRACE_PUBLIC_ENDPOINT", "true")]);
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    service.request("GET", "/nowhere", &[("traceparent", traceparent)], b"");
    service.stop();
    let link =
        json!({ "trace_id": "1-4bf92f35-77b34da6a3ce929d0e0e4736", "id": "00f067aa0ba902b7" });
    let document = &daemon.documents()[0];
    assert_eq!(document["links"], json!([link]));
    assert_eq!(document.get("parent_id"), None);
}

#[test]
fn an_attribute_of_70_kb_costs_itself_and_nothing_else() {
    let daemon = XrayDaemon::start();
    let telemetry = telemetry(&[
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon.variable()),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1048576"),
    ]);
    make_span(&telemetry, "before", Some(KeyValue::new("app.small", 1)));
    make_span(&telemetry, "huge", Some(KeyValue::new("huge", "h".repeat(70_000))));
    make_span(&telemetry, "after", None);
    let delivery = shut_down(telemetry);
    assert_eq!((delivery.exported, delivery.lost()), (3, 0), "{delivery}");
    let documents = daemon.documents();
    let names: Vec<_> = documents.iter().map(|it| it["subsegments"][0]["name"].clone()).collect();
    assert_eq!(json!(names), json!(["before", "huge", "after"]));
    let metadata = &documents[1]["subsegments"][0]["metadata"];
    assert_eq!(metadata["otel"]["left_out_for_size"], json!("huge"));
    assert_eq!(metadata["default"], json!({}));
}

#[test]
fn a_daemon_that_is_not_there_costs_a_count() {
    let telemetry = telemetry(&[("AWS_XRAY_DAEMON_ADDRESS", NOWHERE)]);
    for _ in 0..100 {
        make_span(&telemetry, "lost", None);
    }
    let delivery = shut_down(telemetry);
    assert_eq!((delivery.created, delivery.failed), (100, 100), "{delivery}");
    let error = delivery.last_error.unwrap().message;
    assert_eq!(error, format!("nothing listens at {NOWHERE}: is the X-Ray daemon running?"));
    assert_eq!(delivery.destination, format!("xray {NOWHERE}"));
}

#[test]
fn a_daemon_whose_name_nobody_knows_costs_a_count() {
    let telemetry = telemetry(&[("AWS_XRAY_DAEMON_ADDRESS", "xray-daemon.invalid:2000")]);
    for _ in 0..10 {
        make_span(&telemetry, "lost", None);
    }
    let delivery = shut_down(telemetry);
    assert_eq!((delivery.created, delivery.failed), (10, 10), "{delivery}");
    let error = delivery.last_error.unwrap().message;
    let start = "the X-Ray daemon's host \"xray-daemon.invalid\" cannot be resolved: ";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(delivery.destination, "xray xray-daemon.invalid:2000");
}

#[test]
fn a_daemon_with_a_name_is_found_and_found_again() {
    let daemon = XrayDaemon::start();
    let port = daemon.address.port();
    let address = format!("tcp:127.0.0.1:1 udp:localhost:{port}");
    let telemetry = telemetry(&[("AWS_XRAY_DAEMON_ADDRESS", &address)]);
    make_span(&telemetry, "first", None);
    telemetry.tracer_provider().force_flush().unwrap();
    assert_eq!(daemon.documents().len(), 1);

    // It goes, and comes back.
    let daemon = daemon.stop();
    make_span(&telemetry, "second", None);
    telemetry.tracer_provider().force_flush().unwrap();
    let daemon = daemon.start();
    make_span(&telemetry, "third", None);
    let delivery = shut_down(telemetry);
    assert_eq!((delivery.exported, delivery.failed), (2, 1), "{delivery}");
    assert_eq!(daemon.documents()[0]["subsegments"][0]["name"], json!("third"));
}

#[test]
fn an_address_that_cannot_be_used_stops_the_start() {
    let finished = run(&[("AWS_XRAY_DAEMON_ADDRESS", "xray-daemon")]);
    assert_eq!(finished.status.code(), Some(2));
    let expected =
        "backend-actix: AWS_XRAY_DAEMON_ADDRESS is \"xray-daemon\": expected host:port, as in";
    assert!(finished.stderr.starts_with(expected), "{}", finished.stderr);
}

#[test]
fn a_hundred_requests_are_the_same_traces_everywhere() {
    let daemon = XrayDaemon::start();
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("OTEL_TRACES_EXPORTER", "console,otlp,xray"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon.variable()),
    ]);
    let mut answered: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            let mut connection = Connection::open(process.address);
            let ask = |_| connection.request("GET", HOME, &[], b"").traceresponse().0;
            (0..25).map(ask).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let finished = process.terminate();
    answered.sort();
    assert_eq!(answered.len(), 100);

    let traces = daemon.traces();
    assert!(traces.values().all(|documents| documents.len() == 2), "{traces:?}");
    let at_xray: Vec<_> = traces.into_keys().collect();
    assert_eq!(at_xray, answered.iter().map(|id| spelt(id)).collect::<Vec<_>>());
    let mut at_otlp: Vec<_> = receiver.spans().iter().map(|span| span.trace_id()).collect();
    at_otlp.sort();
    at_otlp.dedup();
    assert_eq!(at_otlp, answered);
    let mut at_stdout: Vec<_> = trace_ids(&finished.stdout);
    assert_eq!(at_stdout.len(), 200);
    at_stdout.sort();
    at_stdout.dedup();
    assert_eq!(at_stdout, answered);

    for destination in [
        "console".to_owned(),
        format!("otlp {}/v1/traces", receiver.endpoint()),
        format!("xray {}", daemon.address),
    ] {
        let line = format!("{destination}: 200 spans exported, 0 failed, 0 dropped");
        assert!(finished.stderr.contains(&line), "{line}: {}", finished.stderr);
    }
}

/// The trace ids in what the console printed, one a span.
fn trace_ids(stdout: &str) -> Vec<&str> {
    let values = stdout.lines().filter_map(|line| line.strip_prefix("\tTraceId      : "));
    values.collect()
}
