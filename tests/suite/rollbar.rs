//! Reports of failures: what becomes an item, what it says, and that nobody waits for Rollbar.

use std::time::{Duration, Instant};

use actix_web::body::SizedStream;
use actix_web::error::{ErrorServiceUnavailable, PayloadError};
use actix_web::http::StatusCode as HttpStatus;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpResponse, ResponseError, rt};
use backend_actix::report::{Reports, Rollbar};
use backend_actix::server_span::Middleware;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::receiver::{Received, Receiver};
use crate::support::remember_panics;
use crate::support::rollbar::{FakeRollbar, Reply, TOKEN};
use crate::support::scripted::{CLOSE, Scripted, header};
use crate::support::service::Service;

/// The attribute by which a span names its item.
const ITEM_UUID: &str = "app.rollbar.item_uuid";

/// An error that has a class.
#[derive(Debug)]
struct OutOfTea(u32);

impl std::fmt::Display for OutOfTea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no tea for guest {}", self.0)
    }
}

impl ResponseError for OutOfTea {
    fn status_code(&self) -> HttpStatus {
        HttpStatus::INSUFFICIENT_STORAGE
    }
}

/// A body that panics when it is made.
struct Panics;

impl futures_core::Stream for Panics {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        panic!("no body")
    }
}

async fn panics(id: web::Path<u32>) -> &'static str {
    rt::task::yield_now().await;
    panic!("guest {id} is not there")
}

fn failing(config: &mut ServiceConfig) {
    config
        .route("/fine", web::get().to(async || "fine"))
        .route("/mistake", web::get().to(async || HttpResponse::NotFound().finish()))
        .route("/panic/{id}", web::get().to(panics))
        .route("/panic/{id}", web::post().to(panics))
        .route("/crash/{id}", web::get().to(panics))
        .route("/busy", web::get().to(async || Err::<&str, _>(ErrorServiceUnavailable("later"))))
        .route("/tea/{id}", web::get().to(async |id: web::Path<u32>| Err::<&str, _>(OutOfTea(*id))))
        .route("/bare", web::get().to(async || HttpResponse::BadGateway().finish()))
        .route(
            "/body",
            web::get().to(async || HttpResponse::Ok().body(SizedStream::new(9, Panics))),
        )
        .route("/upload", web::post().to(async |body: Bytes| body));
}

/// A service whose failures are reported.
fn service(rollbar: &Rollbar) -> Service {
    service_with(rollbar, |middleware| middleware)
}

fn service_with(
    rollbar: &Rollbar,
    settings: impl Fn(Middleware) -> Middleware + Clone + Send + 'static,
) -> Service {
    remember_panics();
    let rollbar = rollbar.clone();
    Service::start_app(failing, move |middleware| {
        let rollbar = rollbar.clone();
        settings(middleware)
            .on_failure(move |failure| rollbar.report(failure))
            .classify_errors(|error| error.as_error::<OutOfTea>().map(|_| "out_of_tea"))
    })
}

/// The service itself, which reports to `fake`, with these variables besides.
fn cruddur(fake: &FakeRollbar, vars: &[(&str, &str)]) -> Service {
    let endpoint = fake.endpoint();
    let needed = [("ROLLBAR_ACCESS_TOKEN", TOKEN), ("ROLLBAR_ENDPOINT", &endpoint)];
    Service::start_with(&[&needed, vars].concat())
}

/// Waits until all is sent.
fn shut_down(rollbar: &Rollbar) -> Reports {
    rollbar.shutdown(Instant::now() + Duration::from_secs(30))
}

fn counts(reports: &Reports) -> [u64; 4] {
    let Reports { reported, failed, dropped, suppressed, .. } = reports;
    [*reported, *failed, *dropped, *suppressed]
}

/// The SERVER spans that name an item, with its uuid.
fn named(spans: &[Received]) -> Vec<(&Received, Value)> {
    spans.iter().filter_map(|span| Some((span, span.attributes().remove(ITEM_UUID)?))).collect()
}

fn exception(item: &Value) -> &Value {
    &item["body"]["trace_chain"][0]["exception"]
}

#[test]
fn a_panic_becomes_an_item_that_names_its_trace_and_is_named_by_it() {
    let fake = FakeRollbar::start();
    let rollbar = fake.client_with(|config| {
        config.environment = "tests".to_owned();
        config.code_version = Some("1.2.3".to_owned());
        config.root = Some(env!("CARGO_MANIFEST_DIR").to_owned());
    });
    let service = service(&rollbar);
    let answer = service.request("GET", "/panic/7?a=b%20c&sig=1", &[("x-kept", "yes")], b"");
    assert_eq!(answer.status, 500);
    let spans = service.stop();
    assert_eq!(counts(&shut_down(&rollbar)), [1, 0, 0, 0]);

    let items = fake.items();
    let [item] = &items[..] else { panic!("one item: {items:#?}") };
    let [(span, uuid)] = &named(&spans)[..] else { panic!("one span: {spans:#?}") };
    assert_eq!(item["uuid"], *uuid);
    let custom = json!({ "trace_id": span.trace_id(), "span_id": span.span_id() });
    assert_eq!(item["custom"], custom);
    assert_eq!(answer.traceresponse(), (span.trace_id(), span.span_id()));

    assert_eq!(item["level"], "error");
    assert_eq!((&item["environment"], &item["code_version"]), (&json!("tests"), &json!("1.2.3")));
    assert_eq!((&item["platform"], &item["context"]), (&json!("linux"), &json!("/panic/{id}")));
    assert_eq!(*exception(item), json!({ "class": "panic", "message": "guest 7 is not there" }));
    assert_eq!(
        item["notifier"],
        json!({ "name": "backend-actix", "version": env!("CARGO_PKG_VERSION") })
    );
    assert_eq!(item["server"]["pid"], json!(std::process::id()));
    assert_eq!(item["server"]["root"], env!("CARGO_MANIFEST_DIR"));
    assert_eq!(
        item["request"],
        json!({
            "url": "http://localhost:4567/panic/7?a=b%20c&sig=REDACTED",
            "method": "GET",
            "headers": { "host": "localhost:4567", "x-kept": "yes" },
            "GET": { "a": "b c", "sig": "REDACTED" },
            "user_ip": "127.0.0.1",
        })
    );
    // The most recent call is the last, and it is where the panic was.
    let frames = item["body"]["trace_chain"][0]["frames"].as_array().unwrap();
    let last = frames.last().unwrap();
    assert!(last["filename"].as_str().unwrap().ends_with("tests/suite/rollbar.rs"), "{last}");
    assert!(last["lineno"].is_u64(), "{last}");
    assert!(frames.len() > 1, "the calls that led there: {frames:#?}");
    let is_of_handler =
        |frame: &Value| frame["method"].as_str().is_some_and(|it| it.contains("panics"));
    assert!(frames.iter().any(is_of_handler), "{frames:#?}");
    // Rollbar's own requests are in no trace.
    assert!(!fake.has_seen_a_trace());
    assert_eq!(spans.len(), 1);
}

#[test]
fn what_ends_as_a_5xx_or_a_panic_is_reported_and_nothing_else() {
    let exceptions = [
        ("/fine", 200, None),
        ("/mistake", 404, None),
        ("/nowhere", 404, None),
        ("/busy", 503, Some(json!({ "class": "503", "message": "later" }))),
        ("/tea/3", 507, Some(json!({ "class": "out_of_tea", "message": "no tea for guest 3" }))),
        ("/bare", 502, Some(json!({ "class": "502", "message": "502 Bad Gateway" }))),
    ];
    for (path, status, expected) in exceptions {
        let fake = FakeRollbar::start();
        let rollbar = fake.client();
        let service = service(&rollbar);
        assert_eq!(service.get(path).status, status, "{path}");
        let spans = service.stop();
        shut_down(&rollbar);
        let items = fake.items();
        let found: Vec<_> = items.iter().map(exception).collect();
        assert_eq!(found, Vec::from_iter(&expected), "{path}");
        assert_eq!(named(&spans).len(), items.len(), "{path}");
    }
}

#[test]
fn a_body_that_panics_is_reported_once_and_a_client_that_leaves_is_not() {
    let fake = FakeRollbar::start();
    let rollbar = fake.client();
    let service = service(&rollbar);
    let mut connection = service.connect();
    connection.write(b"GET /body HTTP/1.1\r\nhost: a\r\n\r\n");
    connection.rest();
    let mut connection = service.connect();
    connection.write(b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nbroken");
    connection.half_close();
    connection.rest();
    let spans = service.stop();
    assert_eq!(counts(&shut_down(&rollbar)), [1, 0, 0, 0]);
    let items = fake.items();
    assert_eq!(*exception(&items[0]), json!({ "class": "panic", "message": "no body" }));
    assert_eq!(spans.len(), 2);
    let [(span, _)] = &named(&spans)[..] else { panic!("{spans:#?}") };
    assert_eq!(span.name(), "GET /body");
}

#[test]
fn under_load_each_is_answered_and_a_fault_has_one_item_and_a_count() {
    const CLIENTS: u32 = 200;
    let fake = FakeRollbar::start();
    let rollbar = fake.client();
    let service = service(&rollbar);
    std::thread::scope(|scope| {
        for id in 0..CLIENTS {
            let service = &service;
            scope.spawn(move || {
                // Two faults, by their routes, though each says something else.
                let route = if id % 2 == 0 { "panic" } else { "crash" };
                let answer = service.get(&format!("/{route}/{id}"));
                assert_eq!(answer.status, 500);
                assert_eq!(answer.json()["error"]["trace_id"], json!(answer.traceresponse().0));
            });
        }
    });
    assert_eq!(service.get("/fine").text(), "fine");
    let spans = service.stop();
    let reports = shut_down(&rollbar);
    assert_eq!(counts(&reports), [2, 0, 0, u64::from(CLIENTS) - 2]);
    assert_eq!(
        reports.to_string().split(": ").last(),
        Some("2 items reported, 0 failed, 0 dropped, 198 suppressed")
    );
    let fingerprints: Vec<_> = fake.items().iter().map(|it| it["fingerprint"].clone()).collect();
    assert_ne!(fingerprints[0], fingerprints[1]);
    for fingerprint in fingerprints {
        let fingerprint = fingerprint.as_str().unwrap().to_owned();
        assert!(fingerprint.contains("/{id} tests/suite/rollbar.rs:"), "{fingerprint}");
    }
    assert_eq!(spans.len(), CLIENTS as usize + 1);
    assert_eq!(named(&spans).len(), 2);
}

#[test]
fn no_secret_of_a_request_is_in_an_item() {
    let fake = FakeRollbar::start();
    let rollbar = fake.client();
    let service = service_with(&rollbar, |middleware| middleware.redact_query_keys(["plan"]));
    let headers = [
        ("authorization", "Bearer MARKER"),
        ("proxy-authorization", "Basic MARKER"),
        ("cookie", "a=MARKER; b=MARKER"),
        ("x-api-key", "MARKER"),
        ("x-auth-token", "MARKER"),
        ("x-csrf-token", "MARKER"),
        ("x-client-secret", "MARKER"),
        ("x-honeycomb-team", "MARKER"),
        ("x-forwarded-client-cert", "MARKER"),
        ("referer", "http://a.example/?access_token=MARKER&page=1"),
        ("x-original-url", "/a?Password=MARKER"),
        ("x-kept", "seen"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let query = "password=MARKER&pw=MARKER&Secret=MARKER&access_token=MARKER&apiKey=MARKER&%61uth=MARKER\
                 &sig=MARKER&plan=MARKER&X-Amz-Signature=MARKER&session_id=MARKER&term=seen";
    let target = format!("/panic/1?{query}");
    let answer = service.request("POST", &target, &headers, b"password=MARKER&text=MARKER");
    assert_eq!(answer.status, 500);
    drop(service.stop());
    assert_eq!(counts(&shut_down(&rollbar)), [1, 0, 0, 0]);
    let items = fake.items();
    let text = items[0].to_string();
    assert!(!text.contains("MARKER"), "{:#}", items[0]);
    assert!(!text.contains(TOKEN), "{:#}", items[0]);
    let request = &items[0]["request"];
    assert_eq!(request["headers"]["x-kept"], "seen");
    assert_eq!(request["headers"]["referer"], "http://a.example/?access_token=REDACTED&page=1");
    assert_eq!(
        (&request["GET"]["term"], &request["GET"]["plan"]),
        (&json!("seen"), &json!("REDACTED"))
    );
    assert!(!format!("{rollbar:?}").contains(TOKEN));
}

#[test]
fn what_rollbar_answers_is_counted_and_told() {
    for (what, script, expected, told, posts) in [
        ("200", &[][..], [1, 0, 0, 0], "", 1),
        ("401", &[Reply::Status(401)], [0, 1, 0, 0], "set ROLLBAR_ACCESS_TOKEN to a project", 1),
        ("403", &[Reply::Status(403)], [0, 1, 0, 0], "set ROLLBAR_ACCESS_TOKEN to a project", 1),
        ("404", &[Reply::Status(404)], [0, 1, 0, 0], "check ROLLBAR_ENDPOINT", 1),
        ("500", &[Reply::Status(500)], [0, 1, 0, 0], "500 Internal Server Error", 1),
        ("413", &[Reply::Status(413)], [1, 0, 0, 0], "", 2),
        ("413 again", &[Reply::Status(413), Reply::Status(413)], [0, 1, 0, 0], "too large", 2),
        ("429", &[Reply::Limited(60)], [0, 0, 1, 0], "nothing is sent for 60 s", 1),
    ] {
        let fake = FakeRollbar::start_with(script);
        let rollbar = fake.client();
        let service = service(&rollbar);
        assert_eq!(service.get("/busy").status, 503, "{what}");
        drop(service.stop());
        let reports = shut_down(&rollbar);
        assert_eq!(counts(&reports), expected, "{what}");
        assert_eq!(fake.posted().len(), posts, "{what}");
        let error = reports.last_error.map(|error| error.message).unwrap_or_default();
        assert!(error.contains(told) && error.is_empty() == told.is_empty(), "{what}: {error}");
        assert!(!error.contains(TOKEN), "{what}: {error}");
    }
}

#[test]
fn an_item_that_is_too_large_is_sent_again_without_its_bulk() {
    let fake = FakeRollbar::start_with(&[Reply::Status(413)]);
    let rollbar = fake.client();
    let service = service(&rollbar);
    let long = "y".repeat(6000);
    assert_eq!(service.request("GET", "/panic/1", &[("x-long", &long)], b"").status, 500);
    let spans = service.stop();
    assert_eq!(counts(&shut_down(&rollbar)), [1, 0, 0, 0]);
    let posted = fake.posted();
    let [whole, failsafe] = &posted[..] else { panic!("two: {posted:#?}") };
    assert_eq!(whole["request"]["headers"]["x-long"].as_str().unwrap().len(), 1024);
    assert!(failsafe["request"].is_null(), "{failsafe:#}");
    assert!(failsafe.to_string().len() < 2000, "{failsafe:#}");
    assert_eq!(failsafe["custom"]["failsafe"], "the item was too large for Rollbar");
    for field in ["uuid", "fingerprint", "context", "level", "timestamp"] {
        assert_eq!(whole[field], failsafe[field], "{field}");
    }
    assert_eq!(failsafe["custom"]["trace_id"], whole["custom"]["trace_id"]);
    assert_eq!(exception(failsafe), exception(whole));
    let frames =
        |item: &Value| item["body"]["trace_chain"][0]["frames"].as_array().unwrap().clone();
    assert_eq!(frames(failsafe)[..], frames(whole)[frames(whole).len() - 1..]);
    assert_eq!(named(&spans)[0].1, failsafe["uuid"]);
}

#[test]
fn while_the_rate_limit_is_reached_nothing_is_sent_and_no_span_names_an_item() {
    let fake = FakeRollbar::start_with(&[Reply::Limited(3600)]);
    let rollbar = fake.client();
    let service = service(&rollbar);
    assert_eq!(service.get("/busy").status, 503);
    fake.wait_for(1);
    // Until the answer has come back, too.
    while rollbar.reports().dropped == 0 {
        std::thread::yield_now();
    }
    for path in ["/bare", "/tea/1", "/panic/1"] {
        assert!(service.get(path).status >= 500, "{path}");
    }
    let spans = service.stop();
    assert_eq!(counts(&shut_down(&rollbar)), [0, 0, 4, 0]);
    assert_eq!(fake.posted().len(), 1);
    let [(span, _)] = &named(&spans)[..] else { panic!("{spans:#?}") };
    assert_eq!(span.name(), "GET /busy");
}

#[test]
fn when_the_rate_limit_is_reset_items_are_sent_again() {
    let fake = FakeRollbar::start_with(&[Reply::Limited(0)]);
    let rollbar = fake.client();
    let service = service(&rollbar);
    assert_eq!(service.get("/busy").status, 503);
    assert_eq!(service.get("/bare").status, 502);
    drop(service.stop());
    assert_eq!(counts(&shut_down(&rollbar)), [1, 0, 1, 0]);
}

#[test]
fn a_broken_connection_is_tried_once_more() {
    for (script, expected) in
        [(&[CLOSE, "200 OK"][..], [1, 0, 0, 0]), (&[CLOSE, CLOSE, "200 OK"], [0, 1, 0, 0])]
    {
        let server = Scripted::start(script);
        let fake = FakeRollbar::start();
        let rollbar = fake.client_with(|config| config.endpoint = server.url("").parse().unwrap());
        let service = service(&rollbar);
        assert_eq!(service.get("/busy").status, 503);
        drop(service.stop());
        let reports = shut_down(&rollbar);
        assert_eq!(counts(&reports), expected);
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        let body = |asked: &str| asked.split_once("\r\n\r\n").unwrap().1.to_owned();
        // The same uuid: if both have arrived, Rollbar takes one.
        assert_eq!(body(&asked[0]), body(&asked[1]));
        for asked in &asked {
            assert_eq!(header(asked, "x-rollbar-access-token"), [TOKEN]);
            assert!(header(asked, "traceparent").is_empty());
        }
        if expected[1] == 1 {
            let error = reports.last_error.unwrap().message;
            assert!(error.contains(&server.address.to_string()), "{error}");
        }
    }
}

#[test]
fn nobody_waits_for_a_rollbar_that_hangs() {
    const FAULTS: u64 = 140;
    let fake = FakeRollbar::start_with(&[Reply::Hang]);
    let rollbar = fake.client();
    let reporter = rollbar.clone();
    let service = Service::start_app(
        |config| {
            for fault in 0..FAULTS {
                let busy = async || Err::<&str, _>(ErrorServiceUnavailable("later"));
                config.route(&format!("/{fault}"), web::get().to(busy));
            }
        },
        move |middleware| {
            let rollbar = reporter.clone();
            middleware.on_failure(move |failure| rollbar.report(failure))
        },
    );
    // More than the queue takes; a client that waited would wait for ever.
    for fault in 0..FAULTS {
        assert_eq!(service.get(&format!("/{fault}")).status, 503);
    }
    let reports = rollbar.reports();
    assert_eq!((counts(&reports), reports.queued), ([0, 0, FAULTS - 128, 0], 128));
    assert!(reports.last_error.unwrap().message.contains("the queue is full"));
    let spans = service.stop();
    assert_eq!(named(&spans).len(), 128);
    let started = Instant::now();
    let reports = rollbar.shutdown(started + Duration::from_millis(200));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(counts(&reports), [0, 0, FAULTS, 0]);
}

/// The spans of `GET /rollbar/test` by their kinds: SERVER, INTERNAL, CLIENT.
fn by_kind(spans: &[Received]) -> [Option<&Received>; 3] {
    [SpanKind::Server, SpanKind::Internal, SpanKind::Client]
        .map(|kind| spans.iter().find(|span| span.span.kind == kind as i32))
}

#[test]
fn the_test_route_sends_a_message_within_its_trace() {
    let fake = FakeRollbar::start();
    let service = cruddur(&fake, &[("ROLLBAR_ENVIRONMENT", "tests"), ("CODE_VERSION", "1.2.3")]);
    let caller = [("baggage", "secret=MARKER"), ("user-agent", "tests/1")];
    let answer = service.request("GET", "/rollbar/test?token=MARKER", &caller, b"");
    assert_eq!((answer.status, answer.text()), (200, "Hello World!"));
    let health = service.get("/health").json();
    let spans = service.stop();

    let items = fake.items();
    let [item] = &items[..] else { panic!("one item: {items:#?}") };
    assert_eq!(item["body"], json!({ "message": { "body": "Hello World!" } }));
    assert_eq!((&item["level"], &item["context"]), (&json!("warning"), &json!("/rollbar/test")));
    assert_eq!((&item["environment"], &item["code_version"]), (&json!("tests"), &json!("1.2.3")));
    assert_eq!(item["request"]["url"], "http://localhost:4567/rollbar/test?token=REDACTED");
    assert_eq!(item["request"]["headers"]["user-agent"], "tests/1");

    assert_eq!(spans.len(), 3);
    let [Some(server), Some(internal), Some(client)] = by_kind(&spans) else {
        panic!("{spans:#?}")
    };
    assert_eq!(internal.parent_span_id(), server.span_id());
    assert_eq!(client.parent_span_id(), internal.span_id());
    let trace = server.trace_id();
    assert_eq!([internal, client].map(Received::trace_id), [trace.clone(), trace]);
    assert_eq!(server.attributes()[ITEM_UUID], item["uuid"]);
    // The message was said in the handler's own span.
    let custom = json!({ "trace_id": internal.trace_id(), "span_id": internal.span_id() });
    assert_eq!(item["custom"], custom);
    let said = client.attributes();
    assert_eq!(client.name(), "POST");
    assert_eq!(said["url.full"], json!(format!("{}/api/1/item/", fake.endpoint())));
    assert_eq!(said["http.response.status_code"], 200);
    // Rollbar is outside of the trace, and of what callers say.
    assert!(!fake.has_seen_a_trace());

    let rollbar = &health["rollbar"];
    assert_eq!(rollbar["destination"], json!(format!("rollbar {}", fake.endpoint())));
    for (count, value) in [("reported", 1), ("failed", 0), ("dropped", 0), ("suppressed", 0)] {
        assert_eq!(rollbar[count], value, "{rollbar}");
    }
    assert_eq!(rollbar["last_error"], Value::Null);
}

#[test]
fn the_span_of_the_services_own_call_follows_the_variables_of_the_others() {
    let fake = FakeRollbar::start();
    let service = cruddur(&fake, &[("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET")]);
    assert_eq!(service.get("/rollbar/test").status, 200);
    let spans = service.stop();
    let [_, _, Some(client)] = by_kind(&spans) else { panic!("{spans:#?}") };
    let said = client.attributes();
    assert_eq!((client.name(), &said["http.request.method"]), ("HTTP", &json!("_OTHER")));
    assert_eq!(said["http.request.method_original"], "POST");
}

#[test]
fn the_test_route_answers_the_same_whatever_rollbar_does() {
    let settings: [(&str, &str, Option<Reply>, Option<&str>); 5] = [
        ("refuses", TOKEN, Some(Reply::Status(500)), Some("500")),
        ("does not know us", "wrong", None, Some("401")),
        ("has had enough", TOKEN, Some(Reply::Limited(1)), Some("429")),
        ("redirects", TOKEN, Some(Reply::Status(302)), None),
        ("hangs", TOKEN, Some(Reply::Hang), Some("timeout")),
    ];
    for (what, token, reply, error_type) in settings {
        let fake = FakeRollbar::start_with(&Vec::from_iter(reply));
        let service = cruddur(&fake, &[("ROLLBAR_ACCESS_TOKEN", token)]);
        let started = Instant::now();
        let answer = service.get("/rollbar/test");
        let took = started.elapsed();
        assert_eq!((answer.status, answer.text()), (200, "Hello World!"), "{what}");
        assert!(took < Duration::from_secs(10), "{what}: {took:?}");
        let health = service.get("/health").json();
        let spans = service.stop();
        let [Some(server), _, Some(client)] = by_kind(&spans) else { panic!("{what}: {spans:#?}") };
        assert!(!server.attributes().contains_key(ITEM_UUID), "{what}");
        let found = client.attributes().remove("error.type");
        assert_eq!(found, error_type.map(|class| json!(class)), "{what}");
        let rollbar = &health["rollbar"];
        assert_eq!(rollbar["reported"], 0, "{what}: {rollbar}");
        assert!(rollbar["last_error"]["message"].is_string(), "{what}: {rollbar}");
        assert!(rollbar["last_error"]["time"].is_string(), "{what}: {rollbar}");
    }
}

#[test]
fn the_test_route_keeps_to_the_rate_limit_too() {
    let fake = FakeRollbar::start_with(&[Reply::Limited(60)]);
    let service = cruddur(&fake, &[]);
    for _ in 0..3 {
        assert_eq!(service.get("/rollbar/test").text(), "Hello World!");
    }
    assert_eq!(service.get("/health").json()["rollbar"]["dropped"], 3);
    assert_eq!(fake.posted().len(), 1);
    let clients = |span: &&Received| span.span.kind == SpanKind::Client as i32;
    assert_eq!(service.stop().iter().filter(clients).count(), 1);
}

#[test]
fn who_does_not_wait_for_the_test_route_leaves_nothing_behind() {
    let fake = FakeRollbar::start_with(&[Reply::Hang]);
    let service = cruddur(&fake, &[]);
    let mut connection = service.connect();
    connection.write(b"GET /rollbar/test HTTP/1.1\r\nhost: a\r\n\r\n");
    fake.wait_for(1);
    drop(connection);
    let health = || service.get("/health").json()["rollbar"].clone();
    assert_eq!(service.get("/rollbar/test").text(), "Hello World!");
    let rollbar = health();
    assert_eq!((&rollbar["reported"], &rollbar["queued"]), (&json!(1), &json!(0)), "{rollbar}");
    let spans = service.stop();
    // A cancellation is no error of the call; that the client left is told by the SERVER span.
    let mut clients = spans.iter().filter(|span| span.span.kind == SpanKind::Client as i32);
    assert!(clients.all(|span| !span.attributes().contains_key("error.type")), "{spans:#?}");
    let left = |span: &Received| {
        span.attributes().get("error.type") == Some(&json!("client_disconnected"))
    };
    assert_eq!(spans.iter().filter(|span| left(span)).count(), 1, "{spans:#?}");
}

#[test]
fn without_a_token_the_test_route_answers_the_same_and_the_log_says_so() {
    let fake = FakeRollbar::start();
    let process = Process::start(&[("ROLLBAR_ENDPOINT", &fake.endpoint())]);
    let answer = Connection::open(process.address).request("GET", "/rollbar/test", &[], b"");
    assert_eq!((answer.status, answer.text()), (200, "Hello World!"));
    let health = Connection::open(process.address).request("GET", "/health", &[], b"");
    assert_eq!(health.json()["rollbar"], Value::Null);
    let finished = process.terminate();
    assert_eq!(fake.posted().len(), 0);
    let says = |part: &str| finished.stderr.matches(part).count();
    assert_eq!(
        says("failures are not reported: ROLLBAR_ACCESS_TOKEN is not set"),
        1,
        "{}",
        finished.stderr
    );
    assert_eq!(says("no message is sent to Rollbar"), 1, "{}", finished.stderr);
    assert_eq!(says("items reported"), 0, "{}", finished.stderr);
}

#[test]
fn the_process_says_where_it_reports_to_and_at_the_end_what_became_of_it() {
    for (token, last, warning) in [
        (TOKEN, "1 items reported, 0 failed, 0 dropped, 0 suppressed", false),
        ("MARKER", "0 items reported, 1 failed, 0 dropped, 0 suppressed", true),
    ] {
        let fake = FakeRollbar::start();
        let process = Process::start(&[
            ("ROLLBAR_ACCESS_TOKEN", token),
            ("ROLLBAR_ENDPOINT", &fake.endpoint()),
        ]);
        Connection::open(process.address).request("GET", "/rollbar/test", &[], b"");
        let finished = process.terminate();
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        let destination = format!("rollbar {}", fake.endpoint());
        let says = |part: &str| finished.stderr.matches(part).count();
        assert_eq!(
            says(&format!("failures are reported to {destination}")),
            1,
            "{}",
            finished.stderr
        );
        assert_eq!(says(&format!("{destination}: {last}")), 1, "{}", finished.stderr);
        let lines = finished.stderr.lines().filter(|line| line.contains("ROLLBAR_ACCESS_TOKEN"));
        assert_eq!(lines.count(), usize::from(warning), "{}", finished.stderr);
        for secret in [TOKEN, "MARKER"] {
            assert_eq!(says(secret), 0, "{}", finished.stderr);
            assert!(!finished.stdout.contains(secret), "{}", finished.stdout);
        }
    }
}

#[test]
fn at_the_end_rollbar_has_the_time_of_the_exporters_and_not_more() {
    let fake = FakeRollbar::start_with(&[Reply::Hang]);
    let receiver = Receiver::start_slow(Duration::from_millis(500));
    let process = Process::start(&[
        ("ROLLBAR_ACCESS_TOKEN", TOKEN),
        ("ROLLBAR_ENDPOINT", &fake.endpoint()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ("SHUTDOWN_TIMEOUT_SECONDS", "4"),
    ]);
    let mut connection = Connection::open(process.address);
    connection.write(b"GET /rollbar/test HTTP/1.1\r\nhost: a\r\n\r\n");
    fake.wait_for(1);
    let signalled = Instant::now();
    let finished = process.terminate();
    let took = signalled.elapsed();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(took < Duration::from_secs(10), "{took:?}: {}", finished.stderr);
    assert_eq!(receiver.spans().len(), 3, "{}", finished.stderr);
    assert!(finished.stderr.contains("0 items reported, 1 failed"), "{}", finished.stderr);
}
