//! The ways in which a request can end, and that none of them looks like another.

use std::sync::mpsc::{Receiver as Notes, Sender, channel};
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::error::{ErrorInternalServerError, ErrorServiceUnavailable, PayloadError};
use actix_web::http::StatusCode as HttpStatus;
use actix_web::web::{self, Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpResponse, Responder, ResponseError, rt};
use backend_actix::carry::{carry, carry_async};
use backend_actix::child_span::in_span;
use backend_actix::server_span::{Middleware, ServerSpan};
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::{Value, json};

use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::{Received, Receiver};
use crate::support::remember_panics;
use crate::support::service::Service;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says when it is dropped, which is when a handler is cancelled.
struct Note(Sender<&'static str>);

impl Drop for Note {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A stream of `chunks` chunks, or without an end, then the `last` thing that it does.
fn stream(
    chunks: Option<usize>,
    last: fn() -> Option<Result<Bytes, PayloadError>>,
) -> impl futures_core::Stream<Item = Result<Bytes, PayloadError>> {
    struct Chunks(Option<usize>, fn() -> Option<Result<Bytes, PayloadError>>);
    impl futures_core::Stream for Chunks {
        type Item = Result<Bytes, PayloadError>;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(match &mut self.0 {
                Some(0) => (self.1)(),
                Some(left) => {
                    *left -= 1;
                    Some(Ok(Bytes::from_static(b"chunk")))
                }
                None => Some(Ok(Bytes::from_static(&[b'x'; 1024]))),
            })
        }
    }
    Chunks(chunks, last)
}

fn one(spans: &[Received]) -> &Received {
    let [span] = spans else { panic!("one span: {spans:#?}") };
    span
}

fn is_error(span: &Received) -> bool {
    let status = span.span.status.clone().unwrap_or_default();
    assert_eq!(status.message, "", "a description would only repeat the attributes");
    status.code == StatusCode::Error as i32
}

/// The attributes of the one `exception` event.
fn exception(span: &Received) -> Value {
    let [event] = &span.span.events[..] else { panic!("one event: {span:#?}") };
    assert_eq!(event.name, "exception");
    json!(crate::support::receiver::attributes(&event.attributes))
}

fn panicking(config: &mut ServiceConfig) {
    async fn late() -> &'static str {
        rt::task::yield_now().await;
        panic!("MARKER {}", "late")
    }
    config
        .route("/ok", web::get().to(async || "fine"))
        .route("/late", web::get().to(late))
        .route("/early", web::get().to(async || -> &'static str { panic!("MARKER early") }))
        .route("/odd", web::get().to(async || -> &'static str { std::panic::panic_any(7) }));
}

#[test]
fn a_panic_is_answered_and_the_connection_lives_on() {
    for (path, message) in
        [("/late", "MARKER late"), ("/early", "MARKER early"), ("/odd", "a value that is no text")]
    {
        let service = Service::start_app(panicking, |middleware| middleware);
        let mut connection = service.connect();
        let answer = connection.request("GET", path, &[], b"");
        assert_eq!(
            (answer.status, answer.header("content-type").as_deref()),
            (500, Some("application/json"))
        );
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "internal_server_error", "{path}");
        assert_eq!(error["trace_id"], json!(answer.traceresponse().0), "{path}");
        assert!(!answer.text().contains("MARKER"), "{path}: {}", answer.text());
        assert_eq!(connection.request("GET", "/ok", &[], b"").text(), "fine", "{path}");

        let spans = service.stop();
        assert_eq!(spans.len(), 2, "{path}");
        let span = spans.iter().find(|span| span.name() == format!("GET {path}")).unwrap();
        let attributes = span.attributes();
        assert!(is_error(span), "{path}");
        assert_eq!(attributes["error.type"], "panic", "{path}");
        assert_eq!(attributes["http.response.status_code"], 500, "{path}");
        let exception = exception(span);
        assert_eq!(exception["exception.type"], "panic", "{path}");
        assert_eq!(exception["exception.message"], message, "{path}");
    }
}

#[test]
fn a_panic_under_load_harms_nobody_else() {
    let service = Service::start_app(panicking, |middleware| middleware);
    std::thread::scope(|scope| {
        for client in 0..8 {
            let service = &service;
            scope.spawn(move || {
                let mut connection = service.connect();
                for request in 0..25 {
                    let (path, status) =
                        if (client + request) % 2 == 0 { ("/ok", 200) } else { ("/late", 500) };
                    assert_eq!(connection.request("GET", path, &[], b"").status, status);
                }
            });
        }
    });
    let spans = service.stop();
    assert_eq!((spans.len(), spans.iter().filter(|span| is_error(span)).count()), (200, 100));
}

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database is away")
    }
}

impl ResponseError for Broken {
    fn status_code(&self) -> HttpStatus {
        HttpStatus::SERVICE_UNAVAILABLE
    }
}

fn failing(config: &mut ServiceConfig) {
    config
        .route("/broken", web::get().to(async || Err::<&str, _>(Broken)))
        .route("/unknown", web::get().to(async || Err::<&str, _>(ErrorServiceUnavailable("away"))))
        .route("/said", web::get().to(async || HttpResponse::BadGateway().finish()));
}

#[test]
fn a_handlers_error_is_recorded_under_its_class() {
    fn classify(error: &actix_web::Error) -> Option<&'static str> {
        error.as_error::<Broken>().map(|_| "Broken")
    }
    // path, status, error.type, exception.type and .message
    let cases = [
        ("/broken", 503, "Broken", Some(("Broken", "the database is away"))),
        ("/unknown", 503, "503", Some(("actix_web::Error", "away"))),
        ("/said", 502, "502", None),
    ];
    for (path, status, error_type, expected) in cases {
        let service =
            Service::start_app(failing, |middleware| middleware.classify_errors(classify));
        assert_eq!(service.get(path).status, status);
        let spans = service.stop();
        let span = one(&spans);
        assert!(is_error(span), "{path}");
        assert_eq!(span.attributes()["error.type"], error_type, "{path}");
        match expected {
            Some((class, message)) => assert_eq!(
                exception(span),
                json!({"exception.type": class, "exception.message": message})
            ),
            None => assert!(span.span.events.is_empty(), "{path}"),
        }
    }
    // The log event alone, where that is asked for.
    let service = Service::start_app(failing, |middleware| middleware.exception_events(false));
    service.get("/broken");
    assert!(one(&service.stop()).span.events.is_empty());
}

/// A service whose handler waits for ever; it notes that it was entered, and dropped.
fn waiting() -> (Service, Notes<&'static str>) {
    let (sender, notes) = channel();
    let routes = move |config: &mut ServiceConfig| {
        let sender = sender.clone();
        config.route(
            "/waits",
            web::route().to(move || {
                let note = Note(sender.clone());
                async move {
                    note.0.send("entered").unwrap();
                    std::future::pending::<&str>().await
                }
            }),
        );
    };
    (Service::start_app(routes, |middleware| middleware), notes)
}

/// Leaves a connection in one of the ways in which clients do.
type Leave = fn(Connection);

const WAYS_TO_LEAVE: [(&str, Leave); 3] = [
    ("close", drop),
    ("reset", Connection::reset),
    ("half close", |mut connection| {
        connection.half_close();
        assert!(connection.rest().is_empty(), "nothing is answered");
    }),
];

#[test]
fn a_client_that_leaves_cancels_the_handler() {
    for (way, leave) in WAYS_TO_LEAVE {
        for request in
            ["GET /waits HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /waits HTTP/1.1\r\nHost: a\r\n\r\n"]
        {
            let (service, notes) = waiting();
            let mut connection = service.connect();
            connection.write(request.as_bytes());
            assert_eq!(notes.recv_timeout(PATIENCE), Ok("entered"), "{way}");
            leave(connection);
            assert_eq!(notes.recv_timeout(PATIENCE), Ok("dropped"), "{way}");
            let spans = service.stop();
            let (span, attributes) = (one(&spans), one(&spans).attributes());
            assert!(span.name().ends_with(" /waits"), "{}", span.name());
            // The name may be a guess, as the response is that would tell; an attribute may not.
            assert_eq!(attributes.get("http.route"), None, "{way}");
            assert_eq!(attributes["error.type"], "client_disconnected", "{way}");
            assert_eq!(attributes.get("http.response.status_code"), None, "{way}");
            assert!(is_error(span), "{way}");
        }
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_an_answer_does_not_look_served() {
    for (way, leave) in [("close", drop as Leave), ("reset", Connection::reset)] {
        let (sender, notes) = channel();
        let routes = move |config: &mut ServiceConfig| {
            let sender = sender.clone();
            config.route(
                "/endless",
                web::get().to(move || {
                    let note = Note(sender.clone());
                    let endless = stream(None, || None);
                    async move {
                        // The note goes with the stream.
                        let noted = futures_map(endless, note);
                        HttpResponse::Ok().streaming(noted)
                    }
                }),
            );
        };
        let service = Service::start_app(routes, |middleware| middleware);
        let mut connection = service.connect();
        connection.write(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.answer(true).status, 200);
        leave(connection);
        assert_eq!(notes.recv_timeout(PATIENCE), Ok("dropped"), "{way}");
        let spans = service.stop();
        let (span, attributes) = (one(&spans), one(&spans).attributes());
        assert_eq!(attributes["error.type"], "client_disconnected", "{way}");
        assert_eq!(attributes["http.response.status_code"], 200, "{way}");
        assert!(attributes["http.response.body.size"].as_i64() > Some(0), "{way}");
        assert!(is_error(span), "{way}");
    }
}

/// The stream, with something that is dropped together with it.
fn futures_map<S, N>(stream: S, note: N) -> impl futures_core::Stream<Item = S::Item>
where
    S: futures_core::Stream + Unpin,
    N: Unpin,
{
    struct With<S, N>(S, #[allow(dead_code)] N);
    impl<S: futures_core::Stream + Unpin, N: Unpin> futures_core::Stream for With<S, N> {
        type Item = S::Item;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<S::Item>> {
            std::pin::Pin::new(&mut self.0).poll_next(cx)
        }
    }
    With(stream, note)
}

#[test]
fn an_upload_that_breaks_off_does_not_look_like_a_mistake_of_the_client() {
    for (way, leave) in [
        ("close", drop as Leave),
        ("half close", |mut connection: Connection| {
            connection.half_close();
            connection.rest();
        }),
    ] {
        for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
            let service = Service::start();
            let mut connection = service.connect();
            let request = format!(
                "POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n{head}\r\n\r\n"
            );
            connection.write(request.as_bytes());
            // The handler waits for the body from here on.
            assert_eq!(connection.answer(true).status, 100);
            connection.write(if head.starts_with('C') { b"{\"mess" } else { b"6\r\n{\"mess\r\n" });
            leave(connection);
            let spans = service.stop();
            let (span, attributes) = (one(&spans), one(&spans).attributes());
            assert_eq!(span.name(), "POST /api/activities");
            assert_eq!(attributes["error.type"], "client_disconnected", "{way} {head}");
            assert_eq!(attributes["http.request.body.size"], 6, "{way} {head}");
            assert!(is_error(span), "{way} {head}");
            assert_ne!(attributes.get("http.response.status_code"), Some(&json!(200)));
        }
    }
}

fn streaming(config: &mut ServiceConfig) {
    config
        .route(
            "/three",
            web::get().to(async || HttpResponse::Ok().streaming(stream(Some(3), || None))),
        )
        .route(
            "/sized",
            web::get().to(async || {
                HttpResponse::Ok().body(SizedStream::new(10, stream(Some(2), || None)))
            }),
        )
        .route(
            "/breaks",
            web::get().to(async || {
                HttpResponse::Ok()
                    .streaming(stream(Some(3), || Some(Err(PayloadError::EncodingCorrupted))))
            }),
        )
        .route(
            "/panics",
            web::get().to(async || {
                HttpResponse::Ok().streaming(stream(Some(3), || panic!("in the body")))
            }),
        )
        .route("/empty", web::route().to(async || HttpResponse::Ok().finish()))
        .route("/none", web::get().to(async || HttpResponse::NoContent().finish()))
        .route("/unchanged", web::get().to(async || HttpResponse::NotModified().finish()))
        .route("/none-with-body", web::get().to(async || HttpResponse::NoContent().body("text")))
        .route("/text", web::head().to(async || "text"))
        .route("/text", web::get().to(async || "text"))
        .route("/upload", web::post().to(async |body: Bytes| body.len().to_string()))
        .route("/ignores-upload", web::post().to(async |_: Payload| "ignored"));
}

#[test]
fn bodies_end_the_span_and_are_counted() {
    let chunked = "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    // request, status, size of the request's and of the response's body, error.type
    let cases = [
        ("GET /three HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(15), None),
        ("GET /sized HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(10), None),
        ("GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(15), Some("response_body")),
        ("GET /panics HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(15), Some("panic")),
        ("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(0), None),
        ("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 204, None, Some(0), None),
        ("GET /unchanged HTTP/1.1\r\nHost: a\r\n\r\n", 304, None, Some(0), None),
        ("GET /text HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(4), None),
        ("HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, None, None),
        (
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
            200,
            Some(5),
            Some(1),
            None,
        ),
        (chunked, 200, Some(7), Some(1), None),
        ("POST /upload HTTP/1.1\r\nHost: a\r\n\r\n", 200, None, Some(1), None),
        (
            "POST /ignores-upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
            200,
            Some(5),
            Some(7),
            None,
        ),
    ];
    for (request, status, received, sent, error_type) in cases {
        let service = Service::start_app(streaming, |middleware| middleware);
        let mut connection = service.connect();
        connection.write(request.as_bytes());
        if error_type.is_some() {
            // What breaks before it was written is not written at all.
            connection.rest();
        } else {
            assert_eq!(connection.answer(true).status, status, "{request}");
        }
        let spans = service.stop();
        let (span, attributes) = (one(&spans), one(&spans).attributes());
        assert_eq!(attributes["http.response.status_code"], status, "{request}");
        let size = |key: &str| attributes.get(key).and_then(Value::as_i64);
        assert_eq!(size("http.request.body.size"), received, "{request}");
        assert_eq!(size("http.response.body.size"), sent, "{request}");
        assert_eq!(attributes.get("error.type").and_then(Value::as_str), error_type, "{request}");
        assert_eq!(is_error(span), error_type.is_some(), "{request}");
    }
}

#[test]
fn a_body_where_none_may_be_ends_the_span_all_the_same() {
    for request in [
        "GET /none-with-body HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /three HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let service = Service::start_app(streaming, |middleware| middleware);
        let mut connection = service.connect();
        connection.write(request.as_bytes());
        connection.answer(true);
        let spans = service.stop();
        assert!(!is_error(one(&spans)), "{request}");
    }
}

#[test]
fn the_stream_of_an_answer_to_head_is_not_polled() {
    fn routes(config: &mut ServiceConfig) {
        config.route(
            "/endless",
            web::head().to(async || HttpResponse::Ok().streaming(stream(None, || None))),
        );
    }
    let service = Service::start_app(routes, |middleware| middleware);
    let mut connection = service.connect();
    assert_eq!(connection.request("HEAD", "/endless", &[], b"").status, 200);
    let spans = service.stop();
    assert!(!is_error(one(&spans)));
}

#[test]
fn what_a_program_says_of_its_errors_may_panic() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be told")
        }
    }
    impl ResponseError for Unspeakable {
        fn error_response(&self) -> HttpResponse {
            HttpResponse::InternalServerError().finish()
        }
    }
    fn routes(config: &mut ServiceConfig) {
        config.route("/", web::get().to(async || Err::<&str, _>(Unspeakable)));
    }
    let settings = |middleware: Middleware| {
        middleware
            .classify_errors(|_| panic!("in the classification"))
            .on_end(|_| panic!("in the hook"))
    };
    let service = Service::start_app(routes, settings);
    assert_eq!(service.get("/").status, 500);
    let spans = service.stop();
    assert!(is_error(one(&spans)));
    assert_eq!(one(&spans).attributes()["error.type"], "500");
}

#[test]
fn pipelined_requests_have_a_span_each() {
    let service = Service::start_app(streaming, |middleware| middleware);
    let mut connection = service.connect();
    connection.write("GET /text HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30).as_bytes());
    let mut ids: Vec<_> = (0..30).map(|_| connection.answer(false).traceresponse().1).collect();
    let mut spans: Vec<_> = service.stop().iter().map(Received::span_id).collect();
    ids.sort();
    spans.sort();
    assert_eq!(ids, spans);
}

#[test]
fn what_is_dropped_at_a_forced_end_says_so_and_arrives() {
    let receiver = Receiver::start();
    let mut process = Process::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("SHUTDOWN_TIMEOUT_SECONDS", "2"),
    ]);
    let mut connection = Connection::open(process.address);
    connection.write(b"POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(connection.answer(true).status, 100);
    process.signal(rustix::process::Signal::TERM);
    process.wait_for_line("requests are cut off");
    let finished = process.wait();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    let spans = receiver.spans();
    assert_eq!(one(&spans).attributes()["error.type"], "shutdown", "{}", finished.stderr);
}

#[test]
fn a_panic_has_its_place_on_the_span_where_the_program_remembers_it() {
    remember_panics();
    let service = Service::start_app(panicking, |middleware| middleware);
    service.get("/early");
    let spans = service.stop();
    let exception = exception(one(&spans));
    let stacktrace = exception["exception.stacktrace"].as_str().unwrap();
    let mut lines = stacktrace.lines();
    assert_eq!(lines.next(), Some("MARKER early"));
    assert!(lines.next().unwrap().starts_with("tests/suite/ends.rs:"), "{stacktrace}");
}

/// An iterator as a stream.
struct Iterated<I>(I);
impl<I: Iterator + Unpin> futures_core::Stream for Iterated<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

fn elsewhere(config: &mut ServiceConfig) {
    async fn handler(tracer: Data<SdkTracer>, span: ServerSpan) -> impl Responder {
        // Whatever is active: it is the SERVER span that is meant.
        in_span(tracer.get_ref(), "inside", |_| span.span().add_event("said", vec![]));
        span.set_attribute(KeyValue::new("app.said", "by the handler"));
        let (spawned, blocking, streamed) = (tracer.clone(), tracer.clone(), tracer.clone());
        rt::spawn(carry_async(async move { in_span(spawned.get_ref(), "spawned", |_| ()) }))
            .await
            .map_err(ErrorInternalServerError)?;
        web::block(carry(move || in_span(blocking.get_ref(), "blocking", |_| ()))).await?;
        let mut left = 1;
        let stream = std::iter::from_fn(move || {
            (left > 0).then(|| {
                left -= 1;
                in_span(streamed.get_ref(), "streamed", |_| ());
                Ok::<_, actix_web::Error>(Bytes::from_static(b"x"))
            })
        });
        Ok::<_, actix_web::Error>(HttpResponse::Ok().streaming(carry_async(Iterated(stream))))
    }
    config.route("/elsewhere", web::get().to(handler));
}

#[test]
fn work_that_goes_on_elsewhere_stays_in_the_trace() {
    let service = Service::start_app(elsewhere, |middleware| middleware);
    let mut connection = service.connect();
    connection.write(b"GET /elsewhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    connection.rest();
    let spans = service.stop();
    let server = spans.iter().find(|span| span.span.kind == SpanKind::Server as i32).unwrap();
    assert_eq!(server.attributes()["app.said"], "by the handler");
    let mut children: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id() == server.span_id())
        .map(Received::name)
        .collect();
    children.sort_unstable();
    assert_eq!(children, ["blocking", "inside", "spawned", "streamed"]);
    assert_eq!(server.span.events.len(), 1);
}

#[test]
fn what_is_excluded_opens_no_spans_of_its_own() {
    fn routes(config: &mut ServiceConfig) {
        elsewhere(config);
        // Not carried: the body alone knows in which context it is.
        config.route(
            "/bare",
            web::get().to(async |tracer: Data<SdkTracer>| {
                let chunks = std::iter::once_with(move || {
                    in_span(tracer.get_ref(), "in the body", |_| ());
                    Ok::<_, actix_web::Error>(Bytes::from_static(b"x"))
                });
                HttpResponse::Ok().streaming(Iterated(chunks))
            }),
        );
    }
    for path in ["/elsewhere", "/bare"] {
        for (excluded, spans) in [(path, 0), ("/other", if path == "/bare" { 2 } else { 5 })] {
            let service =
                Service::start_app(routes, move |middleware| middleware.exclude(excluded));
            let mut connection = service.connect();
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            connection.write(request.as_bytes());
            connection.rest();
            assert_eq!(service.stop().len(), spans, "{path}, excluded {excluded}");
        }
    }
}

#[test]
fn the_hook_is_told_each_end() {
    let (sender, ends) = channel();
    let service = Service::start_app(failing, move |middleware: Middleware| {
        let sender = sender.clone();
        middleware.on_end(move |ended| {
            let ended = (
                ended.method.clone().into_owned(),
                ended.route.map(str::to_owned),
                ended.status.map(|status| status.as_u16()),
                ended.error_type.map(str::to_owned),
                ended.trace_id.to_string(),
            );
            sender.send(ended).unwrap();
        })
    });
    let mut expected = Vec::new();
    for (method, path, route, status, class) in [
        ("GET", "/said", Some("/said"), 502, Some("502")),
        ("BREW", "/said", Some("/said"), 404, None),
        ("GET", "/nowhere", None, 404, None),
    ] {
        let answer = service.request(method, path, &[], b"");
        let method = if method == "BREW" { "_OTHER" } else { method };
        expected.push((
            method.to_owned(),
            route.map(str::to_owned),
            Some(status),
            class.map(str::to_owned),
            answer.traceresponse().0,
        ));
    }
    service.stop();
    assert_eq!(ends.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_middleware_works_around_a_scope_or_a_resource_too() {
    // Wrapped inside of an app, it traces what is inside, and the route is whole.
    let (sender, ends) = channel();
    let routes = move |config: &mut ServiceConfig| {
        let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
        let sender = sender.clone();
        let inner = Middleware::new(&provider)
            .on_end(move |ended| sender.send(ended.route.map(str::to_owned)).unwrap());
        config.service(
            web::scope("/scope")
                .service(
                    web::resource("/{id}").wrap(inner.clone()).route(web::get().to(async || "in")),
                )
                .route("/out/side", web::get().to(async || "out")),
        );
        config
            .service(web::scope("/all").wrap(inner).route("/{id}/x", web::get().to(async || "in")));
    };
    let service = Service::start_app(routes, |middleware| middleware.exclude(""));
    for path in ["/scope/1", "/scope/out/side", "/all/2/x", "/all/nothing"] {
        service.get(path);
    }
    service.stop();
    let routes: Vec<_> = ends.try_iter().collect();
    assert_eq!(routes, [Some("/scope/{id}".to_owned()), Some("/all/{id}/x".to_owned()), None]);
}
