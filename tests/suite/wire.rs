//! The SERVER span, case by case: bytes in over TCP, attributes as a receiver decoded them.
//!
//! A case is a request, its lines separated by `|`, and what its span says: attributes by key (`null`:
//! it has none of that key), besides `name`, `error` (is the status Error?), `parent` (the parent's
//! span id, empty for a root), `trace` (its trace id), `state` (its tracestate), `links` (how many) and
//! `flags` (those that the client is told).

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Value, json};

use crate::support::receiver::Received;
use crate::support::service::Service;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const UUID: &str = "68f126b0-1ceb-4a33-88be-d90fa7109eee";

fn check(vars: &[(&str, &str)], cases: &[(&str, Value)]) {
    let service = Service::start_with(vars);
    let told: Vec<_> = cases
        .iter()
        .map(|(request, _)| {
            let mut connection = service.connect();
            let request = request.replace('|', "\r\n") + "\r\n\r\n";
            connection.write(request.as_bytes());
            let answer = connection.answer(request.starts_with("HEAD"));
            assert!(answer.status < 500, "{request}: {}", answer.status);
            let header = answer.header("traceresponse").expect(&request);
            (answer.traceresponse().1, header[header.len() - 2..].to_owned())
        })
        .collect();
    let spans = service.stop();
    let servers: Vec<_> = spans.iter().filter(|s| s.span.kind == SpanKind::Server as i32).collect();
    assert_eq!(servers.len(), cases.len(), "one SERVER span a request");
    for ((request, expected), (span_id, flags)) in cases.iter().zip(&told) {
        let span = servers.iter().find(|span| span.span_id() == *span_id).expect(request);
        let said = says(span, flags);
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(said.get(key).unwrap_or(&Value::Null), value, "{request}: {key}");
        }
    }
}

/// All that a case may ask for.
fn says(span: &Received, flags: &str) -> serde_json::Map<String, Value> {
    let status = span.span.status.as_ref().map_or(0, |status| status.code);
    let mut said: serde_json::Map<_, _> = span.attributes().into_iter().collect();
    said.insert("name".to_owned(), json!(span.name()));
    said.insert("error".to_owned(), json!(status == StatusCode::Error as i32));
    said.insert("parent".to_owned(), json!(span.parent_span_id()));
    said.insert("trace".to_owned(), json!(span.trace_id()));
    said.insert("state".to_owned(), json!(span.span.trace_state));
    said.insert("links".to_owned(), json!(span.span.links.len()));
    said.insert("flags".to_owned(), json!(flags));
    said
}

#[test]
fn methods() {
    let known = |method: &str, name: &str| json!({"http.request.method": method, "http.request.method_original": null, "name": name, "error": false});
    let other = |method: &str, name: &str| json!({"http.request.method": "_OTHER", "http.request.method_original": method, "name": name, "error": false});
    check(
        &[],
        &[
            ("GET /x HTTP/1.1|Host: a", known("GET", "GET")),
            ("HEAD /x HTTP/1.1|Host: a", known("HEAD", "HEAD")),
            ("POST /x HTTP/1.1|Host: a|Content-Length: 0", known("POST", "POST")),
            ("PUT /x HTTP/1.1|Host: a|Content-Length: 0", known("PUT", "PUT")),
            ("DELETE /x HTTP/1.1|Host: a", known("DELETE", "DELETE")),
            ("OPTIONS /x HTTP/1.1|Host: a", known("OPTIONS", "OPTIONS")),
            ("PATCH /x HTTP/1.1|Host: a|Content-Length: 0", known("PATCH", "PATCH")),
            ("TRACE /x HTTP/1.1|Host: a", known("TRACE", "TRACE")),
            ("QUERY /x HTTP/1.1|Host: a|Content-Length: 0", known("QUERY", "QUERY")),
            ("PROPFIND /x HTTP/1.1|Host: a", other("PROPFIND", "HTTP")),
            ("get /x HTTP/1.1|Host: a", other("get", "HTTP")),
            ("Get /x HTTP/1.1|Host: a", other("Get", "HTTP")),
            (
                "BREW /api/message_groups HTTP/1.1|Host: a",
                other("BREW", "HTTP /api/message_groups"),
            ),
            ("_OTHER /x HTTP/1.1|Host: a", other("_OTHER", "HTTP")),
            ("HTTP /x HTTP/1.1|Host: a", other("HTTP", "HTTP")),
        ],
    );
    check(
        &[("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "BREW, GET")],
        &[
            ("GET /x HTTP/1.1|Host: a", known("GET", "GET")),
            ("BREW /x HTTP/1.1|Host: a", known("BREW", "BREW")),
            ("brew /x HTTP/1.1|Host: a", other("brew", "HTTP")),
            ("DELETE /x HTTP/1.1|Host: a", other("DELETE", "HTTP")),
        ],
    );
}

#[test]
fn routes_and_statuses() {
    let case = |name: &str, route: Option<&str>, code: u16| json!({"name": name, "http.route": route, "http.response.status_code": code, "error": false, "error.type": null});
    let show = "/api/activities/{activity_uuid}";
    let post = "POST /api/activities HTTP/1.1|Host: a";
    check(
        &[],
        &[
            (
                "GET /api/activities/home HTTP/1.1|Host: a",
                case("GET /api/activities/home", Some("/api/activities/home"), 200),
            ),
            (
                "GET /api/activities/home?a=b HTTP/1.1|Host: a",
                case("GET /api/activities/home", Some("/api/activities/home"), 200),
            ),
            (
                "GET /api/activities/%68ome HTTP/1.1|Host: a",
                case("GET /api/activities/home", Some("/api/activities/home"), 200),
            ),
            (
                "GET /api/activities/homes HTTP/1.1|Host: a",
                case(&format!("GET {show}"), Some(show), 400),
            ),
            (
                "GET /api/activities/@ HTTP/1.1|Host: a",
                case(&format!("GET {show}"), Some(show), 404),
            ),
            (
                "GET /api/activities/@x HTTP/1.1|Host: a",
                case("GET /api/activities/@{handle}", Some("/api/activities/@{handle}"), 200),
            ),
            (
                &format!("GET /api/activities/{UUID} HTTP/1.1|Host: a"),
                case(&format!("GET {show}"), Some(show), 200),
            ),
            (
                "GET /api/activities/search HTTP/1.1|Host: a",
                case("GET /api/activities/search", Some("/api/activities/search"), 422),
            ),
            (
                "DELETE /api/activities/home HTTP/1.1|Host: a",
                case("DELETE /api/activities/home", Some("/api/activities/home"), 405),
            ),
            (
                "GET /api/activities HTTP/1.1|Host: a",
                case("GET /api/activities", Some("/api/activities"), 405),
            ),
            ("GET /api/activities/ HTTP/1.1|Host: a", case("GET", None, 404)),
            ("GET /api HTTP/1.1|Host: a", case("GET", None, 404)),
            ("GET / HTTP/1.1|Host: a", case("GET", None, 404)),
            ("GET /default HTTP/1.1|Host: a", case("GET", None, 404)),
            (
                &format!("{post}|Content-Length: 2||{{}}"),
                case("POST /api/activities", Some("/api/activities"), 415),
            ),
            (
                &format!("{post}|Content-Type: application/json|Content-Length: 2||{{}}"),
                case("POST /api/activities", Some("/api/activities"), 422),
            ),
            (
                &format!("{post}|Content-Type: application/json|Content-Length: 1||{{"),
                case("POST /api/activities", Some("/api/activities"), 400),
            ),
            (
                &format!("{post}|Content-Type: application/json|Content-Length: 999999||"),
                case("POST /api/activities", Some("/api/activities"), 413),
            ),
            (
                "OPTIONS /api/messages HTTP/1.1|Host: a|Origin: http://evil|Access-Control-Request-Method: GET",
                case("OPTIONS /api/messages", Some("/api/messages"), 400),
            ),
        ],
    );
}

#[test]
fn request_targets() {
    let url = |path: &str, query: Option<&str>| json!({"url.path": path, "url.query": query, "url.scheme": "http"});
    check(
        &[],
        &[
            ("GET / HTTP/1.1|Host: a", url("/", None)),
            ("GET /? HTTP/1.1|Host: a", url("/", Some(""))),
            ("GET /a/../b HTTP/1.1|Host: a", url("/a/../b", None)),
            ("GET //a//b HTTP/1.1|Host: a", url("//a//b", None)),
            ("GET /caf%C3%A9 HTTP/1.1|Host: a", url("/caf%C3%A9", None)),
            ("GET /%FF%00%2F HTTP/1.1|Host: a", url("/%FF%00%2F", None)),
            ("GET /a;p=1/b HTTP/1.1|Host: a", url("/a;p=1/b", None)),
            ("GET http://b.example HTTP/1.1|Host: a", url("/", None)),
            ("GET http://b.example/x?y=1 HTTP/1.1|Host: a", url("/x", Some("y=1"))),
            ("OPTIONS * HTTP/1.1|Host: a", url("*", None)),
            ("GET /x?a=1&a=2&b HTTP/1.1|Host: a", url("/x", Some("a=1&a=2&b"))),
            (
                "GET /x?sig=1&Signature=2&AWSAccessKeyId=3 HTTP/1.1|Host: a",
                url("/x", Some("sig=REDACTED&Signature=REDACTED&AWSAccessKeyId=REDACTED")),
            ),
            (
                "GET /x?X-Amz-Signature=1&X-Amz-Credential=2&X-Amz-Security-Token=3&X-Goog-Signature=4 HTTP/1.1|Host: a",
                url(
                    "/x",
                    Some(
                        "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED&X-Goog-Signature=REDACTED",
                    ),
                ),
            ),
            (
                "GET /x?SIG=1&signature=2&sig HTTP/1.1|Host: a",
                url("/x", Some("SIG=1&signature=2&sig")),
            ),
            ("GET /x?token=1 HTTP/1.1|Host: a", url("/x", Some("token=1"))),
        ],
    );
    check(
        &[("REDACTED_QUERY_KEYS", "token, key")],
        &[(
            "GET /x?token=1&key=2&keys=3&sig=4 HTTP/1.1|Host: a",
            url("/x", Some("token=REDACTED&key=REDACTED&keys=3&sig=REDACTED")),
        )],
    );
}

#[test]
fn hosts_and_versions() {
    let server = |address: Option<&str>, port: Option<u16>, version: &str| json!({"server.address": address, "server.port": port, "network.protocol.version": version, "network.protocol.name": null});
    check(
        &[],
        &[
            ("GET / HTTP/1.1|Host: a.example", server(Some("a.example"), Some(80), "1.1")),
            ("GET / HTTP/1.1|Host: a.example:8080", server(Some("a.example"), Some(8080), "1.1")),
            ("GET / HTTP/1.1|Host: A.Example", server(Some("A.Example"), Some(80), "1.1")),
            ("GET / HTTP/1.1|Host: a.example:", server(Some("a.example"), Some(80), "1.1")),
            ("GET / HTTP/1.1|Host: 192.0.2.1:81", server(Some("192.0.2.1"), Some(81), "1.1")),
            ("GET / HTTP/1.1|Host: [2001:db8::1]", server(Some("2001:db8::1"), Some(80), "1.1")),
            (
                "GET / HTTP/1.1|Host: [2001:db8::1]:4567",
                server(Some("2001:db8::1"), Some(4567), "1.1"),
            ),
            (
                "GET / HTTP/1.1|Host: [::ffff:192.0.2.1]:1",
                server(Some("::ffff:192.0.2.1"), Some(1), "1.1"),
            ),
            ("GET / HTTP/1.1|Host: [2001:db8::1", server(None, None, "1.1")),
            ("GET / HTTP/1.1|Host: 2001:db8::1", server(None, None, "1.1")),
            ("GET / HTTP/1.1|Host: user@a.example", server(None, None, "1.1")),
            ("GET / HTTP/1.1|Host: a.example:99999", server(None, None, "1.1")),
            ("GET / HTTP/1.1|Host: a b", server(None, None, "1.1")),
            ("GET / HTTP/1.1|Host: ", server(None, None, "1.1")),
            (
                "GET http://t.example:81/ HTTP/1.1|Host: a.example",
                server(Some("t.example"), Some(81), "1.1"),
            ),
            ("GET / HTTP/1.0", server(None, None, "1.0")),
            ("GET / HTTP/1.0|Host: a.example", server(Some("a.example"), Some(80), "1.0")),
        ],
    );
}

#[test]
fn forwarding_headers_of_trusted_proxies() {
    let told = |client: &str, host: &str, port: u16, scheme: &str| json!({"client.address": client, "server.address": host, "server.port": port, "url.scheme": scheme, "network.peer.address": "127.0.0.1"});
    let get = |headers: &str| format!("GET / HTTP/1.1|Host: a|{headers}");
    let cases = [
        (
            "Forwarded: for=192.0.2.60;proto=https;host=shop.example",
            told("192.0.2.60", "shop.example", 443, "https"),
        ),
        (
            "Forwarded: for=192.0.2.60;proto=http;host=\"shop.example:8080\"",
            told("192.0.2.60", "shop.example", 8080, "http"),
        ),
        ("Forwarded: For=\"[2001:db8:cafe::17]:4711\"", told("2001:db8:cafe::17", "a", 80, "http")),
        ("Forwarded: for=192.0.2.43, for=10.0.0.7", told("192.0.2.43", "a", 80, "http")),
        ("Forwarded: for=198.51.100.1, for=192.0.2.43", told("192.0.2.43", "a", 80, "http")),
        ("Forwarded: for=192.0.2.43|Forwarded: for=10.0.0.7", told("192.0.2.43", "a", 80, "http")),
        ("Forwarded: for=10.0.0.9, for=10.0.0.7", told("10.0.0.9", "a", 80, "http")),
        ("Forwarded: for=unknown", told("127.0.0.1", "a", 80, "http")),
        ("Forwarded: for=_hidden, for=10.0.0.7", told("10.0.0.7", "a", 80, "http")),
        ("Forwarded: for=\"_gazonk\"", told("127.0.0.1", "a", 80, "http")),
        ("Forwarded: for=\"192.0.2.60:_obf\"", told("192.0.2.60", "a", 80, "http")),
        ("Forwarded: proto=HTTPS", told("127.0.0.1", "a", 443, "https")),
        ("Forwarded: proto=gopher", told("127.0.0.1", "a", 80, "http")),
        ("Forwarded: for=192.0.2.60;;proto=https", told("192.0.2.60", "a", 443, "https")),
        ("Forwarded: for=\"unterminated", told("127.0.0.1", "a", 80, "http")),
        ("Forwarded: for=[2001:db8::1]", told("127.0.0.1", "a", 80, "http")),
        (
            "Forwarded: for=192.0.2.60|X-Forwarded-For: 198.51.100.9",
            told("192.0.2.60", "a", 80, "http"),
        ),
        ("X-Forwarded-For: 192.0.2.60", told("192.0.2.60", "a", 80, "http")),
        (
            "X-Forwarded-For: 198.51.100.9, 192.0.2.60, 10.0.0.7",
            told("192.0.2.60", "a", 80, "http"),
        ),
        ("X-Forwarded-For: 192.0.2.60:4711", told("192.0.2.60", "a", 80, "http")),
        ("X-Forwarded-For: [2001:db8::1]:4711", told("2001:db8::1", "a", 80, "http")),
        ("X-Forwarded-For: 2001:db8::1", told("2001:db8::1", "a", 80, "http")),
        ("X-Forwarded-For: ::ffff:192.0.2.60", told("192.0.2.60", "a", 80, "http")),
        ("X-Forwarded-For: fd00::5, fd00::6", told("fd00::5", "a", 80, "http")),
        ("X-Forwarded-For: nonsense", told("127.0.0.1", "a", 80, "http")),
        (
            "X-Forwarded-For: 192.0.2.60|X-Forwarded-Proto: https|X-Forwarded-Host: shop.example",
            told("192.0.2.60", "shop.example", 443, "https"),
        ),
        (
            "X-Forwarded-Host: [2001:db8::5]:99|X-Forwarded-Proto: wss",
            told("127.0.0.1", "2001:db8::5", 99, "https"),
        ),
    ];
    let requests: Vec<_> = cases.iter().map(|(headers, _)| get(headers)).collect();
    let with: Vec<_> = requests
        .iter()
        .zip(&cases)
        .map(|(request, (_, expected))| (request.as_str(), expected.clone()))
        .collect();
    check(&[("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8, fd00::/8")], &with);
    // The same headers from a stranger say nothing.
    let nothing = told("127.0.0.1", "a", 80, "http");
    let without: Vec<_> =
        requests.iter().map(|request| (request.as_str(), nothing.clone())).collect();
    check(&[("TRUSTED_PROXIES", "10.0.0.0/8")], &without);
    check(&[], &without);
}

#[test]
fn captured_headers() {
    let asked = [
        ("CAPTURE_REQUEST_HEADERS", "X-Request-Id, accept"),
        ("CAPTURE_RESPONSE_HEADERS", "content-type,allow,content-type"),
    ];
    check(
        &asked,
        &[
            (
                "GET /x HTTP/1.1|Host: a|X-REQUEST-ID: 1|X-Request-Id: 2|X-Other: 3",
                json!({"http.request.header.x-request-id": ["1", "2"], "http.request.header.x-other": null, "http.request.header.accept": null, "http.response.header.content-type": ["application/json"]}),
            ),
            (
                "DELETE /api/messages HTTP/1.1|Host: a|Accept: text/*, a/b",
                json!({"http.request.header.accept": ["text/*, a/b"], "http.response.header.allow": ["POST, OPTIONS"]}),
            ),
        ],
    );
    check(
        &[],
        &[(
            "GET /x HTTP/1.1|Host: a|X-Request-Id: 1",
            json!({"http.request.header.x-request-id": null, "http.response.header.content-type": null}),
        )],
    );
}

#[test]
fn user_agents_and_long_values() {
    let long = "x".repeat(10_000);
    check(
        &[],
        &[
            (
                "GET /x HTTP/1.1|Host: a|User-Agent: b/1 (c)",
                json!({"user_agent.original": "b/1 (c)"}),
            ),
            ("GET /x HTTP/1.1|Host: a", json!({"user_agent.original": null})),
            (
                &format!("GET /{long} HTTP/1.1|Host: a"),
                json!({"url.path": format!("/{}", &long[..4095])}),
            ),
            (&format!("GET /x?{long} HTTP/1.1|Host: a"), json!({"url.query": &long[..4096]})),
            (
                &format!("GET /x HTTP/1.1|Host: a|User-Agent: {long}"),
                json!({"user_agent.original": &long[..4096]}),
            ),
        ],
    );
    check(
        &[("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"), ("CAPTURE_REQUEST_HEADERS", "x-long")],
        &[(
            "GET /123456 HTTP/1.1|Host: a|X-Long: 123456|X-Long: 1",
            json!({"url.path": "/1234", "http.request.header.x-long": ["12345", "1"]}),
        )],
    );
}

#[test]
fn trace_context() {
    let ours = json!({"parent": "", "flags": "03"});
    let theirs = |flags: &str, state: &str| json!({"parent": PARENT, "trace": TRACE, "flags": flags, "state": state});
    let upper = TRACE.to_ascii_uppercase();
    let with = |headers: String| format!("GET / HTTP/1.1|Host: a|{headers}");
    let parent = |flags: &str| format!("traceparent: 00-{TRACE}-{PARENT}-{flags}");
    let members =
        |count: usize| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
    let cases = [
        (parent("01"), theirs("01", "")),
        (parent("03"), theirs("03", "")),
        (parent("ff"), theirs("03", "")),
        (parent("05"), theirs("01", "")),
        (format!("TraceParent: 00-{TRACE}-{PARENT}-01"), theirs("01", "")),
        (format!("traceparent:   00-{TRACE}-{PARENT}-01  "), theirs("01", "")),
        (format!("traceparent: cc-{TRACE}-{PARENT}-01"), theirs("01", "")),
        (format!("traceparent: cc-{TRACE}-{PARENT}-01-more"), theirs("01", "")),
        (format!("traceparent: cc-{TRACE}-{PARENT}-01.more"), ours.clone()),
        (format!("traceparent: ff-{TRACE}-{PARENT}-01"), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{PARENT}-01-more"), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{PARENT}-1"), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{PARENT}-001"), ours.clone()),
        (format!("traceparent: 0-{TRACE}-{PARENT}-01"), ours.clone()),
        (format!("traceparent: 000-{TRACE}-{PARENT}-01"), ours.clone()),
        (format!("traceparent: 00-{upper}-{PARENT}-01"), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{PARENT}-0g"), ours.clone()),
        (format!("traceparent: 00-{}-{PARENT}-01", "0".repeat(32)), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{}-01", "0".repeat(16)), ours.clone()),
        (format!("traceparent: 00-{}-{PARENT}-01", &TRACE[1..]), ours.clone()),
        (format!("traceparent: 00-{TRACE}a-{PARENT}-01"), ours.clone()),
        (format!("traceparent: 00-{TRACE}-{PARENT}a-01"), ours.clone()),
        (format!("traceparent: 00_{TRACE}-{PARENT}-01"), ours.clone()),
        ("traceparent: ".to_owned(), ours.clone()),
        ("traceparent: \u{e9}".to_owned(), ours.clone()),
        (format!("{0}|{0}", parent("01")), ours.clone()),
        (format!("{}|traceparent: x", parent("01")), ours.clone()),
        ("tracestate: a=1".to_owned(), json!({"parent": "", "flags": "03", "state": ""})),
        (
            "traceparent: x|tracestate: a=1".to_owned(),
            json!({"parent": "", "flags": "03", "state": ""}),
        ),
        (format!("{}|tracestate: a=1,b=2", parent("01")), theirs("01", "a=1,b=2")),
        (format!("{}|tracestate: a=1|tracestate: b=2", parent("01")), theirs("01", "a=1,b=2")),
        (format!("{}|tracestate: a=1,,  ,b=2", parent("01")), theirs("01", "a=1,b=2")),
        (format!("{}|tracestate:", parent("01")), theirs("01", "")),
        (format!("{}|tracestate: a", parent("01")), theirs("01", "")),
        (format!("{}|tracestate: A=1", parent("01")), theirs("01", "")),
        (format!("{}|tracestate: a=1,b = 2", parent("01")), theirs("01", "")),
        (format!("{}|tracestate: {}", parent("01"), members(32)), theirs("01", &members(32))),
        (format!("{}|tracestate: {}", parent("01"), members(33)), theirs("01", "")),
        (format!("{}|baggage: a=1,%ff=,=,;;", parent("01")), theirs("01", "")),
    ];
    let requests: Vec<_> = cases.iter().map(|(headers, _)| with(headers.clone())).collect();
    let cases: Vec<_> = requests
        .iter()
        .zip(&cases)
        .map(|(request, (_, expected))| (request.as_str(), expected.clone()))
        .collect();
    check(&[], &cases);
}

#[test]
fn other_propagators() {
    let traceparent = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    let xray = format!(
        "X-Amzn-Trace-Id: Root=1-{}-{};Parent={PARENT};Sampled=1",
        &TRACE[..8],
        &TRACE[8..]
    );
    let other = format!(
        "X-Amzn-Trace-Id: Root=1-{}-{};Parent={PARENT};Sampled=1",
        "1".repeat(8),
        "2".repeat(24)
    );
    let get = |headers: &str| format!("GET / HTTP/1.1|Host: a|{headers}");
    let (w3c, aws, both) = (get(&traceparent), get(&xray), get(&format!("{other}|{traceparent}")));
    let theirs = json!({"parent": PARENT, "trace": TRACE});
    let ours = json!({"parent": ""});
    check(&[("OTEL_PROPAGATORS", "xray")], &[(&w3c, ours.clone()), (&aws, theirs.clone())]);
    check(
        &[("OTEL_PROPAGATORS", "xray,TraceContext")],
        &[(&w3c, theirs.clone()), (&aws, theirs.clone()), (&both, theirs.clone())],
    );
    check(&[("OTEL_PROPAGATORS", "none")], &[(&w3c, ours.clone()), (&aws, ours.clone())]);
    check(&[], &[(&w3c, theirs), (&aws, ours)]);
}

#[test]
fn a_public_endpoint_links_to_its_callers() {
    let sampled =
        format!("GET / HTTP/1.1|Host: a|traceparent: 00-{TRACE}-{PARENT}-01|tracestate: a=1");
    let unsampled = format!("GET / HTTP/1.1|Host: a|traceparent: 00-{TRACE}-{PARENT}-00");
    let linked = json!({"parent": "", "links": 1, "state": "", "flags": "03"});
    check(
        &[("TRACE_PUBLIC_ENDPOINT", "true")],
        &[
            (&sampled, linked.clone()),
            (&unsampled, linked),
            ("GET / HTTP/1.1|Host: a", json!({"parent": "", "links": 0, "flags": "03"})),
            (
                "GET / HTTP/1.1|Host: a|traceparent: x",
                json!({"parent": "", "links": 0, "flags": "03"}),
            ),
        ],
    );
}
