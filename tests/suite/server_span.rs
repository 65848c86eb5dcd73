//! The spans of a request, attribute for attribute, as they left over the wire.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Value, json};

use crate::support::receiver::Received;
use crate::support::service::Service;

const UUID: &str = "68f126b0-1ceb-4a33-88be-d90fa7109eee";

fn of_kind(spans: &[Received], kind: SpanKind) -> Vec<&Received> {
    spans.iter().filter(|span| span.span.kind == kind as i32).collect()
}

fn server_spans(spans: &[Received]) -> Vec<&Received> {
    of_kind(spans, SpanKind::Server)
}

/// The one SERVER span.
fn server_span(spans: &[Received]) -> &Received {
    let [span] = server_spans(spans)[..] else { panic!("one SERVER span: {spans:#?}") };
    span
}

fn status(span: &Received) -> (StatusCode, &str) {
    let Some(status) = &span.span.status else { return (StatusCode::Unset, "") };
    (StatusCode::try_from(status.code).unwrap(), &status.message)
}

struct Row {
    method: &'static str,
    path: String,
    body: Value,
    route: &'static str,
    scope: &'static str,
    child: &'static str,
    /// What the child says besides `app.now`; `null` stands for any value.
    says: Value,
}

/// A row for each route.
fn rows() -> Vec<Row> {
    let row = |method, path: &str, body, route, scope, child, says| Row {
        method,
        path: path.to_owned(),
        body,
        route,
        scope,
        child,
        says,
    };
    let any = Value::Null;
    vec![
        row(
            "GET",
            "/api/activities/home",
            any.clone(),
            "/api/activities/home",
            "home.activities",
            "home-activities-mock-data",
            json!({"app.result_length": 3}),
        ),
        row(
            "GET",
            "/api/activities/notifications",
            any.clone(),
            "/api/activities/notifications",
            "activities.notifications",
            "notifications-activities-mock-data",
            json!({"app.result_length": 1}),
        ),
        row(
            "GET",
            "/api/activities/search?term=caf%C3%A9",
            any.clone(),
            "/api/activities/search",
            "activities.search",
            "search-activities-mock-data",
            json!({"app.result_length": 1, "app.search_term_length": 4}),
        ),
        row(
            "GET",
            "/api/activities/@andrew%20brown",
            any.clone(),
            "/api/activities/@{handle}",
            "activities.user",
            "user-activities-mock-data",
            json!({"app.result_length": 1, "app.user_handle": "andrew brown"}),
        ),
        row(
            "GET",
            &format!("/api/activities/{UUID}"),
            any.clone(),
            "/api/activities/{activity_uuid}",
            "activities.show",
            "show-activity-mock-data",
            json!({"app.result_length": 1, "app.activity_uuid": UUID}),
        ),
        row(
            "POST",
            "/api/activities",
            json!({"message": "🚀🚀", "ttl": "7-days"}),
            "/api/activities",
            "activities.create",
            "activity-create",
            json!({"app.activity_uuid": null, "app.ttl": "7-days", "app.message_length": 2,
                   "app.user_handle": "andrewbrown"}),
        ),
        row(
            "POST",
            &format!("/api/activities/{UUID}/reply"),
            json!({"message": "abc"}),
            "/api/activities/{activity_uuid}/reply",
            "activities.reply",
            "reply-create",
            json!({"app.activity_uuid": UUID, "app.message_length": 3,
                   "app.user_handle": "andrewbrown"}),
        ),
        row(
            "GET",
            "/api/message_groups",
            any.clone(),
            "/api/message_groups",
            "messages.groups",
            "message-groups-mock-data",
            json!({"app.result_length": 2, "app.user_handle": "andrewbrown"}),
        ),
        row(
            "GET",
            "/api/messages/@worf",
            any.clone(),
            "/api/messages/@{handle}",
            "messages.conversation",
            "messages-mock-data",
            json!({"app.result_length": 2, "app.user_handle": "worf"}),
        ),
        row(
            "POST",
            "/api/messages",
            json!({"message": "hi", "user_receiver_handle": "worf"}),
            "/api/messages",
            "messages.create",
            "message-create",
            json!({"app.message_length": 2, "app.user_handle": "worf"}),
        ),
        row(
            "GET",
            "/rollbar/test",
            any,
            "/rollbar/test",
            "report.test",
            "rollbar-test-mock-data",
            json!({}),
        ),
    ]
}

#[test]
fn each_route_gives_one_server_span_and_one_child() {
    for row in rows() {
        let service = Service::start();
        let port = service.address.port();
        let mut connection = service.connect();
        let peer = connection.local_address();
        let host = format!("localhost:{port}");
        let body = if row.body.is_null() { String::new() } else { row.body.to_string() };
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tests/1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            row.method,
            row.path,
            body.len()
        );
        connection.write(head.as_bytes());
        let answer = connection.answer(false);
        assert_eq!(answer.status, 200, "{}: {}", row.path, answer.text());
        let spans = service.stop();
        let path = &row.path;

        assert_eq!(spans.len(), 2, "{path}: {spans:#?}");
        let server = server_span(&spans);
        let [child] = of_kind(&spans, SpanKind::Internal)[..] else { panic!("{path}: {spans:#?}") };

        // The SERVER span: a root, named after the route, told to the client.
        assert_eq!(server.name(), format!("{} {}", row.method, row.route));
        assert_eq!((server.trace_id(), server.span_id()), answer.traceresponse(), "{path}");
        assert_eq!(server.parent_span_id(), "", "{path}");
        assert_eq!(status(server), (StatusCode::Unset, ""), "{path}");
        assert_eq!(server.scope_name, "backend-actix");
        assert_eq!(server.scope_version, env!("CARGO_PKG_VERSION"));
        assert_eq!(server.schema_url, "https://opentelemetry.io/schemas/1.42.0");
        let (url_path, url_query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path.as_str(), None),
        };
        let mut expected = json!({
            "http.request.method": row.method,
            "url.scheme": "http",
            "url.path": url_path,
            "server.address": "localhost",
            "server.port": port,
            "client.address": "127.0.0.1",
            "network.peer.address": "127.0.0.1",
            "network.peer.port": peer.port(),
            "network.protocol.version": "1.1",
            "user_agent.original": "tests/1",
            "http.route": row.route,
            "http.response.status_code": 200,
        });
        if let Some(query) = url_query {
            expected["url.query"] = json!(query);
        }
        expected["http.response.body.size"] = json!(answer.body.len());
        if !body.is_empty() {
            expected["http.request.body.size"] = json!(body.len());
        }
        assert_eq!(json!(server.attributes()), expected, "{path}");

        // The child: inside the SERVER span, in the handler's own scope.
        assert_eq!((child.name(), child.scope_name.as_str()), (row.child, row.scope));
        assert_eq!(child.parent_span_id(), server.span_id(), "{path}");
        assert_eq!(child.trace_id(), server.trace_id(), "{path}");
        assert!(server.span.start_time_unix_nano <= child.span.start_time_unix_nano, "{path}");
        assert!(child.span.end_time_unix_nano <= server.span.end_time_unix_nano, "{path}");
        let mut said = child.attributes();
        let now: chrono::DateTime<chrono::Utc> =
            said.remove("app.now").unwrap().as_str().unwrap().parse().unwrap();
        assert!((chrono::Utc::now() - now).num_minutes() < 2, "{path}");
        for (key, value) in row.says.as_object().unwrap() {
            let ours = said.remove(key).unwrap_or_else(|| panic!("{path}: no {key}"));
            assert!(value.is_null() || *value == ours, "{path}: {key} is {ours}");
        }
        assert_eq!(said, BTreeMap::new(), "{path}");
    }
}

#[test]
fn the_resource_says_who_sent_the_spans() {
    let service = Service::start_with(&[
        ("OTEL_SERVICE_NAME", "cruddur"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ignored,deployment.environment.name=a%2Cb"),
    ]);
    service.get("/api/activities/home");
    for span in service.stop() {
        let mut resource = span.resource;
        for key in ["service.instance.id", "host.name", "process.pid", "telemetry.sdk.version"] {
            assert!(resource.remove(key).is_some(), "{key}");
        }
        let expected = json!({
            "service.name": "cruddur",
            "service.version": env!("CARGO_PKG_VERSION"),
            "deployment.environment.name": "a,b",
            "telemetry.sdk.language": "rust",
            "telemetry.sdk.name": "opentelemetry",
        });
        assert_eq!(json!(resource), expected);
    }
}

#[test]
fn a_callers_trace_goes_on_here() {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = "00f067aa0ba902b7";
    for (flags, sampled) in [("01", true), ("00", false)] {
        let service = Service::start();
        let traceparent = format!("00-{trace_id}-{parent}-{flags}");
        let headers = [("traceparent", traceparent.as_str()), ("tracestate", "vendor=1")];
        let answer = service.request("GET", "/api/activities/home", &headers, b"");
        let header = answer.header("traceresponse").unwrap();
        assert!(header.starts_with(&format!("00-{trace_id}-")), "{header}");
        assert!(header.ends_with(&format!("-{flags}")), "{header}");
        let timing = format!("trace;desc={header}, traceparent;desc=\"{header}\"");
        assert_eq!(answer.header("server-timing").unwrap(), timing);
        let spans = service.stop();
        if sampled {
            let server = server_span(&spans);
            assert_eq!(
                (server.trace_id().as_str(), server.parent_span_id().as_str()),
                (trace_id, parent)
            );
            assert_eq!(server.span.trace_state, "vendor=1");
            assert_eq!(spans.len(), 2);
        } else {
            assert!(spans.is_empty(), "the caller decided against sampling: {spans:#?}");
        }
    }
}

#[test]
fn a_trace_that_starts_here_has_an_id_of_its_own_each_time() {
    let service = Service::start();
    let mut connection = service.connect();
    let mut ids: Vec<_> = (0..20)
        .map(|_| connection.request("GET", "/api/activities/home", &[], b"").traceresponse().0)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    assert_eq!(service.stop().len(), 40);
}

#[test]
fn the_name_and_the_route_are_those_of_the_pattern_that_served_the_request() {
    let shown = format!("/api/activities/{UUID}");
    // method, target, name, route, status of the response
    let cases = [
        (
            "GET",
            "/api/activities/home",
            "GET /api/activities/home",
            Some("/api/activities/home"),
            200,
        ),
        (
            "HEAD",
            "/api/activities/home",
            "HEAD /api/activities/home",
            Some("/api/activities/home"),
            200,
        ),
        (
            "GET",
            &shown,
            "GET /api/activities/{activity_uuid}",
            Some("/api/activities/{activity_uuid}"),
            200,
        ),
        (
            "GET",
            "/api/activities/@home",
            "GET /api/activities/@{handle}",
            Some("/api/activities/@{handle}"),
            200,
        ),
        (
            "GET",
            "/api/activities/homes",
            "GET /api/activities/{activity_uuid}",
            Some("/api/activities/{activity_uuid}"),
            400,
        ),
        (
            "GET",
            "/api/activities/@",
            "GET /api/activities/{activity_uuid}",
            Some("/api/activities/{activity_uuid}"),
            404,
        ),
        (
            "GET",
            "/api/activities/%68ome",
            "GET /api/activities/home",
            Some("/api/activities/home"),
            200,
        ),
        (
            "POST",
            "/api/activities/home",
            "POST /api/activities/home",
            Some("/api/activities/home"),
            405,
        ),
        (
            "OPTIONS",
            "/api/activities/home",
            "OPTIONS /api/activities/home",
            Some("/api/activities/home"),
            200,
        ),
        (
            "BREW",
            "/api/activities/home",
            "HTTP /api/activities/home",
            Some("/api/activities/home"),
            405,
        ),
        (
            "get",
            "/api/activities/home",
            "HTTP /api/activities/home",
            Some("/api/activities/home"),
            405,
        ),
        ("GET", "/api/nope", "GET", None, 404),
        ("GET", "/", "GET", None, 404),
        ("BREW", "/", "HTTP", None, 404),
        ("OPTIONS", "*", "OPTIONS", None, 404),
    ];
    for (method, target, name, route, code) in cases {
        let service = Service::start();
        let answer = service.request(method, target, &[], b"");
        assert_eq!(answer.status, code, "{method} {target}: {}", answer.text());
        let spans = service.stop();
        let span = server_span(&spans);
        let attributes = span.attributes();
        assert_eq!(span.name(), name, "{method} {target}");
        assert_eq!(
            attributes.get("http.route"),
            route.map(|r| json!(r)).as_ref(),
            "{method} {target}"
        );
        assert_eq!(attributes["http.response.status_code"], json!(code), "{method} {target}");
        assert_eq!(attributes["url.path"], json!(target), "{method} {target}");
        // The client's mistakes are no errors of the server.
        assert_eq!(status(span), (StatusCode::Unset, ""), "{method} {target}");
        assert_eq!(attributes.get("error.type"), None, "{method} {target}");
        let known = !["BREW", "get"].contains(&method);
        let recorded = (
            attributes["http.request.method"].as_str(),
            attributes.get("http.request.method_original"),
        );
        let expected =
            if known { (Some(method), None) } else { (Some("_OTHER"), Some(json!(method))) };
        assert_eq!(recorded, (expected.0, expected.1.as_ref()), "{method} {target}");
    }
}

#[test]
fn the_server_and_the_peer_are_told_as_the_request_tells_them() {
    // the request's first lines, then server.address, server.port, url.path, network.protocol.version
    let cases = [
        ("GET / HTTP/1.1\r\nHost: cruddur.example\r\n", json!(["cruddur.example", 80, "/", "1.1"])),
        (
            "GET / HTTP/1.1\r\nHost: cruddur.example:8080\r\n",
            json!(["cruddur.example", 8080, "/", "1.1"]),
        ),
        ("GET / HTTP/1.1\r\nHost: [::1]:4567\r\n", json!(["::1", 4567, "/", "1.1"])),
        ("GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n", json!(["2001:db8::1", 80, "/", "1.1"])),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:4567\r\n", json!(["127.0.0.1", 4567, "/", "1.1"])),
        (
            "GET http://target.example:81/a HTTP/1.1\r\nHost: other.example\r\n",
            json!(["target.example", 81, "/a", "1.1"]),
        ),
        ("GET /a HTTP/1.0\r\nHost: old.example\r\n", json!(["old.example", 80, "/a", "1.0"])),
        ("GET /a HTTP/1.0\r\n", json!([null, null, "/a", "1.0"])),
    ];
    for (head, expected) in cases {
        let service = Service::start();
        let mut connection = service.connect();
        connection.write(format!("{head}\r\n").as_bytes());
        connection.answer(false);
        let spans = service.stop();
        let attributes = server_span(&spans).attributes();
        let told: Vec<_> =
            ["server.address", "server.port", "url.path", "network.protocol.version"]
                .map(|key| attributes.get(key).cloned().unwrap_or_default())
                .into();
        assert_eq!(json!(told), expected, "{head}");
    }
}

#[test]
fn secrets_in_a_query_never_leave() {
    let service = Service::start();
    service.get("/api/activities/search?term=a&sig=MARKER&X-Amz-Signature=MARKER&Signature=MARKER");
    let spans = service.stop();
    assert_eq!(
        server_span(&spans).attributes()["url.query"],
        json!("term=a&sig=REDACTED&X-Amz-Signature=REDACTED&Signature=REDACTED")
    );
    assert!(!format!("{spans:?}").contains("MARKER"));
}

#[test]
fn what_people_write_or_search_for_is_in_no_span() {
    let service = Service::start();
    service.post("/api/activities", r#"{"message": "MARKER", "ttl": "1-day"}"#);
    service.post("/api/messages", r#"{"message": "MARKER", "user_receiver_handle": "worf"}"#);
    service.post(&format!("/api/activities/{UUID}/reply"), r#"{"message": "MARKER"}"#);
    let spans = service.stop();
    assert_eq!(spans.len(), 6);
    assert!(!format!("{spans:?}").contains("MARKER"));
}

#[test]
fn a_rejected_request_has_its_codes_on_the_server_span_and_no_child() {
    let cases = [
        ("/api/activities", r#"{}"#, "message_blank"),
        ("/api/activities", r#"{"message": "a"}"#, "ttl_blank"),
        ("/api/messages", r#"{"message": "a"}"#, "user_reciever_handle_blank"),
    ];
    for (path, body, code) in cases {
        let service = Service::start();
        assert_eq!(service.post(path, body).status, 422);
        let spans = service.stop();
        assert_eq!(spans.len(), 1, "{path} {body}");
        let span = server_span(&spans);
        assert_eq!(span.attributes()["app.errors"], json!([code]), "{path} {body}");
        assert_eq!(status(span), (StatusCode::Unset, ""), "{path} {body}");
    }
}

#[test]
fn requests_side_by_side_keep_their_children_apart() {
    let service = Service::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = service.connect();
                for _ in 0..25 {
                    connection.request("GET", "/api/activities/home", &[], b"");
                }
            });
        }
    });
    let spans = service.stop();
    let servers: BTreeMap<_, _> =
        server_spans(&spans).into_iter().map(|span| (span.span_id(), span.trace_id())).collect();
    let children = of_kind(&spans, SpanKind::Internal);
    assert_eq!((servers.len(), children.len()), (200, 200));
    let mut parents: Vec<_> = children.iter().map(|child| child.parent_span_id()).collect();
    for child in &children {
        assert_eq!(servers.get(&child.parent_span_id()), Some(&child.trace_id()));
    }
    parents.sort();
    parents.dedup();
    assert_eq!(parents.len(), 200, "one child each");
}
