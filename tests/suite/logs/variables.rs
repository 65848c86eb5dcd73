//! The variables of the receiver of log records, by their effect; they leave spans alone.

use super::start;
use crate::support::certificate::PemFile;
use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::Behaviour::{Accept, Hang};
use crate::support::receiver::Receiver;

#[test]
fn log_records_are_compressed_where_their_own_variable_says_so() {
    for (general, own, is_packed) in
        [("none", "gzip", true), ("gzip", "none", false), ("gzip", "", true), ("none", "", false)]
    {
        let receiver = Receiver::start();
        let process = start(
            &receiver,
            &[
                ("OTEL_EXPORTER_OTLP_COMPRESSION", general),
                ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", own),
            ],
        );
        Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        process.terminate();
        let encodings = [receiver.log_headers(), receiver.headers()].map(|all| {
            let headers = all.into_iter().next().expect("an export");
            headers.get("content-encoding").cloned()
        });
        let gzip = |is_packed: bool| is_packed.then(|| "gzip".to_owned());
        assert_eq!(encodings, [gzip(is_packed), gzip(general == "gzip")], "{general} {own}");
        assert!(!receiver.logs().is_empty());
    }
}

#[test]
fn a_certificate_of_log_records_is_trusted_for_them_alone() {
    let (receiver, certificate) = Receiver::start_tls();
    let file = PemFile::new(&certificate);
    let endpoint = format!("https://localhost:{}", receiver.address.port());
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", file.path()),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert!(receiver.logs().iter().any(|log| log.scope_name == "access"), "{}", finished.stderr);
    assert!(receiver.spans().is_empty());
    let is_it = |line: &&str| line.contains("could not be sent") && line.contains("UnknownIssuer");
    let line = finished.stderr.lines().find(is_it);
    assert!(line.is_some_and(|line| line.contains("/v1/traces")), "{}", finished.stderr);
}

#[test]
fn log_records_are_given_up_on_by_their_own_timeout() {
    let receiver = Receiver::start_as(|number| if number == 0 { Hang } else { Accept });
    // Nobody else is in a hurry.
    let process = start(
        &receiver,
        &[
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "300"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
            ("OTEL_BLRP_EXPORT_TIMEOUT", "600000"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
        ],
    );
    // What the first one held is sent again, by a second.
    receiver.wait_for_log(|log| log.body().as_str().is_some_and(|it| it.contains("listening on")));
    assert!(receiver.log_headers().len() > 1);
    process.terminate();
}
