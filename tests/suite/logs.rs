//! Log records: what is logged arrives where `OTEL_LOGS_EXPORTER` says, with the ids of the span that it
//! belongs to, and is counted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::Behaviour::{Accept, Fail};
use crate::support::receiver::{Received, ReceivedLog, Receiver};

mod variables;

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.sort();
    items
}

/// The binary, with spans and log records to one receiver, and what else `vars` say.
fn start(receiver: &Receiver, vars: &[(&str, &str)]) -> Process {
    let endpoint = receiver.endpoint();
    let needed = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
    ];
    Process::start(&needed.iter().chain(vars).copied().collect::<Vec<_>>())
}

fn server_spans(receiver: &Receiver) -> BTreeMap<String, Received> {
    let mut spans = receiver.spans();
    spans.retain(|span| span.scope_name == "backend-actix");
    spans.into_iter().map(|span| (span.span_id(), span)).collect()
}

fn access(receiver: &Receiver) -> Vec<ReceivedLog> {
    let mut logs = receiver.logs();
    logs.retain(|log| log.scope_name == "access");
    logs
}

#[test]
fn a_request_is_a_log_record_with_the_ids_of_its_span() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[]);
    let mut connection = Connection::open(process.address);
    let answers = [
        connection.request("GET", "/api/activities/home?term=x", &[], b""),
        connection.request("BREW", "/api/nope", &[], b""),
    ];
    let finished = process.terminate();

    let [home, nope] = &access(&receiver)[..] else { panic!("{:#?}", receiver.logs()) };
    let spans = server_spans(&receiver);
    for (log, answer) in [(home, &answers[0]), (nope, &answers[1])] {
        let (trace_id, span_id) = answer.traceresponse();
        assert_eq!((log.trace_id(), log.span_id()), (trace_id, span_id.clone()));
        assert_eq!(log.record.flags, 1, "sampled");
        let span = &spans[&span_id];
        assert!(log.record.time_unix_nano >= span.span.end_time_unix_nano, "written at its end");
        assert_eq!(log.resource, span.resource);
        assert_eq!(log.schema_url, span.schema_url);
    }
    assert_eq!(home.body(), "GET /api/activities/home 200");
    assert_eq!((home.record.severity_number, &*home.record.severity_text), (9, "INFO"));
    let mut attributes = home.attributes();
    assert!(attributes.remove("duration_ms").unwrap().as_f64().unwrap() > 0.0);
    let expected = [
        ("http.request.method", json!("GET")),
        ("http.route", json!("/api/activities/home")),
        ("http.response.status_code", json!(200)),
    ];
    assert_eq!(attributes, expected.map(|(key, value)| (key.to_owned(), value)).into());
    assert_eq!(nope.body(), "_OTHER - 404");
    let keys: Vec<_> = nope.attributes().into_keys().collect();
    assert_eq!(keys, ["duration_ms", "http.request.method", "http.response.status_code"]);

    // The line for people is as it was.
    let line = finished.stderr.lines().find(|line| line.contains("activities/home")).unwrap();
    let (_, line) = line.split_once("access: GET /api/activities/home 200 duration_ms=").unwrap();
    let (_, rest) = line.split_once(' ').unwrap();
    assert_eq!(rest, format!("trace_id={}", home.trace_id()));
}

#[test]
fn what_is_logged_outside_of_requests_is_a_record_without_ids() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[("OTEL_TRACES_SAMPLER", "sometimes")]);
    let address = process.address;
    process.terminate();
    let logs = receiver.logs();
    let find = |part: &str| {
        logs.iter().find(|log| log.body().as_str().unwrap().contains(part)).unwrap_or_else(|| {
            panic!("no {part:?} in {:#?}", logs.iter().map(ReceivedLog::body).collect::<Vec<_>>())
        })
    };
    let listening = find(&format!("listening on http://{address}"));
    assert_eq!((listening.trace_id(), listening.span_id()), (String::new(), String::new()));
    assert_eq!(find("OTEL_TRACES_SAMPLER").record.severity_text, "WARN");
    find("SIGTERM");
}

#[test]
fn a_request_that_fails_is_an_error() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[]);
    let mut connection = Connection::open(process.address);
    // An upload that breaks off.
    connection.write(b"POST /api/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n");
    connection.write(b"content-type: application/json\r\n\r\n{");
    drop(connection);
    let log = receiver.wait_for_log(|log| log.scope_name == "access");
    process.terminate();
    assert_eq!((log.record.severity_number, &*log.record.severity_text), (17, "ERROR"));
    let attributes = log.attributes();
    assert_eq!(attributes["error.type"], "client_disconnected");
    assert!(!attributes.contains_key("error_type"), "{attributes:?}");
    let spans = server_spans(&receiver);
    assert_eq!(spans[&log.span_id()].attributes()["error.type"], "client_disconnected");
}

#[test]
fn who_sends_nonsense_does_not_fill_the_log_unless_one_asks_for_it() {
    const DISPATCHER: &str = "actix_http::h1::dispatcher";
    let too_many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    let nonsense = ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", &too_many];
    for (filter, told) in [("info", 0), ("debug", 6), ("info,actix_http::h1=debug", 6)] {
        let receiver = Receiver::start();
        let vars = [("WEB_ADDRESS", "127.0.0.1:0"), ("RUST_LOG", filter)];
        let mut process = start(&receiver, &vars);
        let page = process.page();
        for address in [process.address, page] {
            for bytes in nonsense {
                let mut connection = Connection::open(address);
                connection.write(bytes.as_bytes());
                let answer = String::from_utf8(connection.rest()).unwrap();
                assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
            }
        }
        let finished = process.terminate();
        let line = format!("ERROR {DISPATCHER}: stream error: ");
        let lines = finished.stderr.matches(&line).count();
        assert_eq!(lines, told, "{filter}: {}", finished.stderr);
        let records = receiver.logs().into_iter().filter(|log| log.scope_name == DISPATCHER);
        assert_eq!(records.filter(|log| log.record.severity_text == "ERROR").count(), told);
    }
}

#[test]
fn heads_that_are_too_large_are_told_of_once_with_what_may_be_the_reason() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[]);
    let cookie = "c".repeat(128 * 1024);
    for fields in [format!("cookie: {cookie}\r\n"), "x: y\r\n".repeat(200), "x: y\r\n".repeat(96)] {
        let mut connection = Connection::open(process.address);
        connection.write_if_open(format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n").as_bytes());
        assert_eq!(connection.answer(false).status, 431);
    }
    let stderr = process.terminate().stderr;
    let told: Vec<_> = stderr.lines().filter(|line| line.contains("with 431")).collect();
    // The others belong to the next minute.
    let [line] = told[..] else { panic!("{stderr}") };
    assert!(line.contains(" WARN "), "{line}");
    assert!(line.contains("1 requests were answered with 431"), "{line}");
    assert!(line.ends_with("have cookies grown?"), "{line}");
    assert!(!stderr.contains("ERROR"), "{stderr}");
    let is_it = |log: &&ReceivedLog| log.body().as_str().is_some_and(|it| it.contains("with 431"));
    assert_eq!(receiver.logs().iter().filter(is_it).count(), 1);
}

#[test]
fn a_hundred_requests_are_the_same_traces_wherever_they_go_and_each_is_counted() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[("OTEL_TRACES_EXPORTER", "console,otlp")]);
    let mut connection = Connection::open(process.address);
    let mut expected: Vec<_> = (0..100)
        .map(|_| connection.request("GET", "/api/activities/home", &[], b"").traceresponse())
        .collect();
    let finished = process.terminate();
    expected.sort();

    let spans = server_spans(&receiver);
    let of_spans = spans.values().map(|span| (span.trace_id(), span.span_id()));
    assert_eq!(sorted(of_spans), expected);
    let logs = access(&receiver);
    let of_logs = logs.iter().map(|log| (log.trace_id(), log.span_id()));
    assert_eq!(sorted(of_logs), expected);
    let trace_ids: Vec<_> = expected.iter().map(|(trace_id, _)| trace_id.clone()).collect();
    let after = |text: &str, label: &str| {
        let ids = text.lines().filter_map(|line| line.split_once(label));
        sorted(ids.map(|(_, id)| id.trim().to_owned()))
    };
    assert_eq!(after(&finished.stderr, "trace_id="), trace_ids);
    let mut on_stdout = after(&finished.stdout, "TraceId      : ");
    on_stdout.dedup();
    assert_eq!(on_stdout, trace_ids);

    assert_eq!(finished.report("/v1/traces: "), [200, 0, 0], "{}", finished.stderr);
    let arrived = receiver.logs().len() as u64;
    assert!(arrived > 100, "the lines of start and end too");
    assert_eq!(finished.report("/v1/logs: "), [arrived, 0, 0], "{}", finished.stderr);
    assert!(finished.stderr.contains("log records exported"), "{}", finished.stderr);
}

#[test]
fn records_are_held_while_the_receiver_is_away_and_those_beyond_the_queue_are_counted() {
    let receiver = Receiver::start_as(|_| Fail(503, Some("1"), ""));
    let mut process = start(
        &receiver,
        &[
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "50"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "10"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
            ("SHUTDOWN_TIMEOUT_SECONDS", "2"),
        ],
    );
    process.wait_for_line("log records could not be sent");
    let mut connection = Connection::open(process.address);
    for _ in 0..200 {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    let health = connection.request("GET", "/health", &[], b"").json();
    let exporter = &health["telemetry"]["exporters"][0];
    assert_eq!(exporter["items"], "log records", "{health}");
    let number = |key: &str| exporter[key].as_u64().unwrap();
    let created = number("created");
    assert!(created >= 200, "{exporter}");
    assert_eq!((number("exported"), number("failed")), (0, 0), "{exporter}");
    assert_eq!(created, number("dropped") + number("queued"), "{exporter}");
    assert!((51..=60).contains(&number("queued")), "{exporter}");

    let finished = process.terminate();
    let [exported, failed, dropped] = finished.report("/v1/logs: ");
    // What is logged at the end comes on top.
    assert!(exported == 0 && failed + dropped > created, "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("log records were dropped").count(), 1);
    assert!(receiver.logs().is_empty());
}

#[test]
fn a_receiver_that_was_away_gets_all_records() {
    let receiver =
        Receiver::start_as(|number| if number < 2 { Fail(503, Some("0"), "") } else { Accept });
    let process = start(&receiver, &[("OTEL_TRACES_EXPORTER", "none")]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    let arrived = receiver.logs().len() as u64;
    assert_eq!(finished.report("/v1/logs: "), [arrived, 0, 0], "{}", finished.stderr);
    assert_eq!(access(&receiver).len(), 1);
}

#[test]
fn what_telemetry_says_of_itself_is_never_sent() {
    let receiver = Receiver::start();
    let process = start(
        &receiver,
        // Each export makes events below; were they sent, each export would make another.
        &[
            ("RUST_LOG", "trace"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "5"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5"),
        ],
    );
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    receiver.wait_for_log(|log| log.scope_name == "access");
    assert!(receiver.wait_for(2, std::time::Duration::from_secs(60)));
    let finished = process.terminate();
    for target in ["hyper_util", "reqwest", "opentelemetry"] {
        assert!(finished.stderr.contains(target), "events of {target} are on stderr");
        let sent = receiver.logs().into_iter().find(|log| log.scope_name.starts_with(target));
        assert!(sent.is_none(), "{sent:#?}");
    }
}

#[test]
fn without_the_console_stderr_has_warnings_of_lost_telemetry_alone() {
    let receiver = Receiver::start();
    let mut process = Process::start_silent(&[
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &format!("{}/v1/logs", receiver.endpoint())),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        // Nobody is there.
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.wait_for_line("spans could not be sent");
    let finished = process.terminate();
    let lines: Vec<_> = finished.stderr.lines().collect();
    assert!(lines.iter().all(|line| line.contains("WARN backend_actix::telemetry")), "{lines:#?}");
    assert!(lines.last().unwrap().contains("0 spans exported"), "{lines:#?}");
    assert_eq!(access(&receiver).len(), 1);
    receiver.wait_for_log(|log| log.body().as_str().unwrap().contains("OTEL_TRACES_SAMPLER"));
}

#[test]
fn a_honeycomb_key_serves_log_records_too() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("HONEYCOMB_API_KEY", "MARKER"),
        ("HONEYCOMB_API_ENDPOINT", &receiver.endpoint()),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert_eq!(access(&receiver).len(), 1, "{}", finished.stderr);
    assert!(receiver.log_headers().iter().all(|headers| headers["x-honeycomb-team"] == "MARKER"));
    assert!(!format!("{}{}", finished.stdout, finished.stderr).contains("MARKER"));
}

#[test]
fn a_disabled_sdk_exports_no_log_records() {
    let receiver = Receiver::start();
    let process = start(&receiver, &[("OTEL_SDK_DISABLED", "true")]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert!(receiver.logs().is_empty());
    assert!(finished.stderr.contains("GET /api/activities/home 200"), "{}", finished.stderr);
}

#[test]
fn a_record_holds_no_more_than_the_limits_allow() {
    let receiver = Receiver::start();
    let process = start(
        &receiver,
        &[
            ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "3"),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2"),
        ],
    );
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.terminate();
    let [log] = &access(&receiver)[..] else { panic!("one record") };
    let attributes = log.attributes();
    assert_eq!(attributes.len(), 3, "{attributes:?}");
    let texts: Vec<_> = attributes.values().filter_map(Value::as_str).collect();
    assert_eq!(texts, ["GE", "/a"], "{attributes:?}");
}
