//! The CLIENT span, case by case: a real server at the other end, spans as a receiver decoded them.
//!
//! What a span is expected to say is attributes by key (`null`: it has none of that key), besides
//! `name` and `error` (is the status Error?).

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web::{self, Data, ServiceConfig};
use backend_actix::child_span::in_span_async;
use backend_actix::http_client::{Client, Error, RequestBuilder};
use backend_actix::propagation::Kind;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_sdk::trace::SdkTracer;
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Body, ClientBuilder, Method, Response};
use rustix::net::{self, AddressFamily, SocketType};
use serde_json::{Value, json};

use crate::support::caller::Caller;
use crate::support::process::Process;
use crate::support::receiver::{Received, Receiver};
use crate::support::scripted::{CLOSE, NOTHING, Scripted, UNFINISHED, header};
use crate::support::service::Service;

/// All that a case may ask for.
fn says(span: &Received) -> serde_json::Map<String, Value> {
    let status = span.span.status.clone().unwrap_or_default();
    assert_eq!(status.message, "", "a description would only repeat the attributes");
    let mut said: serde_json::Map<_, _> = span.attributes().into_iter().collect();
    said.insert("name".to_owned(), json!(span.name()));
    said.insert("error".to_owned(), json!(status.code == StatusCode::Error as i32));
    said
}

fn check(what: &str, spans: &[Received], expected: &[Value]) {
    assert_eq!(spans.len(), expected.len(), "{what}: {spans:#?}");
    for (index, (span, expected)) in spans.iter().zip(expected).enumerate() {
        let said = says(span);
        for (key, value) in expected.as_object().unwrap() {
            let found = said.get(key).unwrap_or(&Value::Null);
            assert_eq!(found, value, "{what}: {key} of attempt {index}");
        }
    }
}

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

fn status(result: Result<Response, Error>) -> u16 {
    result.unwrap().status().as_u16()
}

#[test]
fn a_span_says_what_was_asked_and_answered() {
    let server = Scripted::start(&["204 No Content"]);
    let caller = Caller::start(|client| client);
    let (client, url) = (&caller.client, server.url("/a?b=c#d"));
    caller.block_on(in_span_async(&caller.tracer, "parent", async |_| {
        assert_eq!(status(client.get(&url).send().await), 204);
    }));
    let spans = caller.stop();
    let [parent, span] = &spans[..] else { panic!("two spans: {spans:#?}") };
    assert_eq!(span.parent_span_id(), parent.span_id());
    assert_eq!(span.trace_id(), parent.trace_id());
    assert_eq!(span.span.kind, SpanKind::Client as i32);
    assert_eq!(span.scope_name, env!("CARGO_PKG_NAME"));
    assert_eq!(span.schema_url, opentelemetry_semantic_conventions::SCHEMA_URL);
    assert_eq!(
        json!(says(span)),
        json!({
            "name": "GET",
            "error": false,
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "server.port": server.address.port(),
            "url.full": server.url("/a?b=c"),
            "http.response.status_code": 204,
            "network.peer.address": "127.0.0.1",
            "network.peer.port": server.address.port(),
            "network.protocol.version": "1.1",
        })
    );
    let [asked] = &server.asked()[..] else { panic!("asked once") };
    let traceparent = format!("00-{}-{}-03", span.trace_id(), span.span_id());
    assert_eq!(header(asked, "traceparent"), [traceparent]);
}

#[test]
fn methods() {
    let other = |original: &str| {
        json!({
            "name": "HTTP",
            "http.request.method": "_OTHER",
            "http.request.method_original": original,
        })
    };
    let known = |name: &str| {
        json!({
            "name": name,
            "http.request.method": name,
            "http.request.method_original": null,
        })
    };
    let of_ours: Option<&[&str]> = Some(&["PURGE"]);
    for (name, of_ours, expected) in [
        ("POST", None, known("POST")),
        ("PATCH", None, known("PATCH")),
        ("QUERY", None, known("QUERY")),
        ("PURGE", None, other("PURGE")),
        ("get", None, other("get")),
        ("PURGE", of_ours, known("PURGE")),
        ("GET", of_ours, other("GET")),
    ] {
        let server = Scripted::start(&["200 OK"]);
        let caller = Caller::start(|client| match of_ours {
            Some(methods) => client.known_methods(methods.iter().copied()),
            None => client,
        });
        let call = caller.client.request(method(name), server.url("/")).send();
        assert_eq!(status(caller.block_on(call)), 200);
        assert!(server.asked()[0].starts_with(&format!("{name} / HTTP/1.1\r\n")));
        check(name, &caller.stop(), &[expected]);
    }
}

#[test]
fn an_error_is_what_the_status_says() {
    for (answer, code, error) in [
        ("200 OK", 200, None),
        ("304 Not Modified", 304, None),
        ("302 Found", 302, None), // no Location: nowhere to go
        ("404 Not Found", 404, Some("404")),
        ("429 Too Many Requests|retry-after: 3600", 429, Some("429")),
        ("500 Internal Server Error", 500, Some("500")),
        ("599 Whatever", 599, Some("599")),
    ] {
        let server = Scripted::start(&[answer]);
        let caller = Caller::start(|client| client);
        let call = caller.client.get(server.url("/")).send();
        assert_eq!(status(caller.block_on(call)), code);
        let expected = json!({
            "http.response.status_code": code,
            "error.type": error,
            "error": error.is_some(),
            "network.peer.address": "127.0.0.1",
        });
        check(answer, &caller.stop(), &[expected]);
    }
}

#[test]
fn no_secret_of_a_url_is_told() {
    for (url, told, authorization) in [
        ("http://u:p@{}/a", "http://REDACTED:REDACTED@{}/a", Some("Basic dTpw")),
        ("http://u%40:@{}/", "http://REDACTED:REDACTED@{}/", Some("Basic dUA6")),
        ("http://{}/?sig=1&a=2", "http://{}/?sig=REDACTED&a=2", None),
        ("http://{}/?api_key=1&b", "http://{}/?api_key=REDACTED&b", None),
        ("http://{}/?API_KEY=1", "http://{}/?API_KEY=1", None),
    ] {
        let server = Scripted::start(&["200 OK"]);
        let address = server.address.to_string();
        let caller = Caller::start(|client| client.redact_query_keys(["api_key"]));
        let call = caller.client.get(url.replace("{}", &address)).send();
        let response = caller.block_on(call).unwrap();
        assert_eq!(response.url().username(), "", "{url}");
        check(url, &caller.stop(), &[json!({ "url.full": told.replace("{}", &address) })]);
        let asked = &server.asked()[0];
        assert_eq!(header(asked, "authorization"), Vec::from_iter(authorization), "{url}");
    }
    // A header that is set by hand wins.
    let server = Scripted::start(&["200 OK"]);
    let caller = Caller::start(|client| client);
    let url = format!("http://u:p@{}/", server.address);
    let call = caller.client.get(url).header("authorization", "Bearer x").send();
    assert_eq!(status(caller.block_on(call)), 200);
    assert_eq!(header(&server.asked()[0], "authorization"), ["Bearer x"]);
}

#[test]
fn retries_are_spans_of_their_own() {
    let again = "503 Busy";
    let body = |request: RequestBuilder| request.body("the body");
    let plain = |request: RequestBuilder| request;
    type Prepare = fn(RequestBuilder) -> RequestBuilder;
    let cases: [(&str, &[&str], &[u16], Prepare); 12] = [
        ("GET", &[again, "200 OK"], &[503, 200], plain),
        ("GET", &["502 X", "504 X", "200 OK"], &[502, 504, 200], plain),
        ("GET", &[again, again, again, "200 OK"], &[503, 503, 503], plain),
        ("PUT", &[again, "200 OK"], &[503, 200], body),
        ("QUERY", &[again, "200 OK"], &[503, 200], body),
        ("POST", &[again, "200 OK"], &[503], body),
        ("PATCH", &[again, "200 OK"], &[503], body),
        ("PURGE", &[again, "200 OK"], &[503], plain),
        ("GET", &["500 X", "200 OK"], &[500], plain),
        ("GET", &["429 X|retry-after: 0", "200 OK"], &[429, 200], plain),
        ("GET", &["503 X|retry-after: 11", "200 OK"], &[503], plain),
        (
            "GET",
            &["503 X|retry-after: Sun, 06 Nov 1994 08:49:37 GMT", "200 OK"],
            &[503, 200],
            plain,
        ),
    ];
    for (name, script, statuses, prepare) in cases {
        let what = format!("{name} {script:?}");
        let server = Scripted::start(script);
        let caller = Caller::start(|client| client);
        let request = prepare(caller.client.request(method(name), server.url("/")));
        let code = status(caller.block_on(request.send()));
        assert_eq!(Some(&code), statuses.last(), "{what}");
        let expected: Vec<_> = statuses
            .iter()
            .enumerate()
            .map(|(index, status)| {
                let resend_count = (index > 0).then_some(index);
                let error = (*status >= 400).then(|| status.to_string());
                json!({
                    "http.response.status_code": status,
                    "http.request.resend_count": resend_count,
                    "error.type": error,
                })
            })
            .collect();
        let spans = caller.stop();
        check(&what, &spans, &expected);
        let asked = server.asked();
        assert_eq!(asked.len(), statuses.len(), "{what}");
        for (request, span) in asked.iter().zip(&spans) {
            let body = request.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(body, asked[0].split_once("\r\n\r\n").unwrap().1, "{what}");
            let traceparent = header(request, "traceparent");
            assert!(traceparent[0].contains(&span.span_id()), "{what}: {traceparent:?}");
        }
    }
}

#[test]
fn the_wait_that_a_server_wants_is_in_no_span() {
    let server = Scripted::start(&["503 Busy|retry-after: 1", "200 OK"]);
    let caller = Caller::start(|client| client);
    assert_eq!(status(caller.block_on(caller.client.get(server.url("/")).send())), 200);
    let spans = caller.stop();
    let [first, second] = &spans[..] else { panic!("two spans: {spans:#?}") };
    let wait = second.span.start_time_unix_nano.saturating_sub(first.span.end_time_unix_nano);
    assert!(wait >= 1_000_000_000, "{wait} ns");
}

#[test]
fn the_span_ends_with_the_headers_whatever_becomes_of_the_body() {
    let server = Scripted::start(&[UNFINISHED]);
    let caller = Caller::start(|client| client);
    let response = caller.block_on(caller.client.get(server.url("/")).send()).unwrap();
    let expected = json!({ "http.response.status_code": 200, "error": false });
    check("unfinished", &caller.stop(), &[expected]);
    drop(response);
}

#[test]
fn a_body_that_streams_is_sent_once() {
    for script in ["503 Busy", "307 Temporary Redirect|location: /b"] {
        let source = Service::start_app(
            |config| {
                config.route("/", web::get().to(async || "streamed"));
            },
            |middleware| middleware,
        );
        let server = Scripted::start(&[script, "200 OK"]);
        let caller = Caller::start(|client| client);
        let client = &caller.client;
        let source_url = format!("http://{}/", source.address);
        let put = client.request(Method::PUT, server.url("/"));
        let call = async { put.body(client.get(source_url).send().await.unwrap()).send().await };
        let code = status(caller.block_on(call));
        assert!(script.starts_with(&code.to_string()));
        assert_eq!(server.asked().len(), 1);
        assert!(server.asked()[0].contains("streamed"));
        drop(source.stop());
    }
    // A 303 wants no body again.
    let first = Scripted::start(&["200 OK"]);
    let server = Scripted::start(&["303 See Other|location: /b", "200 OK"]);
    let caller = Caller::start(|client| client);
    let (client, put) = (&caller.client, caller.client.request(Method::PUT, server.url("/")));
    let call = async {
        let body = Body::from(client.get(first.url("/")).send().await.unwrap());
        put.body(body).send().await
    };
    assert_eq!(status(caller.block_on(call)), 200);
    assert!(server.asked()[1].starts_with("GET /b "));
}

#[test]
fn redirects_are_spans_of_their_own() {
    for (code, name, next, keeps_body) in [
        (301, "GET", "GET", true),
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (302, "PUT", "PUT", true),
        (303, "POST", "GET", false),
        (303, "DELETE", "GET", false),
        (303, "HEAD", "HEAD", true),
        (307, "POST", "POST", true),
        (308, "POST", "POST", true),
        (308, "HEAD", "HEAD", true),
    ] {
        for (location, path) in
            [("/b?c#d", "/b?c"), ("{self}/b?c", "/b?c"), ("b", "/x/b"), ("?c", "/x/a?c")]
        {
            let what = format!("{code} {name} {location}");
            let server = Scripted::start(&[&format!("{code} X|location: {location}"), "200 OK"]);
            let caller = Caller::start(|client| client);
            let request = caller
                .client
                .request(method(name), server.url("/x/a"))
                .header("authorization", "Bearer x")
                .header("cookie", "a=b")
                .header("content-type", "text/plain");
            let request = if name == "HEAD" { request } else { request.body("the body") };
            assert_eq!(status(caller.block_on(request.send())), 200, "{what}");
            let expected = [
                json!({
                    "name": name,
                    "http.response.status_code": code,
                    "url.full": server.url("/x/a"),
                    "http.request.resend_count": null,
                    "error": false,
                }),
                json!({
                    "name": next,
                    "http.request.method": next,
                    "http.response.status_code": 200,
                    "url.full": server.url(path),
                    "http.request.resend_count": 1,
                    "error": false,
                }),
            ];
            check(&what, &caller.stop(), &expected);
            let asked = &server.asked()[1];
            assert!(asked.starts_with(&format!("{next} {path} HTTP/1.1\r\n")), "{what}: {asked}");
            assert_eq!(asked.ends_with("the body"), keeps_body && name != "HEAD", "{what}");
            assert_eq!(header(asked, "content-type").len(), usize::from(keeps_body), "{what}");
            assert_eq!(header(asked, "authorization"), ["Bearer x"], "{what}");
            assert_eq!(header(asked, "cookie"), ["a=b"], "{what}");
        }
    }
}

#[test]
fn credentials_do_not_follow_to_another_server() {
    let other = Scripted::start(&["200 OK", "200 OK"]);
    for (url, location, authorization) in [
        ("http://u:p@{}/", other.url("/"), None),
        ("http://{}/", format!("http://v:q@{}/", other.address), Some("Basic djpx")),
    ] {
        let server = Scripted::start(&[&format!("307 X|location: {location}")]);
        let caller = Caller::start(|client| client);
        let request = caller
            .client
            .get(url.replace("{}", &server.address.to_string()))
            .header("cookie", "a=b")
            .header("proxy-authorization", "Basic eDp5")
            .header("host", "first.example")
            .header("x-kept", "yes");
        assert_eq!(status(caller.block_on(request.send())), 200);
        assert_eq!(header(&server.asked()[0], "host"), ["first.example"]);
        let asked = other.asked().pop().unwrap();
        assert_eq!(header(&asked, "authorization"), Vec::from_iter(authorization));
        assert!(header(&asked, "cookie").is_empty());
        assert!(header(&asked, "proxy-authorization").is_empty());
        assert_eq!(header(&asked, "host"), [other.address.to_string()]);
        assert_eq!(header(&asked, "x-kept"), ["yes"]);
    }
}

#[test]
fn a_redirect_that_leads_nowhere() {
    const ONCE: &str = "302 X|location: /";
    /// What it is, how many are followed, the script, what comes of it, after how many attempts.
    type Case = (&'static str, u32, &'static [&'static str], Result<u16, &'static str>, usize);
    let cases: [Case; 6] = [
        ("a loop", 2, &[ONCE, ONCE, ONCE, "200 OK"], Err("2 redirects"), 3),
        ("not followed", 0, &[ONCE, "200 OK"], Ok(302), 1),
        ("the last allowed", 2, &[ONCE, ONCE, "200 OK"], Ok(200), 3),
        ("another scheme", 9, &["302 X|location: ftp://a.example/"], Err("Location"), 1),
        ("no URL", 9, &["302 X|location: http://"], Err("Location"), 1),
        ("with a retry", 9, &[ONCE, "503 X", "200 OK"], Ok(200), 3),
    ];
    for (what, limit, script, outcome, attempts) in cases {
        let server = Scripted::start(script);
        let caller = Caller::start(|client| client.max_redirects(limit));
        let call = caller.client.get(server.url("/?sig=MARKER")).send();
        let result = caller.block_on(call);
        let spans = caller.stop();
        assert_eq!(spans.len(), attempts, "{what}");
        let last = says(spans.last().unwrap());
        if attempts > 1 {
            assert_eq!(last["http.request.resend_count"], json!(attempts - 1), "{what}");
        }
        match (result, outcome) {
            (Ok(response), Ok(code)) => {
                assert_eq!(response.status().as_u16(), code, "{what}");
                assert_eq!(last["error"], json!(false), "{what}");
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{what}: {error}");
                assert!(!error.to_string().contains("MARKER"), "{what}: {error}");
                assert_eq!(last["error.type"], json!("redirect"), "{what}");
                assert_eq!(last["http.response.status_code"], json!(302), "{what}");
            }
            (result, _) => panic!("{what}: {result:?}"),
        }
    }
}

/// A resolver that knows nobody.
struct Nobody;

impl Resolve for Nobody {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("nobody of this name".into()) })
    }
}

fn without_dns() -> ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).dns_resolver(Nobody)
}

#[test]
fn where_a_request_goes_is_told_even_if_it_does_not_get_there() {
    for (url, address, port, full) in [
        ("http://A.Example", "a.example", 80, "http://a.example/"),
        ("https://a.example/b", "a.example", 443, "https://a.example/b"),
        ("https://a.example:80/", "a.example", 80, "https://a.example:80/"),
        (
            "http://b\u{fc}cher.example/",
            "xn--bcher-kva.example",
            80,
            "http://xn--bcher-kva.example/",
        ),
        // The port of the discard service, of all things: nobody is there to discard it.
        ("http://[::0001]:9/", "::1", 9, "http://[::1]:9/"),
    ] {
        let caller = Caller::start(|client| client.http(without_dns()).max_attempts(1));
        assert!(caller.block_on(caller.client.get(url).send()).is_err(), "{url}");
        let expected = json!({
            "server.address": address,
            "server.port": port,
            "url.full": full,
            "network.peer.address": null,
        });
        check(url, &caller.stop(), &[expected]);
    }
}

#[test]
fn failures_have_a_class() {
    // Bound, so that it is nobody else's, but not listening.
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let nobody = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap();
    let (tls, _) = Receiver::start_tls();
    let plain = Receiver::start();
    let silent = Scripted::start(&[NOTHING]);
    let rude = Scripted::start(&[CLOSE, "200 OK"]);
    let babbling = Scripted::start(&["9 9 9", "200 OK"]);
    for (class, url, attempts) in [
        ("connect", format!("http://{nobody}/"), 2),
        ("dns", "http://nobody.example/".to_owned(), 2),
        ("tls", format!("https://{}/", tls.address), 1),
        ("tls", format!("https://{}/", plain.address), 1),
        ("timeout", silent.url("/"), 1),
        ("request", rude.url("/"), 1),
        ("request", babbling.url("/"), 1),
    ] {
        let caller = Caller::start(|client| {
            let client = if class == "dns" { client.http(without_dns()) } else { client };
            let timeout = if class == "timeout" { 50 } else { 30_000 };
            client.max_attempts(2).timeout(Duration::from_millis(timeout))
        });
        let call = caller.client.get(format!("{url}?sig=MARKER")).send();
        let error = caller.block_on(call).unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("MARKER"), "{text}");
        let expected: Vec<_> = (0..attempts)
            .map(|index| {
                json!({
                    "error.type": class,
                    "error": true,
                    "http.request.resend_count": (index > 0).then_some(index),
                    "http.response.status_code": null,
                    "network.peer.address": null,
                })
            })
            .collect();
        check(&url, &caller.stop(), &expected);
    }
}

#[test]
fn what_cannot_be_requested_has_no_span() {
    let caller = Caller::start(|client| client);
    let client = &caller.client;
    for request in [
        client.get("/relative"),
        client.get("localhost:80"),
        client.get("ftp://a.example/"),
        client.get("http://a.example/").header("no name", "x"),
        client.get("http://a.example/").header("x", "no\nvalue"),
    ] {
        let error = caller.block_on(request.send()).unwrap_err();
        assert_eq!(error.class(), "request", "{error}");
    }
    assert!(caller.stop().is_empty());
}

#[test]
fn a_cancelled_request_ends_its_span_without_an_error() {
    let mut server = Scripted::start(&[NOTHING]);
    let caller = Caller::start(|client| client);
    let call = caller.client.get(server.url("/")).send();
    caller.block_on(async {
        tokio::select! {
            result = call => panic!("nobody answers: {result:?}"),
            note = server.notes.recv() => assert_eq!(note, Some("asked")),
        }
        assert_eq!(server.notes.recv().await, Some("closed"));
    });
    let expected = json!({ "error": false, "error.type": null, "http.response.status_code": null });
    check("cancelled", &caller.stop(), &[expected]);
}

#[test]
fn the_parent_is_the_active_span_of_the_call() {
    fn can_move<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let server = Scripted::start(&["302 X|location: /", "200 OK"]);
    let caller = Caller::start(|client| client);
    let first = Context::new().with_span(caller.tracer.start("first"));
    let call = {
        let _active = first.clone().attach();
        can_move(caller.client.get(server.url("/")).send())
    };
    let second = Context::new().with_span(caller.tracer.start("second"));
    let (client, seen) = caller.block_on(
        async { (call.await, Context::current().span().span_context().span_id()) }
            .with_context(second.clone()),
    );
    assert_eq!(status(client), 200);
    // What the client makes active, it makes so for itself only.
    assert_eq!(seen, second.span().span_context().span_id());
    let parent = first.span().span_context().span_id().to_string();
    drop((first, second));
    let spans = caller.stop_for_clients();
    assert_eq!(spans.len(), 2);
    // Attempts are siblings.
    assert!(spans.iter().all(|span| span.parent_span_id() == parent), "{spans:#?}");
}

/// What a caller may have put there, or forwarded from elsewhere.
fn with_strange_headers(request: RequestBuilder) -> RequestBuilder {
    request
        .header("traceparent", "00-11111111111111111111111111111111-2222222222222222-01")
        .header("tracestate", "strange=1")
        .header("baggage", "strange=1")
}

#[test]
fn headers_of_another_trace_are_replaced() {
    let (w3c, none): (&[Kind], &[Kind]) = (&[Kind::TraceContext, Kind::Baggage], &[]);
    for (what, kinds, is_outside, count) in [
        ("by default", w3c, None, 1),
        ("another host is outside", w3c, Some("localhost"), 1),
        ("this host is outside", w3c, Some("127.0.0.1"), 0),
        ("AWS's only", &[Kind::Xray], None, 0),
        ("nothing is passed on", none, None, 1),
    ] {
        let server = Scripted::start(&["200 OK"]);
        let caller = Caller::start(|client| {
            let client = client.propagators(kinds.iter().copied());
            is_outside.into_iter().fold(client, |client, host| client.without_propagation_to(host))
        });
        let baggage = Context::new().with_baggage([opentelemetry::KeyValue::new("ours", "1")]);
        let call = {
            let _active = baggage.attach();
            with_strange_headers(caller.client.get(server.url("/"))).send()
        };
        assert_eq!(status(caller.block_on(call)), 200, "{what}");
        let asked = &server.asked()[0];
        let spans = caller.stop();
        let [span] = &spans[..] else { panic!("{what}: {spans:#?}") };
        let ours = format!("00-{}-{}-03", span.trace_id(), span.span_id());
        match kinds {
            [Kind::Xray] => {
                assert!(header(asked, "x-amzn-trace-id")[0].contains(&span.span_id()), "{what}");
            }
            [] => assert_eq!(header(asked, "tracestate"), ["strange=1"], "{what}"),
            _ => {
                assert_eq!(header(asked, "traceparent"), vec![ours.as_str(); count], "{what}");
                assert_eq!(header(asked, "baggage"), vec!["ours=1"; count], "{what}");
                assert!(header(asked, "tracestate").is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn nothing_is_passed_on_to_an_outside_host_that_a_redirect_names() {
    let outside = Scripted::start(&["200 OK"]);
    let location = format!("307 X|location: http://LOCALHOST:{}/", outside.address.port());
    let server = Scripted::start(&[&location]);
    let caller = Caller::start(|client| client.without_propagation_to("Localhost"));
    assert_eq!(status(caller.block_on(caller.client.get(server.url("/")).send())), 200);
    assert_eq!(header(&server.asked()[0], "traceparent").len(), 1);
    assert!(header(&outside.asked()[0], "traceparent").is_empty());
    let expected = [
        json!({ "server.address": "127.0.0.1" }),
        json!({ "server.address": "localhost", "http.request.resend_count": 1 }),
    ];
    check("outside", &caller.stop(), &expected);
}

#[test]
fn in_a_suppressed_context_there_is_no_span() {
    let server = Scripted::start(&["503 X", "200 OK"]);
    let caller = Caller::start(|client| client);
    let parent = Context::new().with_span(caller.tracer.start("parent"));
    let call = {
        let _active = parent.with_telemetry_suppressed().attach();
        caller.client.get(server.url("/")).send()
    };
    assert_eq!(status(caller.block_on(call)), 200);
    drop(parent);
    let spans = caller.stop();
    let [parent] = &spans[..] else { panic!("only the parent: {spans:#?}") };
    // Nor is its caller's span taken for one.
    assert!(says(parent).keys().eq(["error", "name"]), "{parent:#?}");
    for asked in server.asked() {
        assert!(header(&asked, "traceparent").is_empty());
    }
}

#[test]
fn what_is_not_sampled_says_so_to_the_next() {
    let server = Scripted::start(&["200 OK"]);
    let caller = Caller::start_with(&[("OTEL_TRACES_SAMPLER", "always_off")], |client| client);
    assert_eq!(status(caller.block_on(caller.client.get(server.url("/")).send())), 200);
    assert!(header(&server.asked()[0], "traceparent")[0].ends_with("-02"));
    assert!(caller.stop().is_empty());
}

#[test]
fn a_trace_goes_over_two_hops() {
    fn inner(config: &mut ServiceConfig) {
        config.route("/inner", web::post().to(async |body: String| body));
    }
    async fn call(tracer: Data<SdkTracer>, address: Data<String>) -> String {
        let client = Client::builder_with_tracer(tracer.get_ref().clone())
            .http(reqwest::Client::builder().no_proxy())
            .build()
            .unwrap();
        let url = format!("http://{}/inner", address.as_str());
        let response = client.post(url).json(&json!({ "a": 1 })).send().await.unwrap();
        response.text().await.unwrap()
    }
    let second = Service::start_app(inner, |middleware| middleware);
    let address = Data::new(second.address.to_string());
    let first = Service::start_app(
        move |config| {
            config.app_data(address.clone()).route("/outer", web::get().to(call));
        },
        |middleware| middleware,
    );
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("traceparent", traceparent.as_str()), ("tracestate", "a=1,b=2")];
    let answer = first.request("GET", "/outer", &headers, b"");
    assert_eq!(answer.text(), r#"{"a":1}"#);

    let (spans, inner) = (first.stop(), second.stop());
    let of_kind = |kind| spans.iter().find(|span| span.span.kind == kind as i32).unwrap();
    let (server, client) = (of_kind(SpanKind::Server), of_kind(SpanKind::Client));
    let [inner] = &inner[..] else { panic!("{inner:#?}") };
    assert_eq!(
        [server, client, inner].map(|span| (span.trace_id(), span.parent_span_id())),
        [
            (trace.to_owned(), "00f067aa0ba902b7".to_owned()),
            (trace.to_owned(), server.span_id()),
            (trace.to_owned(), client.span_id()),
        ]
    );
    assert_eq!((inner.name(), inner.span.trace_state.as_str()), ("POST /inner", "a=1,b=2"));
    assert_eq!((client.name(), client.scope_name.as_str()), ("POST", "tests"));
    let said = says(client);
    assert_eq!((&said["http.response.status_code"], &said["error"]), (&json!(200), &json!(false)));
}

#[test]
fn a_trace_goes_from_one_service_through_another_to_one_receiver() {
    async fn call(tracer: Data<SdkTracer>, target: web::Query<Vec<(String, String)>>) -> String {
        let client = Client::builder_with_tracer(tracer.get_ref().clone())
            .http(reqwest::Client::builder().no_proxy().tls_certs_only([]))
            .build()
            .unwrap();
        let calling = in_span_async(tracer.get_ref(), "calling", async |_| {
            client.get(&target[0].1).send().await.unwrap()
        });
        calling.await.text().await.unwrap()
    }
    let first = Service::start_app(
        |config| {
            config.route("/outer", web::get().to(call));
        },
        |middleware| middleware,
    );
    let second = Process::start(&[
        ("OTEL_SERVICE_NAME", "second"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &first.receiver().endpoint()),
    ]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let target = format!("/outer?to=http://{}/api/activities/home", second.address);
    let answer = first.request("GET", &target, &[("traceparent", &traceparent)], b"");
    assert_eq!(answer.json().as_array().map(Vec::len), Some(3));
    assert_eq!(second.terminate().status.code(), Some(0));

    let spans = first.stop();
    let mut parent = "00f067aa0ba902b7".to_owned();
    for (service, name) in [
        ("backend-actix", "GET /outer"),
        ("backend-actix", "calling"),
        ("backend-actix", "GET"),
        ("second", "GET /api/activities/home"),
        ("second", "home-activities-mock-data"),
    ] {
        let span = spans.iter().find(|span| span.parent_span_id() == parent);
        let span = span.unwrap_or_else(|| panic!("no child of {parent}: {spans:#?}"));
        assert_eq!((span.name(), &span.resource["service.name"]), (name, &json!(service)));
        assert_eq!(span.trace_id(), trace, "{name}");
        parent = span.span_id();
    }
    assert_eq!(spans.len(), 5);
}
