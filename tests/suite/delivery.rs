//! What becomes of spans when the receiver is not as it should be: nothing is lost that could be kept, and
//! what is lost is counted and said.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http::Connection;
use crate::support::process::{Finished, Process};
use crate::support::receiver::Behaviour::{
    Accept, AcceptAndBreak, AtMost, Fail, Hang, Reject, Slow, UpTo,
};
use crate::support::receiver::{Behaviour, Receiver};

mod resets;

/// How long a test waits for spans before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, exporting to `address` alone and at once.
fn start(address: SocketAddr, vars: &[(&str, &str)]) -> Process {
    let endpoint = format!("http://{address}");
    let needed = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ];
    Process::start(&needed.iter().chain(vars).copied().collect::<Vec<_>>())
}

/// Makes so many requests, each with two spans.
fn requests(process: &Process, count: usize) {
    let mut connection = Connection::open(process.address);
    for _ in 0..count {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
}

/// What `GET /health` says of the one exporter.
fn exporter(process: &Process) -> Value {
    let health = Connection::open(process.address).request("GET", "/health", &[], b"").json();
    assert_eq!(health["status"], "ok");
    health["telemetry"]["exporters"][0].clone()
}

/// The number of spans that arrived; none of them twice.
fn arrived(receiver: &Receiver) -> usize {
    let spans = receiver.spans();
    let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id()).collect();
    assert_eq!(ids.len(), spans.len(), "a span has arrived twice");
    spans.len()
}

fn count(finished: &Finished, part: &str) -> usize {
    finished.stderr.matches(part).count()
}

#[test]
fn spans_are_held_until_the_receiver_takes_them() {
    let cases: [(&str, Behaviour); 7] = [
        ("503", Fail(503, None, "")),
        ("503, wait", Fail(503, Some("1"), "")),
        ("503, go on", Fail(503, Some("0"), "")),
        ("429, wait", Fail(429, Some("1"), "slow down")),
        ("502", Fail(502, None, "")),
        ("504", Fail(504, Some("no date"), "")),
        ("no answer in time", Hang),
    ];
    for (name, fault) in cases {
        let receiver = Receiver::start_as(move |number| if number < 2 { fault } else { Accept });
        let process = start(receiver.address, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]);
        let began = Instant::now();
        requests(&process, 3);
        assert!(receiver.wait_for(6, PATIENCE), "{name}");
        if matches!(fault, Fail(_, Some("1"), _)) {
            // It was asked twice to wait for a second.
            assert!(began.elapsed() >= Duration::from_secs(2), "{name}: {:?}", began.elapsed());
        }
        let finished = process.terminate();
        assert_eq!(finished.report("otlp"), [6, 0, 0], "{name}");
        assert_eq!(arrived(&receiver), 6, "{name}");
        assert_eq!(count(&finished, "spans could not be sent"), 1, "{name}: {}", finished.stderr);
        assert_eq!(count(&finished, "spans are accepted again"), 1, "{name}: {}", finished.stderr);
    }
}

#[test]
fn what_the_receiver_refuses_is_not_sent_again_and_counted() {
    let cases = [
        (400, "bad span", "400 Bad Request: bad span"),
        (401, "unknown API key", "no key is sent; set OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "", "no key is sent; set OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "", "check the path of the endpoint"),
        (413, "", "too large"),
        (500, "", "500 Internal Server Error"),
        (501, "", "501"),
        (302, "", "302"),
    ];
    for (status, text, said) in cases {
        let receiver = Receiver::start_as(move |_| Fail(status, None, text));
        // One span a request: 413 has no smaller one.
        let process = start(receiver.address, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")]);
        requests(&process, 1);
        let finished = process.terminate();
        assert_eq!(finished.report("otlp"), [0, 2, 0], "{status}: {}", finished.stderr);
        assert!(finished.stderr.contains(said), "{status}: {}", finished.stderr);
        let requests = receiver.headers().len();
        // A wrong key is the same wrong key for the second span, which is larger, too.
        let expected = if matches!(status, 401 | 403 | 413) { 1 } else { 2 };
        assert_eq!(requests, expected, "{status}");
        assert_eq!(count(&finished, "could not be sent and are lost"), 1, "{}", finished.stderr);
    }
}

#[test]
fn a_wrong_key_is_one_line_and_no_storm_of_requests() {
    let receiver = Receiver::start_as(|_| Fail(401, None, "unknown API key"));
    let process = start(
        receiver.address,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team=MARKER"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
        ],
    );
    requests(&process, 50);
    let patience = Instant::now() + PATIENCE;
    while exporter(&process)["failed"] != 100 {
        assert!(Instant::now() < patience, "{}", exporter(&process));
    }
    // The receiver's word, also of the spans that it was not asked to take any more.
    let error = exporter(&process)["last_error"]["message"].to_string();
    assert!(
        error.contains("401 Unauthorized: unknown API key; check OTEL_EXPORTER_OTLP_HEADERS"),
        "{error}"
    );
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [0, 100, 0], "{}", finished.stderr);
    assert_eq!(receiver.headers().len(), 1);
    assert_eq!(count(&finished, "OTEL_EXPORTER_OTLP_HEADERS"), 1, "{}", finished.stderr);
    assert!(!finished.stderr.contains("MARKER"), "{}", finished.stderr);
}

#[test]
fn a_wrong_key_is_told_with_the_variable_that_it_is_in() {
    let receiver = Receiver::start_as(|_| Fail(403, None, ""));
    let endpoint = receiver.endpoint();
    let general = ("OTEL_EXPORTER_OTLP_HEADERS", "a=MARKER");
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=MARKER");
    let logs = ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=MARKER");
    let key = ("HONEYCOMB_API_KEY", "MARKER");
    let (own, honeycomb) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "HONEYCOMB_API_ENDPOINT");
    // where the receiver is said to be, what holds keys, and which of it counts for spans and for logs
    let none = "no key is sent; set OTEL_EXPORTER_OTLP_HEADERS";
    type Keys<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Keys<'_>, &str, &str); 6] = [
        (own, &[key], none, none),
        // A header without a value is not sent.
        (own, &[("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team="), key], none, none),
        (
            own,
            &[general, key],
            "check OTEL_EXPORTER_OTLP_HEADERS",
            "check OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (
            own,
            &[general, traces, logs],
            "check OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "check OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        ),
        // A header that is none of a key leaves it to the key.
        (honeycomb, &[key, general], "check HONEYCOMB_API_KEY", "check HONEYCOMB_API_KEY"),
        (
            honeycomb,
            &[key, ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-honeycomb-team=MARKER")],
            "check HONEYCOMB_API_KEY",
            "check OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        ),
    ];
    for (variable, keys, of_spans, of_logs) in cases {
        let vars = [
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "console,otlp"),
            (variable, &endpoint),
        ];
        let process = Process::start(&[&vars, keys].concat());
        requests(&process, 1);
        let finished = process.terminate();
        for (path, said) in [("/v1/traces", of_spans), ("/v1/logs", of_logs)] {
            let is_it = |line: &&str| line.contains(path) && line.contains("are lost");
            let line = finished.stderr.lines().find(is_it).unwrap_or_default();
            assert!(line.contains(said), "{path}, {keys:?}: {}", finished.stderr);
        }
    }
}

#[test]
fn a_receiver_that_asks_for_no_pause_is_given_one_all_the_same() {
    for soon in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let receiver = Receiver::start_as(move |_| Fail(503, Some(soon), ""));
        let process = start(receiver.address, &[("SHUTDOWN_TIMEOUT_SECONDS", "5")]);
        requests(&process, 1);
        // It is tried for two seconds: some times with a pause in between, and else a thousand times.
        let finished = process.terminate();
        let tries = receiver.headers().len();
        assert!((2..50).contains(&tries), "{soon}: {tries} tries: {}", finished.stderr);
    }
}

#[test]
fn spans_that_the_receiver_leaves_out_of_a_batch_are_counted() {
    let receiver = Receiver::start_as(|_| Reject(2, "two are too old"));
    // One batch of all.
    let process = start(receiver.address, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    requests(&process, 5);
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [8, 2, 0], "{}", finished.stderr);
    assert_eq!(arrived(&receiver), 8);
    assert!(finished.stderr.contains("rejects them: two are too old"), "{}", finished.stderr);
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_is_not() {
    let receiver = Receiver::start_as(|_| AtMost(3));
    let process = start(receiver.address, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    requests(&process, 10);
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [20, 0, 0], "{}", finished.stderr);
    assert_eq!(arrived(&receiver), 20);
}

#[test]
fn a_receiver_that_takes_nothing_is_not_asked_for_each_span() {
    for compression in ["none", "gzip"] {
        let receiver = Receiver::start_as(|_| AtMost(0));
        let process = start(
            receiver.address,
            &[
                ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            ],
        );
        requests(&process, 200);
        let finished = process.terminate();
        assert_eq!(finished.report("otlp"), [0, 400, 0], "{}", finished.stderr);
        // Halved until one is left, and then only for spans that are smaller than all before.
        let exports = receiver.headers().len();
        assert!((9..40).contains(&exports), "{compression}: {exports} exports");
    }
}

#[test]
fn a_span_that_is_too_large_takes_no_other_with_it() {
    let receiver = Receiver::start_as(|_| UpTo(4096));
    let process = start(receiver.address, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    let agent = "a".repeat(4096);
    let mut connection = Connection::open(process.address);
    for number in 0..40 {
        let headers = [("user-agent", if number == 17 { agent.as_str() } else { "curl" })];
        let answer = connection.request("GET", "/api/activities/home", &headers, b"");
        assert_eq!(answer.status, 200);
    }
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [79, 1, 0], "{}", finished.stderr);
    assert_eq!(arrived(&receiver), 79);
}

#[test]
fn what_was_acknowledged_is_not_sent_again_though_the_answer_broke_off() {
    let receiver = Receiver::start_as(|_| AcceptAndBreak);
    let process = start(receiver.address, &[]);
    requests(&process, 5);
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [10, 0, 0], "{}", finished.stderr);
    assert_eq!(arrived(&receiver), 10);
}

#[test]
fn half_of_the_exports_may_fail_and_all_spans_arrive() {
    let receiver = Receiver::start_as(|number| match number % 4 {
        0 => Fail(503, Some("0"), ""),
        2 => Fail(429, Some("0"), ""),
        _ => Accept,
    });
    let process = start(receiver.address, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")]);
    requests(&process, 100);
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [200, 0, 0], "{}", finished.stderr);
    assert_eq!(arrived(&receiver), 200);
}

#[test]
fn a_receiver_that_is_away_and_comes_back_gets_all_that_was_queued() {
    for breaks in [false, true] {
        let listener = TcpListener::bind("127.0.0.3:0").unwrap();
        let address = listener.local_addr().unwrap();
        let breaking = breaks.then(|| {
            // Takes the first two connections, and closes them without an answer.
            std::thread::spawn(move || {
                for _ in 0..2 {
                    drop(listener.accept().unwrap());
                }
            })
        });
        let mut process = start(address, &[]);
        requests(&process, 100);
        process.wait_for_line("spans could not be sent");
        if let Some(breaking) = breaking {
            breaking.join().unwrap();
        }
        let receiver = Receiver::start_late(address);
        requests(&process, 100);
        assert!(receiver.wait_for(400, PATIENCE), "{breaks}");
        let finished = process.terminate();
        assert_eq!(finished.report("otlp"), [400, 0, 0], "{breaks}: {}", finished.stderr);
        assert_eq!(arrived(&receiver), 400, "{breaks}");
    }
}

#[test]
fn only_the_overflow_is_lost_while_the_receiver_is_away_and_it_is_counted() {
    // An address of its own: no other test may get the port meanwhile, and the spans with it.
    let listener = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut process = start(
        address,
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "100"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")],
    );
    requests(&process, 5);
    process.wait_for_line("spans could not be sent");
    // The exporter holds one batch from now on; behind it there is room for 100.
    requests(&process, 200);
    let health = exporter(&process);
    assert_eq!(health["created"], 410, "{health}");
    assert_eq!(health["exported"], 0, "{health}");
    assert_eq!(health["failed"], 0, "{health}");
    let held = health["queued"].as_u64().unwrap() - 100;
    assert!((1..=10).contains(&held), "{health}");
    let dropped = health["dropped"].as_u64().unwrap();
    assert_eq!(dropped, 310 - held, "{health}");

    let receiver = Receiver::start_late(address);
    assert!(receiver.wait_for(100, PATIENCE));
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [100 + held, 0, dropped], "{}", finished.stderr);
    assert_eq!(arrived(&receiver) as u64, 100 + held);
    assert_eq!(count(&finished, "spans were dropped"), 1, "{}", finished.stderr);
}

#[test]
fn whatever_is_in_the_way_is_said_in_health_and_at_the_end() {
    let (tls, _) = Receiver::start_tls();
    let nobody = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap();
    let cases = [
        (format!("http://{nobody}"), "Connection refused"),
        ("http://nothing.invalid:4318".to_owned(), "dns error"),
        (format!("https://localhost:{}", tls.address.port()), "UnknownIssuer"),
    ];
    for (endpoint, reason) in cases {
        let mut process = Process::start(&[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
        ]);
        requests(&process, 1);
        let line = process.wait_for_line("spans could not be sent");
        assert!(line.contains(reason), "{line}");
        let health = exporter(&process);
        let message = health["last_error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
        let time = health["last_error"]["time"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
        let finished = process.terminate();
        assert_eq!(finished.status.code(), Some(0), "{endpoint}: {}", finished.stderr);
        let [exported, failed, dropped] = finished.report("otlp");
        assert_eq!((exported, failed + dropped), (0, 2), "{endpoint}: {}", finished.stderr);
        // It is tried more often than that.
        let of_tls = count(&finished, "failed to verify TLS certificate");
        assert_eq!(of_tls, usize::from(reason == "UnknownIssuer"), "{}", finished.stderr);
    }
}

#[test]
fn a_slow_receiver_delays_no_request() {
    // Each export takes longer than the test may.
    let receiver = Receiver::start_as(|_| Slow(Duration::from_secs(600)));
    let process = start(
        receiver.address,
        &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"), ("SHUTDOWN_TIMEOUT_SECONDS", "1")],
    );
    requests(&process, 500);
    assert_eq!(exporter(&process)["queued"], 1000);
    let finished = process.terminate();
    assert_eq!(finished.report("otlp"), [0, 0, 1000], "{}", finished.stderr);
}
