//! An OTLP receiver of log records: the same steps as for spans, and the variables of its own signal.

use std::net::TcpListener;

use super::{Checked, ENDPOINT, check, closed};
use crate::support::certificate::PemFile;
use crate::support::honeycomb::KEY;
use crate::support::receiver::Behaviour::{self, Accept, Fail, Hang, Reject};
use crate::support::receiver::Receiver;

const OF_LOGS: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";

/// Checks the receiver of log records alone.
fn logs(vars: &[(&str, &str)]) -> Checked {
    let needed = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "otlp")];
    check(&[&needed, vars].concat())
}

#[test]
fn a_record_is_sent_and_what_is_answered_is_said() {
    let receiver = Receiver::start();
    let checked = logs(&[
        (ENDPOINT, &receiver.endpoint()),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-secret=MARKER"),
    ]);
    checked.assert_works();
    checked.line(&format!("Log records to otlp {}/v1/logs", receiver.endpoint()));
    checked.line(&format!("ok       connection: {} accepts it", receiver.address));
    checked.line("ok       test record: accepted");
    let [log] = &receiver.logs()[..] else { panic!("one record: {}", checked.stdout) };
    assert_eq!(log.body(), "backend-actix check");
    assert_eq!(receiver.log_headers()[0]["x-secret"], "MARKER");

    // what the receiver does, what the line says
    let cases: [(Behaviour, &[&str]); 6] = [
        (Fail(401, None, "unknown key"), &["401", "unknown key", "no key is sent"]),
        (Fail(404, None, ""), &["404", "/v1/logs is appended to OTEL_EXPORTER_OTLP_ENDPOINT"]),
        (
            Fail(500, None, "broken"),
            &["500", "broken", "see its log", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        ),
        (Fail(503, None, "busy"), &["503", "busy", "try again"]),
        (Reject(1, "too old"), &["rejects", "too old"]),
        (Hang, &["timed out", "300 ms in OTEL_EXPORTER_OTLP_TIMEOUT", "4318"]),
    ];
    for (behaviour, says) in cases {
        let receiver = Receiver::start_as(move |_| behaviour);
        logs(&[(ENDPOINT, &receiver.endpoint()), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")])
            .assert_fails("test record", says);
    }
}

#[test]
fn what_fails_names_the_variable_that_decides_for_log_records() {
    let [receiver, hanging, refusing] =
        [Accept, Hang, Fail(401, None, "")].map(|it| Receiver::start_as(move |_| it));
    let (root, silent) = (receiver.endpoint() + "/", hanging.endpoint() + "/v1/logs");
    let without_key = refusing.endpoint();
    let closed = closed();
    let key = ("HONEYCOMB_API_KEY", "MARKER");
    // variables, the step that fails, what its line says
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (&[(ENDPOINT, &closed)], "connection", &["refused", "host and port in", ENDPOINT]),
        // The one of spans has no say.
        (
            &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a"), (OF_LOGS, &closed)],
            "connection",
            &["refused", OF_LOGS],
        ),
        (&[(OF_LOGS, "http://nothing.invalid")], "address", &["nothing.invalid", OF_LOGS]),
        (&[(OF_LOGS, &root)], "test record", &["404", OF_LOGS, "let it end in /v1/logs"]),
        (
            &[(OF_LOGS, &silent), ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "300")],
            "test record",
            &[OF_LOGS, "300 ms in OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"],
        ),
        (
            &[(ENDPOINT, &without_key), ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x=MARKER")],
            "test record",
            &["401", "check OTEL_EXPORTER_OTLP_LOGS_HEADERS"],
        ),
        (
            &[("HONEYCOMB_API_ENDPOINT", &closed), key],
            "connection",
            &["refused", "HONEYCOMB_API_ENDPOINT"],
        ),
    ];
    for (vars, step, says) in cases {
        logs(vars).assert_fails(step, says);
    }
}

#[test]
fn a_certificate_is_that_of_log_records() {
    let (receiver, certificate) = Receiver::start_tls();
    let file = PemFile::new(&certificate);
    let name = format!("https://localhost:{}/v1/logs", receiver.address.port());
    let of_logs = ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", file.path());
    let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", file.path());
    let checked = logs(&[(OF_LOGS, &name), of_logs]);
    checked.assert_works();
    checked.line("ok       TLS: the certificate is trusted");
    assert_eq!(receiver.logs().len(), 1);

    logs(&[(OF_LOGS, &name), of_traces])
        .assert_fails("TLS", &["UnknownIssuer", "OTEL_EXPORTER_OTLP_CERTIFICATE", OF_LOGS]);
    let number = format!("https://{}/v1/logs", receiver.address);
    logs(&[(OF_LOGS, &number), of_logs])
        .assert_fails("TLS", &["not valid for name", of_logs.0, OF_LOGS]);
}

#[test]
fn a_proxy_of_log_records_is_told_by_its_variable() {
    let proxy = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap().to_string();
    let vars = [(ENDPOINT, "http://nothing.invalid"), ("http_proxy", &proxy)];
    logs(&vars).assert_fails("test record", &["see to the proxy of http_proxy", ENDPOINT]);
}

#[test]
fn honeycomb_is_asked_whose_the_key_of_log_records_is() {
    let receiver = Receiver::start();
    let endpoint = receiver.endpoint();
    let honeycomb = |key| {
        let vars = [("HONEYCOMB_API_ENDPOINT", endpoint.as_str()), ("HONEYCOMB_API_KEY", key)];
        logs(&vars)
    };
    let checked = honeycomb(KEY);
    checked.assert_works();
    checked.line("ok       key: of team Acme, environment Test");
    assert_eq!(receiver.log_headers()[0]["x-honeycomb-team"], KEY);
    let unknown = ["does not know it", "correct HONEYCOMB_API_KEY", "in HONEYCOMB_API_ENDPOINT"];
    honeycomb("MARKER-unknown").assert_fails("key", &unknown);
}

#[test]
fn spans_and_log_records_are_tried_apart() {
    let receiver = Receiver::start();
    let checked = check(&[
        ("OTEL_LOGS_EXPORTER", "otlp"),
        (ENDPOINT, &receiver.endpoint()),
        (OF_LOGS, &closed()),
    ]);
    checked.line("ok       test span: accepted");
    checked.assert_fails("connection", &["refused", OF_LOGS]);
}
