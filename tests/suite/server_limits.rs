//! Clients that take too much, or too long: each loses its connection, and nobody else notices.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::http::Connection;
use crate::support::process::{Process, run};
use crate::support::service::Service;

/// The shortest limits there are.
const SHORT: [(&str, &str); 2] = [("CLIENT_TIMEOUT_SECONDS", "1"), ("KEEP_ALIVE_SECONDS", "1")];

/// How long a test waits for the end of a connection.
const PATIENCE: Duration = Duration::from_secs(30);

const GET: &str = "GET /api/activities/home HTTP/1.1\r\nHost: a\r\n";

/// Sends `first`, then `drop` again and again, until the service closes; what it has answered until then.
fn drip(address: SocketAddr, first: &str, drop: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // The pace of the drops.
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(first.as_bytes()).unwrap();
    let (started, mut answers) = (Instant::now(), Vec::new());
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answers.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // A refused drop is told by the next read.
                let _ = stream.write_all(drop.as_bytes());
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
        assert!(started.elapsed() < PATIENCE, "still open: {}", String::from_utf8_lossy(&answers));
    }
    String::from_utf8(answers).unwrap()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.split(' ').next()).collect()
}

#[test]
fn a_client_that_keeps_the_service_waiting_loses_its_connection() {
    let service = Service::start_with(&SHORT);
    let address = service.address;
    let post = "POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    // what it does, what it sends first, what it drips, the statuses that it gets
    let cases = [
        ("says nothing", String::new(), "", &["408"][..]),
        ("drips its head", format!("{GET}X: "), "x", &["408"]),
        ("says nothing more after an answer", format!("{GET}\r\n"), "", &["200"]),
        ("drips its second head", format!("{GET}\r\n{GET}X: "), "x", &["200"]),
        ("drips a body", format!("{post}Content-Length: 100000\r\n\r\n"), " ", &["408"]),
        ("sends no body", format!("{post}Content-Length: 100000\r\n\r\n"), "", &["408"]),
        (
            "drips a body of chunks",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n"),
            "1\r\n \r\n",
            &["408"],
        ),
        (
            "drips a body that nobody wants",
            format!("{GET}Transfer-Encoding: chunked\r\n\r\n"),
            "1\r\n \r\n",
            &["200"],
        ),
    ];
    std::thread::scope(|scope| {
        for (what, first, drop, expected) in &cases {
            scope.spawn(move || {
                let answers = drip(address, first, drop);
                assert_eq!(statuses(&answers), *expected, "a client that {what}: {answers}");
            });
        }
    });
    assert_eq!(service.get("/api/activities/home").status, 200);

    let spans = service.stop();
    let posts: Vec<_> = spans.iter().filter(|span| span.name() == "POST /api/activities").collect();
    assert_eq!(posts.len(), 3);
    for span in posts {
        let attributes = span.attributes();
        assert_eq!(attributes["http.response.status_code"], 408);
        // The client's mistake.
        assert_eq!(attributes.get("error.type"), None);
    }
}

#[test]
fn a_body_that_does_not_come_is_answered_in_json() {
    let service = Service::start_with(&SHORT);
    let mut connection = service.connect();
    connection.write(b"POST /api/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
    let answer = connection.answer(false);
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("connection").as_deref(), Some("close"));
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "request_timeout");
    assert_eq!(error["trace_id"], answer.traceresponse().0);
    assert!(connection.rest().is_empty());
}

#[test]
fn a_client_that_never_reads_its_answers_loses_its_connection() {
    let service = Service::start_with(&SHORT);
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let (started, requests) = (Instant::now(), format!("{GET}\r\n").repeat(100));
    loop {
        // Until nothing is taken any more, and then until the connection is gone.
        match stream.write(requests.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        assert!(started.elapsed() < PATIENCE, "still open");
    }
    assert_eq!(service.get("/api/activities/home").status, 200);

    let spans = service.stop();
    let cut = spans.iter().filter(|span| span.attributes().contains_key("error.type")).count();
    assert!(cut <= 1, "one answer at most was under way, {cut} were cut");
    assert!(spans.len() > 100, "{}", spans.len());
}

#[test]
fn a_client_that_is_slow_within_the_limits_is_served() {
    let service = Service::start_with(&[("CLIENT_TIMEOUT_SECONDS", "600")]);
    let mut connection = service.connect();
    let body = r#"{"message": "a", "ttl": "1-day"}"#;
    let head = format!(
        "POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    for _ in 0..2 {
        for byte in head.bytes().chain(body.bytes()) {
            connection.write(&[byte]);
        }
        assert_eq!(connection.answer(false).status, 200);
    }
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let service = Service::start_with(&[("MAX_CONNECTIONS", "2")]);
    let mut open = [service.connect(), service.connect()];
    for connection in &mut open {
        assert_eq!(connection.request("GET", "/health", &[], b"").status, 200);
    }
    let mut third = TcpStream::connect(service.address).unwrap();
    third.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let early = third.read(&mut [0; 64]).expect_err("nothing is answered");
    assert_eq!(early.kind(), ErrorKind::WouldBlock);
    // The others are served all the same.
    for connection in &mut open {
        assert_eq!(connection.request("GET", "/health", &[], b"").status, 200);
    }
    drop(open);
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn connections_are_no_more_than_the_limit_of_open_files_allows() {
    // The port is taken, so that the process ends by itself.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    // The page has 64 connections of its own.
    for (files, page, connections) in [(200, "", 36), (400, "", 136), (400, "127.0.0.1:0", 72)] {
        let run = format!("ulimit -n {files} && exec \"$0\"");
        let output = Command::new("sh")
            .args(["-c", &run, env!("CARGO_BIN_EXE_backend-actix")])
            .env_clear()
            .env("PORT", taken.local_addr().unwrap().port().to_string())
            .env("WEB_ADDRESS", page)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let warning = format!(
            "MAX_CONNECTIONS is 1024, but the limit of open files allows {connections} connections; raise it"
        );
        assert!(stderr.contains(&warning), "{files} {page}: {stderr}");
    }
}

#[test]
fn there_are_as_many_workers_as_one_asks_for() {
    for workers in [1, 3] {
        let process = Process::start(&[("WORKERS", &workers.to_string())]);
        // The names of threads, as the system cuts them off.
        let count = || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
            let names = threads.filter_map(|thread| {
                std::fs::read_to_string(thread.ok()?.path().join("comm")).ok()
            });
            names.filter(|name| name.starts_with("actix-rt|")).count()
        };
        // A thread has its name when it has begun.
        let patience = Instant::now() + Duration::from_secs(30);
        while count() < workers && Instant::now() < patience {
            std::thread::yield_now();
        }
        assert_eq!(count(), workers);
        process.terminate();
    }
}

#[test]
fn heads_have_a_largest_size() {
    let service = Service::start();
    let fields = |count: usize| (0..count).map(|n| format!("x-{n}: a\r\n")).collect::<String>();
    // The `Host` is one of the 96.
    let cases = [
        (fields(95), 200),
        (fields(96), 431),
        (format!("x: {}\r\n", "a".repeat(100 * 1024)), 200),
        (format!("x: {}\r\n", "a".repeat(128 * 1024)), 431),
    ];
    for (fields, status) in cases {
        let mut connection = service.connect();
        connection.write_if_open(format!("{GET}{fields}\r\n").as_bytes());
        assert_eq!(connection.answer(false).status, status, "{} bytes", fields.len());
    }
}

#[test]
fn a_restart_need_not_wait_for_connections_that_linger() {
    // An address of its own: no other test's port can be in the way.
    let bind = ("BIND_ADDRESS", "127.0.0.2");
    let exporters = ("OTEL_TRACES_EXPORTER", "none");
    let first = Process::start(&[bind, exporters]);
    let (address, port) = (first.address, first.address.port().to_string());
    let mut connection = Connection::open(address);
    assert_eq!(connection.request("GET", "/health", &[], b"").status, 200);
    // Two at a time cannot be: SO_REUSEADDR is not SO_REUSEPORT.
    let second = run(&[bind, exporters, ("PORT", &port)]);
    assert_eq!(second.status.code(), Some(2), "{}", second.stderr);
    assert!(second.stderr.contains("cannot listen on 127.0.0.2:"), "{}", second.stderr);
    // The service closes first, so its side of the connection stays in TIME_WAIT.
    assert_eq!(first.terminate().status.code(), Some(0));
    assert!(connection.rest().is_empty());
    let third = Process::start(&[bind, exporters, ("PORT", &port)]);
    assert_eq!(Connection::open(address).request("GET", "/health", &[], b"").status, 200);
    assert_eq!(third.terminate().status.code(), Some(0));
}
