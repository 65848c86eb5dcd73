//! How spans leave: to whom, with which headers, in which form.

use std::time::Duration;

use crate::support::certificate::PemFile;
use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::Receiver;
use crate::support::service::Service;

#[test]
fn headers_are_sent_as_configured_and_no_others() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        // The exporter below reads this variable too, undecoded; ours must win.
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team=MARKER%20key, x-other=b%2Cc"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert!(finished.status.success(), "{}", finished.stderr);
    let [headers] = &receiver.headers()[..] else { panic!("one export") };
    assert_eq!(headers["x-honeycomb-team"], "MARKER key");
    assert_eq!(headers["x-other"], "b,c");
    assert!(headers["user-agent"].starts_with("OTel-OTLP-Exporter-Rust/"), "{headers:?}");
    assert!(!headers.contains_key("traceparent"), "an export is no part of a trace");
    assert!(!finished.stderr.contains("MARKER"), "{}", finished.stderr);
    assert_eq!(finished.stdout, "", "the console was not asked for");
}

#[test]
fn a_honeycomb_key_alone_is_enough() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("HONEYCOMB_API_KEY", "MARKER"),
        ("HONEYCOMB_API_ENDPOINT", &receiver.endpoint()), // as for the EU region
        ("HONEYCOMB_DATASET", "classic"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert_eq!(receiver.spans().len(), 2, "{}", finished.stderr);
    assert_eq!(receiver.headers()[0]["x-honeycomb-team"], "MARKER");
    assert_eq!(receiver.headers()[0]["x-honeycomb-dataset"], "classic");
    assert!(!format!("{}{}", finished.stdout, finished.stderr).contains("MARKER"));
}

#[test]
fn the_honeycomb_key_goes_to_no_other_host() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("HONEYCOMB_API_KEY", "MARKER"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.terminate();
    assert_eq!(receiver.spans().len(), 2);
    assert!(!receiver.headers()[0].contains_key("x-honeycomb-team"));
}

#[test]
fn exports_are_compressed_where_that_is_asked_for() {
    for (compression, encoding) in [("gzip", Some("gzip")), ("none", None)] {
        let receiver = Receiver::start();
        let process = Process::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
        ]);
        Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        process.terminate();
        assert_eq!(receiver.spans().len(), 2, "{compression}");
        let sent = receiver.headers()[0].get("content-encoding").cloned();
        assert_eq!(sent.as_deref(), encoding, "{compression}");
    }
}

#[test]
fn a_header_that_is_configured_does_not_change_how_the_body_is_to_be_read() {
    let receiver = Receiver::start();
    let headers =
        "content-length=5,transfer-encoding=chunked,content-encoding=br,content-type=a/b,host=a";
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.terminate();
    assert_eq!(receiver.spans().len(), 2);
    let sent = &receiver.headers()[0];
    assert_eq!(sent["host"], "a");
    assert!(!sent.contains_key("transfer-encoding") && sent["content-length"] != "5", "{sent:?}");
}

#[test]
fn spans_leave_by_themselves_after_the_schedule_delay() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    assert!(receiver.wait_for(2, Duration::from_secs(20)), "while the service runs");
    process.terminate();
    assert_eq!(receiver.spans().len(), 2);
}

#[test]
fn a_full_batch_waits_for_no_delay() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ]);
    let mut connection = Connection::open(process.address);
    // Two batches, one after the other: the second is asked for as the first was.
    for arrived in [4, 8] {
        (0..2).for_each(|_| drop(connection.request("GET", "/api/activities/home", &[], b"")));
        assert!(receiver.wait_for(arrived, Duration::from_secs(20)), "while the service runs");
    }
    process.terminate();
    assert_eq!(receiver.spans().len(), 8);
}

#[test]
fn what_is_more_than_a_batch_waits_for_the_next() {
    let receiver = Receiver::start();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3"),
    ]);
    let mut connection = Connection::open(process.address);
    (0..10).for_each(|_| drop(connection.request("GET", "/api/activities/home", &[], b"")));
    process.terminate();
    // Twenty spans: six whole batches, and at the end what is left.
    assert_eq!((receiver.spans().len(), receiver.headers().len()), (20, 7));
}

#[test]
fn the_sampler_of_the_environment_decides() {
    // OTEL_TRACES_SAMPLER, _ARG, the caller's flags, spans
    let cases = [
        ("always_on", "", Some("00"), 2),
        ("ALWAYS_OFF", "", Some("01"), 0),
        ("parentbased_always_off", "", Some("01"), 2),
        ("parentbased_always_off", "", None, 0),
        ("parentbased_always_on", "", Some("00"), 0),
        ("traceidratio", "0", None, 0),
        ("traceidratio", "1", Some("00"), 2),
        ("parentbased_traceidratio", "0", Some("01"), 2),
    ];
    for (sampler, argument, flags, spans) in cases {
        let service = Service::start_with(&[
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ]);
        let traceparent = flags
            .map(|flags| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}"));
        let headers: Vec<_> =
            traceparent.iter().map(|value| ("traceparent", value.as_str())).collect();
        let answer = service.request("GET", "/api/activities/home", &headers, b"");
        // The other flag, 2, says that the trace id is random: ours are.
        let sampled = answer.header("traceresponse").unwrap().ends_with(['1', '3']);
        assert_eq!(sampled, spans > 0, "{sampler} {argument} {flags:?}");
        assert_eq!(service.stop().len(), spans, "{sampler} {argument} {flags:?}");
    }
}

#[test]
fn a_disabled_sdk_makes_no_spans() {
    let service =
        Service::start_with(&[("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "otlp")]);
    assert_eq!(service.get("/api/activities/home").status, 200);
    assert!(service.stop().is_empty());
}

#[test]
fn an_https_receiver_gets_spans_where_its_certificate_is_trusted() {
    let (receiver, certificate) = Receiver::start_tls();
    let endpoint = format!("https://localhost:{}", receiver.address.port());
    let file = PemFile::new(&certificate);
    let send = |trust: &[(&str, &str)]| {
        let vars = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())], trust].concat();
        let process = Process::start(&vars);
        Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        process.terminate().stderr
    };
    let stderr = send(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", file.path())]);
    assert_eq!(receiver.spans().len(), 2, "{stderr}");
    let stderr = send(&[]);
    assert_eq!(receiver.spans().len(), 2, "{stderr}");
    assert!(stderr.contains("UnknownIssuer"), "{stderr}");
}
