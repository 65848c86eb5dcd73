//! No secret shows: whole runs of the binary, with a marker in every secret, a receiver that works or
//! fails in each of its ways, and the most talkative log; then every byte that came out is searched.
//!
//! A new exporter: its secrets become rows of [`SECRETS`], the ways in which it can fail of [`Receiving`];
//! a new command of the binary a row of [`COMMANDS`].

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use backend_actix::config::Config;
use backend_actix::telemetry::Telemetry;

use crate::support::http::Connection;
use crate::support::process::{Process, command, run};
use crate::support::receiver::Receiver;

/// In every secret; no encoding of headers or URLs changes it.
const MARKER: &str = "MARK3R";

/// The variables that hold secrets.
const SECRETS: [(&str, &str); 7] = [
    ("HONEYCOMB_API_KEY", "hcaik_MARK3R"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20MARK3R,x-api-key=MARK3R"),
    ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-logs-key=MARK3R"),
    ("AWS_SECRET_ACCESS_KEY", "MARK3R/aws"),
    ("AWS_SESSION_TOKEN", "MARK3R/session"),
    ("ROLLBAR_ACCESS_TOKEN", "MARK3R_rollbar"),
    ("WEB_TOKEN", "MARK3R_of_the_page"),
];

/// Commands that tell something and end.
const COMMANDS: [&str; 6] =
    ["check", "--print-config", "--print-config=json", "--help", "--version", "health"];

/// What clients send, with secrets of theirs where they usually are.
const REQUESTS: [&str; 12] = [
    "GET /api/activities/home HTTP/1.1|Authorization: Bearer MARK3R|Cookie: session=MARK3R",
    "GET /api/activities/search?term=a&sig=MARK3R&X-Amz-Signature=MARK3R HTTP/1.1",
    "GET /nothing?AWSAccessKeyId=MARK3R HTTP/1.1|Authorization: Basic MARK3R",
    "POST /api/activities/home HTTP/1.1|Content-Length: 0|Authorization: MARK3R",
    "POST /api/messages HTTP/1.1|Content-Type: text/plain|Content-Length: 6|Cookie: a=MARK3R",
    "POST /api/messages HTTP/1.1|Content-Type: application/json|Content-Length: 1000000|Cookie: a=MARK3R",
    "OPTIONS /api/messages HTTP/1.1|Origin: http://stranger|Access-Control-Request-Method: POST|Authorization: MARK3R",
    "GET / HTTP/1.1|Authorization: MARK3R|Content-Length: x",
    "GET /rollbar/test HTTP/1.1|Authorization: MARK3R",
    "GET /health HTTP/1.1|Authorization: MARK3R",
    "GET /health/live HTTP/1.1",
    "GET /health/ready HTTP/1.1",
];

/// What the page tells whoever has its token.
const PAGE: [&str; 5] =
    ["/api/traces", "/api/routes", "/api/exporters", "/api/export", "/api/nothing"];

/// What becomes of exports.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Receiving {
    Works,
    /// Nobody listens.
    Refused,
    /// It is connected to and never answers.
    Hangs,
    /// It closes each connection when it has read something.
    Breaks,
    /// It answers with this status, and tells back all that it was sent.
    Answers(&'static str),
    /// It speaks TLS, with a certificate that nobody trusts.
    Untrusted,
    /// Its name does not resolve.
    Unknown,
}

const RECEIVING: [Receiving; 10] = [
    Receiving::Works,
    Receiving::Refused,
    Receiving::Hangs,
    Receiving::Breaks,
    Receiving::Answers("401 Unauthorized"),
    Receiving::Answers("307 Temporary Redirect"),
    Receiving::Answers("400 Bad Request"),
    Receiving::Answers("503 Service Unavailable"),
    Receiving::Untrusted,
    Receiving::Unknown,
];

/// A receiver with its origin, kept for as long as it is needed.
struct Running {
    origin: String,
    receiver: Option<Receiver>,
    _listener: Option<TcpListener>,
}

impl Receiving {
    fn start(self) -> Running {
        let (origin, receiver, listener) = match self {
            Self::Works => {
                let receiver = Receiver::start();
                (receiver.endpoint(), Some(receiver), None)
            }
            Self::Untrusted => {
                let (receiver, _) = Receiver::start_tls();
                (format!("https://localhost:{}", receiver.address.port()), Some(receiver), None)
            }
            Self::Refused => ("http://127.0.0.1:1".to_owned(), None, None),
            Self::Unknown => ("http://receiver.invalid:4318".to_owned(), None, None),
            Self::Hangs => {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                (format!("http://{}", listener.local_addr().unwrap()), None, Some(listener))
            }
            Self::Breaks => (start_answering(None), None, None),
            Self::Answers(status) => (start_answering(Some(status)), None, None),
        };
        Running { origin, receiver, _listener: listener }
    }
}

/// A receiver that reads the head of each request, and tells it back with `status`, or closes.
fn start_answering(status: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 1024];
            let read = connection.read(&mut head).unwrap_or(0);
            let Some(status) = status else { continue };
            let told = String::from_utf8_lossy(&head[..read]);
            let told = told.split("\r\n\r\n").next().unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: /?{MARKER}\r\nx-told: {MARKER}\r\ncontent-length: {}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n{told}",
                told.len()
            );
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    origin
}

fn answer_to(address: SocketAddr, request: &str) -> String {
    let (line, headers) = request.split_once('|').unwrap_or((request, ""));
    let headers: String = headers
        .split('|')
        .filter(|header| !header.is_empty())
        .map(|header| format!("{header}\r\n"))
        .collect();
    let mut connection = Connection::open(address);
    let head = format!("{line}\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    connection.write(head.as_bytes());
    String::from_utf8(connection.rest()).unwrap()
}

/// Fails where one of the texts has the marker in it, and shows the line.
fn assert_no_secret<'a>(what: &str, texts: impl IntoIterator<Item = (&'a str, String)>) {
    // As `{:?}` shows bytes.
    let bytes = MARKER.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    for (name, text) in texts {
        let shown = text.lines().find(|line| line.contains(MARKER) || line.contains(&bytes));
        assert_eq!(shown, None, "{what}: {name} shows a secret");
    }
}

/// The variables that send `SECRETS` to a receiver: by the specification's own variables, or by
/// Honeycomb's.
fn variables(origin: &str, by_honeycomb: bool) -> Vec<(&'static str, String)> {
    let own = [
        // The most that can be logged, with the most that can be told of a panic.
        ("RUST_LOG", "trace".to_owned()),
        ("RUST_BACKTRACE", "full".to_owned()),
        ("OTEL_TRACES_EXPORTER", "console,otlp".to_owned()),
        ("OTEL_LOGS_EXPORTER", "console,otlp".to_owned()),
        ("ROLLBAR_ENDPOINT", origin.to_owned()),
        ("WEB_ADDRESS", "127.0.0.1:0".to_owned()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000".to_owned()),
        ("SHUTDOWN_TIMEOUT_SECONDS", "2".to_owned()),
        ("CLIENT_TIMEOUT_SECONDS", "1".to_owned()),
    ];
    let secrets = SECRETS
        .iter()
        .filter(|(name, _)| !(by_honeycomb && name.starts_with("OTEL_EXPORTER_OTLP_")))
        .map(|(name, value)| (*name, (*value).to_owned()));
    let receiver = if by_honeycomb {
        ("HONEYCOMB_API_ENDPOINT", origin.to_owned())
    } else {
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{origin}/v1/traces?api_key={MARKER}"))
    };
    own.into_iter().chain(secrets).chain([receiver]).collect()
}

fn a_run_shows_no_secret(receiving: Receiving, by_honeycomb: bool, stdout_is_closed: bool) {
    let what = format!("{receiving:?}, by Honeycomb's variables {by_honeycomb}");
    let running = receiving.start();
    let vars = variables(&running.origin, by_honeycomb);
    let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut process = if stdout_is_closed {
        // Printing panics then.
        let mut process = Process::start_unread(&vars);
        process.close_stdout();
        process
    } else {
        Process::start(&vars)
    };
    let page = process.page();
    let answers: Vec<_> =
        REQUESTS.iter().map(|request| answer_to(process.address, request)).collect();
    // Once more: what went wrong last is told here.
    let health = answer_to(process.address, "GET /health HTTP/1.1");
    let shown = PAGE.map(|path| {
        let mut connection = Connection::open(page);
        connection.write(
            format!("GET {path} HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\nAuthorization: Bearer MARK3R_of_the_page\r\n\r\n").as_bytes(),
        );
        String::from_utf8(connection.rest()).unwrap()
    });
    assert!(shown[0].starts_with("HTTP/1.1 200 "), "{what}: {}", shown[0]);
    let finished = process.terminate();
    assert_eq!(finished.status.code(), Some(0), "{what}");
    assert_eq!(finished.stderr.contains("stdout cannot be written to"), stdout_is_closed, "{what}");
    // The libraries had their say.
    for library in ["hyper_util::client", "reqwest::", "actix_http::h1", "opentelemetry"] {
        assert!(finished.stderr.contains(library), "{what}: nothing of {library}");
    }
    let (mut spans, mut records) = (String::new(), String::new());
    if let Some(receiver) = &running.receiver {
        spans = format!("{:#?}", receiver.spans());
        records = format!("{:#?}", receiver.logs());
        let sent = receiver.headers();
        if receiving == Receiving::Works {
            let keys = sent.iter().filter(|headers| format!("{headers:?}").contains(MARKER));
            assert!(keys.count() > 0, "{what}: the secret was in use");
        }
    }
    assert_no_secret(
        &what,
        [
            ("stdout", finished.stdout),
            ("stderr", finished.stderr),
            ("an answer", answers.concat()),
            ("/health", health),
            ("a span", spans),
            ("a log record", records),
            ("the page", shown.concat()),
        ],
    );
}

#[test]
fn no_output_of_a_run_shows_a_secret() {
    // A few at a time: each is a process that logs all it can.
    for few in RECEIVING.chunks(4) {
        let runs: Vec<JoinHandle<()>> = few
            .iter()
            .flat_map(|receiving| [(*receiving, false), (*receiving, true)])
            .map(|(receiving, by_honeycomb)| {
                std::thread::spawn(move || a_run_shows_no_secret(receiving, by_honeycomb, false))
            })
            .collect();
        for run in runs {
            run.join().unwrap();
        }
    }
}

#[test]
fn a_panic_shows_no_secret() {
    a_run_shows_no_secret(Receiving::Works, false, true);
}

#[test]
fn no_command_shows_a_secret() {
    for by_honeycomb in [false, true] {
        let vars = variables("http://127.0.0.1:1", by_honeycomb);
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for argument in COMMANDS {
            let output = command(&vars).env("PORT", "1").arg(argument).output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let (stdout, stderr) = (text(output.stdout), text(output.stderr));
            assert!(!stdout.is_empty() || !stderr.is_empty(), "{argument} says something");
            assert_no_secret(argument, [("stdout", stdout), ("stderr", stderr)]);
        }
    }
}

#[test]
fn what_is_refused_is_not_shown() {
    // A variable, and a value that stops the start.
    let cases = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:MARK3R@localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://MARK3R@localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "user:MARK3R@localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost/?api_key=MARK3R"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:MARK3R@localhost/v1/traces"),
        ("HONEYCOMB_API_ENDPOINT", "https://user:MARK3R@api.honeycomb.io"),
        // A key in the variable of an address.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "hcaik_MARK3R"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "x-honeycomb-team=hcaik_MARK3R"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://hcaik MARK3R"),
        ("HONEYCOMB_API_ENDPOINT", "hcaik_MARK3R"),
        ("ROLLBAR_ENDPOINT", "MARK3R"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:MARK3R"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "MARK3R"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: Bearer MARK3R"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,Bearer MARK3R=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=MARK3R%00"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=MARK3R%FF"),
        ("HONEYCOMB_API_KEY", "MARK3R\nMARK3R"),
        ("HONEYCOMB_API_KEY", "MARK3R # the key"),
        ("HONEYCOMB_API_KEY", "“MARK3R”"),
    ];
    for (variable, value) in cases {
        let finished = run(&[(variable, value), ("RUST_LOG", "trace")]);
        assert_eq!(finished.status.code(), Some(2), "{variable} {value}: {}", finished.stderr);
        assert!(finished.stderr.contains(variable), "{variable} {value}: {}", finished.stderr);
        let texts = [("stdout", finished.stdout), ("stderr", finished.stderr)];
        assert_no_secret(&format!("{variable} {value}"), texts);
    }
}

#[test]
fn debug_output_of_what_holds_secrets_shows_none() {
    for by_honeycomb in [false, true] {
        let vars = variables("http://127.0.0.1:1", by_honeycomb)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let config = Config::from_vars(vars).unwrap();
        let telemetry = Telemetry::start(&config.telemetry).unwrap();
        let texts = [("Config", format!("{config:#?}")), ("Telemetry", format!("{telemetry:#?}"))];
        assert_no_secret("Debug", texts);
    }
}
