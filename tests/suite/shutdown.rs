//! The end: nothing that was answered is missing at a healthy receiver.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::http::Connection;
use crate::support::process::{Process, command};
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
        let mut process = Process::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint())]);
        let mut connection = busy(process.address);
        process.signal(signal);
        process.wait_for_line("no more connections are accepted");
        connection.write(BODY.as_bytes());
        assert_eq!(connection.answer(false).status, 200, "{signal:?}");
        let finished = process.wait();
        assert_eq!(finished.status.code(), Some(0), "{signal:?}: {}", finished.stderr);
        assert_eq!(receiver.spans().len(), 2, "{signal:?}: {}", finished.stderr);
    }
}

/// A connection whose request is in its handler, which waits for the body from here on.
fn busy(address: SocketAddr) -> Connection {
    let mut connection = Connection::open(address);
    let length = BODY.len();
    connection.write(
        format!("POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n").as_bytes(),
    );
    assert_eq!(connection.answer(true).status, 100);
    connection
}

const BODY: &str = r#"{"message": "a", "ttl": "1-day"}"#;

#[test]
fn sixty_four_requests_in_flight_are_answered_and_their_spans_arrive() {
    let receiver = Receiver::start();
    let mut process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "600"),
        ("CLIENT_TIMEOUT_SECONDS", "600"),
    ]);
    let mut connections: Vec<_> = (0..64).map(|_| busy(process.address)).collect();
    process.signal(Signal::TERM);
    process.wait_for_line("no more connections are accepted");
    for connection in &mut connections {
        connection.write(BODY.as_bytes());
        let answer = connection.answer(false);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["message"], "a");
        assert_eq!(answer.header("connection").as_deref(), Some("close"));
        assert!(connection.rest().is_empty());
    }
    let finished = process.wait();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("128 spans exported, 0 failed"), "{}", finished.stderr);
    let spans = receiver.spans();
    assert_eq!(spans.len(), 128);
    assert!(spans.iter().all(|span| !span.attributes().contains_key("error.type")));
}

#[test]
fn clients_that_heed_connection_close_notice_nothing_of_the_end() {
    let receiver = Receiver::start();
    let mut process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("SHUTDOWN_DELAY_SECONDS", "5"),
    ]);
    let address = process.address;
    let clients: Vec<_> = (0..64)
        .map(|_| {
            std::thread::spawn(move || {
                let (mut connection, mut answered) = (Connection::open(address), 0);
                loop {
                    let answer = connection.request("GET", "/api/activities/home", &[], b"");
                    assert_eq!(answer.status, 200);
                    answered += 1;
                    if answer.header("connection").as_deref() == Some("close") {
                        assert!(connection.rest().is_empty());
                        return answered;
                    }
                }
            })
        })
        .collect();
    for _ in 0..200 {
        process.wait_for_line("access: GET");
    }
    process.signal(Signal::TERM);
    let finished = process.wait();
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(answered >= 200, "{answered}");
    assert_eq!(receiver.spans().len(), 2 * answered);
}

#[test]
fn readiness_is_withdrawn_while_requests_are_still_served() {
    let mut process =
        Process::start(&[("OTEL_TRACES_EXPORTER", "console"), ("SHUTDOWN_DELAY_SECONDS", "600")]);
    let mut kept = Connection::open(process.address);
    for path in ["/health", "/health/live", "/health/ready"] {
        let answer = kept.request("GET", path, &[], b"");
        assert_eq!((answer.status, &answer.json()["status"]), (200, &"ok".into()), "{path}");
        assert_eq!(kept.request("HEAD", path, &[], b"").status, 200, "{path}");
        assert_eq!(kept.request("POST", path, &[], b"").status, 405, "{path}");
    }
    process.signal(Signal::TERM);
    process.wait_for_line("SIGTERM: not ready any more, still serving for 600 s");
    // Also on a connection that was there before.
    let answer = kept.request("GET", "/health/ready", &[], b"");
    assert_eq!((answer.status, &answer.json()["status"]), (503, &"shutting down".into()));
    assert_eq!(answer.header("connection").as_deref(), Some("close"));
    assert!(kept.rest().is_empty());
    for path in ["/health", "/health/live", "/api/activities/home"] {
        let answer = Connection::open(process.address).request("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("connection").as_deref(), Some("close"), "{path}");
    }
    // The container is not unhealthy while it ends.
    let port = process.address.port().to_string();
    let healthy = command(&[("PORT", &port)]).arg("health").status().unwrap();
    assert_eq!(healthy.code(), Some(0));

    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.status.code(), Some(143), "{}", finished.stderr);
    assert!(!finished.stdout.contains("/health"), "{}", finished.stdout);
}

#[test]
fn the_listener_stays_open_for_the_delay_and_no_longer() {
    let process =
        Process::start(&[("OTEL_TRACES_EXPORTER", "none"), ("SHUTDOWN_DELAY_SECONDS", "2")]);
    let (address, signalled) = (process.address, Instant::now());
    process.signal(Signal::TERM);
    let finished = process.wait();
    let took = signalled.elapsed();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!((Duration::from_secs(2)..Duration::from_secs(20)).contains(&took), "{took:?}");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_end_keeps_its_time_whatever_hangs() {
    // Five things at once: a receiver of spans and one of log records that accept (the backlog does) and
    // never answer, a stdout whose pipe is full, a request whose body never comes, and a client that reads
    // no answer.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut process = Process::start_unread(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", hung.local_addr().unwrap())),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "600000"),
        ("CLIENT_TIMEOUT_SECONDS", "600"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "4"),
        ("RUST_LOG", "info,access=warn"),
    ]);
    let _busy = busy(process.address);
    let mut greedy = TcpStream::connect(process.address).unwrap();
    greedy.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let requests = "GET /api/activities/home HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    while greedy.write_all(requests.as_bytes()).is_ok() {}
    let mut reading = Connection::open(process.address);
    for _ in 0..100 {
        // About 1.5 kB on stdout each, where a pipe takes 64.
        assert_eq!(reading.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    let signalled = Instant::now();
    process.signal(Signal::TERM);
    process.wait_for_line("requests are cut off");
    let finished = process.wait();
    let took = signalled.elapsed();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    // Four seconds are what is due; the rest is for a busy machine.
    assert!(took < Duration::from_secs(8), "{took:?}: {}", finished.stderr);
    for what in ["spans exported", "log records exported"] {
        let lines = finished.stderr.lines().filter(|line| line.contains(what));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), if what.starts_with("spans") { 2 } else { 1 }, "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains(" 0 failed, 0 dropped")), "{lines:?}");
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
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), // nobody listens there
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
fn a_receiver_that_hangs_does_not_hold_the_process_beyond_its_time() {
    // It accepts connections (the backlog does) and never answers.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", hung.local_addr().unwrap())),
        ("SHUTDOWN_TIMEOUT_SECONDS", "2"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let signalled = Instant::now();
    let finished = process.terminate();
    let took = signalled.elapsed();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    // Two seconds are what is due; the rest is for a busy machine.
    assert!(took < Duration::from_secs(5), "{took:?}: {}", finished.stderr);
    assert!(
        finished.stderr.contains("0 spans exported, 0 failed, 2 dropped"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("console: 2 spans exported"), "{}", finished.stderr);
}

#[test]
fn what_is_said_to_be_dropped_has_not_arrived() {
    // 200 spans in batches of 8, each taking 2 s: much more than fits into the time.
    let receiver = Receiver::start_slow(Duration::from_secs(2));
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
    ]);
    let mut connection = Connection::open(process.address);
    for _ in 0..100 {
        connection.request("GET", "/api/activities/home", &[], b"");
    }
    let finished = process.terminate();
    let report = finished.stderr.lines().last().unwrap();
    let numbers: Vec<usize> = report.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [exported, failed, dropped] = numbers[..] else { panic!("{report}") };
    assert_eq!((exported + failed + dropped, failed), (200, 0), "{report}");
    assert!(dropped > 0, "{report}");
    // The batch that was on its way when the time was up may arrive all the same.
    let arrived = receiver.spans().len();
    assert!((exported..=exported + 8).contains(&arrived), "{arrived} arrived: {report}");
}

#[test]
fn a_full_queue_drops_whole_spans_and_counts_them() {
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", hung.local_addr().unwrap())),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "1"),
    ]);
    let mut connection = Connection::open(process.address);
    for _ in 0..50 {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    let stderr = process.terminate().stderr;
    assert!(stderr.contains("0 spans exported, 0 failed, 100 dropped"), "{stderr}");
    // Told once, not with every span.
    assert_eq!(stderr.matches("spans were dropped").count(), 1, "{stderr}");
}

#[test]
fn a_signal_while_requests_come_in_loses_no_span_of_an_answer() {
    let receiver = Receiver::start();
    let mut process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ]);
    let address = process.address;
    let clients: Vec<_> =
        (0..8).map(|_| std::thread::spawn(move || answers_until_the_end(address))).collect();
    // The load is on when the first lines are there.
    for _ in 0..100 {
        process.wait_for_line("access: GET");
    }
    let finished = process.terminate();
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(answered >= 100, "{answered}");
    assert!(
        receiver.spans().len() >= 2 * answered,
        "{answered} answers, {}",
        receiver.spans().len()
    );
}

/// Sends requests until the service takes no more; how many were answered.
fn answers_until_the_end(address: SocketAddr) -> usize {
    let mut answered = 0;
    while let Ok(mut stream) = TcpStream::connect(address) {
        let request = b"GET /api/activities/home HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        if stream.write_all(request).is_err() || stream.read_to_end(&mut answer).is_err() {
            break;
        }
        answered += usize::from(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"}]"));
    }
    answered
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let mut process =
        Process::start(&[("OTEL_TRACES_EXPORTER", "none"), ("SHUTDOWN_TIMEOUT_SECONDS", "600")]);
    let _busy = busy(process.address);
    process.signal(Signal::INT);
    process.wait_for_line("no more connections are accepted");
    process.signal(Signal::INT);
    let finished = process.wait();
    assert_eq!(finished.status.code(), Some(130), "{}", finished.stderr);
    assert!(finished.stderr.contains("SIGINT again: ending at once"), "{}", finished.stderr);
}

#[test]
fn a_second_signal_ends_the_process_while_it_flushes() {
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", hung.local_addr().unwrap())),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "600"),
    ]);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.signal(Signal::TERM);
    process.wait_for_line("requests in flight end");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().status.code(), Some(143));
}

#[test]
fn a_second_signal_ends_the_process_though_nobody_reads_its_log() {
    let process = Process::start(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("SHUTDOWN_DELAY_SECONDS", "15"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "1"),
    ]);
    let mut connection = Connection::open(process.address);
    // A pipe holds 64 kB; each line of the access log is about 100 bytes.
    for _ in 0..2000 {
        connection.request("GET", "/api/activities/home", &[], b"");
    }
    process.signal(Signal::TERM);
    let is_ready = || {
        Connection::open(process.address).request("GET", "/health/ready", &[], b"").status == 200
    };
    let patience = Instant::now() + Duration::from_secs(10);
    while is_ready() {
        assert!(Instant::now() < patience, "still ready");
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait_unread().code(), Some(143));
}

#[test]
fn the_end_comes_in_time_though_nobody_reads_anything_that_is_said() {
    let process = Process::start_unread(&[
        ("RUST_LOG", "trace"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "1"),
        ("CLIENT_TIMEOUT_SECONDS", "600"),
    ]);
    let mut connection = Connection::open(process.address);
    // About 1.5 kB on stdout each, where a pipe takes 64.
    for _ in 0..100 {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    // A line on stderr each, where a pipe and the log's own queue take 128,000 and some.
    let head = "POST /api/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write(head.as_bytes());
    connection.write("1\r\n \r\n".repeat(140_000).as_bytes());
    connection.write(b"0\r\n\r\n");
    assert_eq!(connection.answer(false).status, 400);
    process.signal(Signal::TERM);
    assert_eq!(process.wait_unread().code(), Some(1));
}
