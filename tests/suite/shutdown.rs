//! The end: nothing that was answered is missing at a healthy receiver.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::Receiver;

#[test]
fn all_spans_arrive_at_a_slow_receiver_before_the_process_ends() {
    let receiver = Receiver::start_slow(Duration::from_millis(200));
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        // Small batches, so that many slow exports are left to be made at the end.
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = Connection::open(process.address);
                for _ in 0..25 {
                    let answer = connection.request("GET", "/api/activities/home", &[], b"");
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
    let finished = process.terminate();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert_eq!(receiver.spans().len(), 400, "{}", finished.stderr);
    assert!(
        finished.stderr.contains("400 spans exported, 0 failed, 0 dropped"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let receiver = Receiver::start();
        let process = Process::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
        let body = r#"{"message": "a", "ttl": "1-day"}"#;
        let mut connection = Connection::open(process.address);
        connection.write(
            format!(
                "POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
                body.len()
            )
            .as_bytes(),
        );
        // The handler waits for the body from here on.
        assert_eq!(connection.answer(true).status, 100);
        process.signal(signal);
        // Draining has begun when nobody can connect any more.
        while std::net::TcpStream::connect(process.address).is_ok() {
            std::thread::yield_now();
        }
        connection.write(body.as_bytes());
        assert_eq!(connection.answer(false).status, 200, "{signal:?}");
        let finished = process.wait();
        assert_eq!(finished.status.code(), Some(0), "{signal:?}: {}", finished.stderr);
        assert_eq!(receiver.spans().len(), 2, "{signal:?}: {}", finished.stderr);
    }
}

#[test]
fn an_idle_connection_does_not_delay_the_end() {
    let process =
        Process::start(&[("OTEL_TRACES_EXPORTER", "none"), ("SHUTDOWN_TIMEOUT_SECONDS", "600")]);
    let mut connection = Connection::open(process.address);
    connection.request("GET", "/health", &[], b"");
    // With a drain of ten minutes, this returns only because the idle connection is closed.
    assert_eq!(process.terminate().status.code(), Some(0));
}

#[test]
fn what_did_not_arrive_is_said() {
    // A port that nobody listens on: bound, then free again.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{nobody}")),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ]);
    let mut connection = Connection::open(process.address);
    for _ in 0..5 {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    let finished = process.terminate();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("0 spans exported, 10 failed, 0 dropped"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("spans could not be sent"), "{}", finished.stderr);
}

#[test]
fn a_receiver_that_hangs_does_not_hold_the_process() {
    // It accepts connections (the backlog does) and never answers.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", hung.local_addr().unwrap())),
        ("SHUTDOWN_TIMEOUT_SECONDS", "2"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let finished = process.terminate();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("0 spans exported, 0 failed, 2 dropped"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("console: 2 spans exported"), "{}", finished.stderr);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let process =
        Process::start(&[("OTEL_TRACES_EXPORTER", "none"), ("SHUTDOWN_TIMEOUT_SECONDS", "600")]);
    let mut connection = Connection::open(process.address);
    connection.write(b"POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(connection.answer(true).status, 100);
    process.signal(Signal::INT);
    while std::net::TcpStream::connect(process.address).is_ok() {
        std::thread::yield_now();
    }
    process.signal(Signal::INT);
    assert_eq!(process.wait().status.code(), Some(130));
}
