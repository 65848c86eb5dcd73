//! The page's listener: who may see it, and what its JSON tells of requests that were really made.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::http::{Answer, Connection};
use crate::support::process::{Process, run};
use crate::support::receiver::{self, Received, Receiver};
use crate::support::service::Service;

const ON: (&str, &str) = ("WEB_ADDRESS", "127.0.0.1:0");

/// One request to the page.
fn ask(page: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: localhost:{}\r\n", page.port()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut connection = Connection::open(page);
    connection.write(format!("{head}\r\n").as_bytes());
    connection.answer(method == "HEAD")
}

fn get(page: SocketAddr, target: &str) -> Answer {
    ask(page, "GET", target, &[])
}

/// The trace, when all of its spans have ended: an answer may be read before its span ends.
fn ended(page: SocketAddr, trace_id: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = get(page, &format!("/api/traces/{trace_id}"));
        if answer.status == 200 && answer.json()["running"] == false {
            return answer.json();
        }
        assert!(Instant::now() < patience, "{}", answer.text());
        std::thread::yield_now();
    }
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().unwrap();
    &attributes.iter().find(|a| a["key"] == key).unwrap_or_else(|| panic!("{key}: {span}"))["value"]
}

#[test]
fn a_request_is_there_as_a_trace() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let caller = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let headers = [caller, ("user-agent", "<script>alert(1)</script>")];
    let answer = service.request("GET", "/api/activities/search?term=%3Cb%3E", &headers, b"");
    let (trace_id, span_id) = answer.traceresponse();
    let trace = ended(page, &trace_id);

    assert_eq!(trace["name"], "GET /api/activities/search");
    assert_eq!(trace["route"], "/api/activities/search");
    assert_eq!(trace["target"], "/api/activities/search?term=%3Cb%3E");
    assert_eq!(
        (&trace["status"], &trace["spans"], &trace["errors"]),
        (&json!(200), &json!(2), &json!(0))
    );
    assert_eq!(trace["remote_parent"], true);
    let [server, child] = &trace["tree"].as_array().unwrap()[..] else { panic!("{trace}") };
    assert_eq!((&server["span_id"], &server["kind"]), (&json!(span_id), &json!("SERVER")));
    assert_eq!(server["parent_span_id"], "00f067aa0ba902b7");
    assert_eq!(server["traceparent"], format!("00-{trace_id}-{span_id}-01"));
    assert_eq!(attribute(server, "user_agent.original"), "<script>alert(1)</script>");
    assert_eq!(attribute(server, "http.response.status_code"), 200);
    assert_eq!((&child["kind"], &child["depth"]), (&json!("INTERNAL"), &json!(1)));
    assert_eq!(child["parent_span_id"], server["span_id"]);
    assert_eq!(child["slowest_leaf"], true);
    let keys: Vec<_> = server["attributes"].as_array().unwrap().iter().map(|a| &a["key"]).collect();
    assert!(keys.is_sorted_by_key(|key| key.as_str()), "{keys:?}");
    // The parts add up.
    let ns = |value: &Value| value.as_u64().unwrap();
    assert_eq!(ns(&server["self_ns"]) + ns(&child["duration_ns"]), ns(&server["duration_ns"]));
    // What we make ourselves keeps to the conventions.
    assert_eq!((&server["findings"], &child["findings"]), (&json!([]), &json!([])));
    let service_name =
        trace["resource"].as_array().unwrap().iter().find(|a| a["key"] == "service.name");
    assert_eq!(service_name.unwrap()["value"], "backend-actix");
    service.stop();
}

#[test]
fn every_route_keeps_to_the_conventions() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let uuid = "68f126b0-1ceb-4a33-88be-d90fa7109eee";
    let gets = ["home", "notifications", "search?term=a", "search", "@worf", uuid, "nope"];
    let gets = gets.map(|path| service.get(&format!("/api/activities/{path}")));
    let posts = [
        service.post("/api/activities", r#"{"message": "m", "ttl": "1-day"}"#),
        service.post("/api/activities", "{}"),
        service.post(&format!("/api/activities/{uuid}/reply"), r#"{"message": "m"}"#),
        service.post("/api/messages", r#"{"message": "m", "user_receiver_handle": "worf"}"#),
    ];
    let others = [
        service.get("/api/message_groups"),
        service.get("/api/messages/@worf"),
        service.get("/rollbar/test"),
        service.get("/nope"),
        service.request("DELETE", "/api/messages", &[], b""),
        service.request("BREW", "/api/messages", &[], b""),
    ];
    for answer in gets.iter().chain(&posts).chain(&others) {
        let trace = ended(page, &answer.traceresponse().0);
        for span in trace["tree"].as_array().unwrap() {
            assert_eq!(span["findings"], json!([]), "{}", span["name"]);
        }
    }
    service.stop();
}

#[test]
fn lists_are_filtered_and_newest_first() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let paths = ["/api/activities/home", "/api/activities/@worf", "/nope", "/api/activities/home"];
    let ids = paths.map(|path| {
        let (id, _) = service.get(path).traceresponse();
        ended(page, &id);
        id
    });
    let list = |query: &str| -> Vec<String> {
        let answer = get(page, &format!("/api/traces{query}"));
        let traces =
            answer.json()["traces"].as_array().unwrap_or_else(|| panic!("{query}")).clone();
        traces.iter().map(|trace| trace["trace_id"].as_str().unwrap().to_owned()).collect()
    };
    let [home, worf, nope, home_again] = &ids;
    assert_eq!(list(""), [home_again, nope, worf, home].map(String::as_str));
    assert_eq!(list("?limit=2"), [home_again, nope].map(String::as_str));
    assert_eq!(list("?route=/api/activities/home"), [home_again, home].map(String::as_str));
    assert_eq!(list("?route="), [nope.as_str()]);
    assert_eq!(list("?status=4xx"), [nope.as_str()]);
    assert_eq!(list("?status=404"), [nope.as_str()]);
    assert_eq!(list("?status=200").len(), 3);
    assert_eq!(list("?text=app.user_handle%3DWORF"), [worf.as_str()]);
    assert_eq!(list("?errors=true").len(), 0);
    assert_eq!(list("?min_ns=60000000000").len(), 0);
    assert_eq!(list("?max_ns=60000000000").len(), 4);
    let answer = get(page, "/api/traces").json();
    assert_eq!((&answer["kept"], &answer["left_out"]), (&json!(4), &json!(0)));
    service.stop();
}

#[test]
fn what_cannot_be_asked_is_said() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let cases = [
        ("/api/traces?status=abc", 400, "bad_request"),
        ("/api/traces?min_ns=-1", 400, "bad_request"),
        ("/api/traces?unknown=1", 400, "bad_request"),
        ("/api/routes?minutes=x", 400, "bad_request"),
        ("/api/traces/abc", 400, "bad_request"),
        ("/api/traces/4bf92f3577b34da6a3ce929d0e0e4736", 404, "not_kept"),
        ("/api/otlp/4bf92f3577b34da6a3ce929d0e0e4736", 404, "not_kept"),
    ];
    for (target, status, code) in cases {
        let answer = get(page, target);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (status, &json!(code)),
            "{target}"
        );
    }
    service.stop();
}

#[test]
fn what_is_not_there_is_said_as_any_other_error() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let cases = [
        ("GET", "/nope", 404, "not_found", None),
        ("GET", "/api", 404, "not_found", None),
        ("GET", "/api/nope", 404, "not_found", None),
        ("GET", "/assets/nope.js", 404, "not_found", None),
        ("POST", "/", 405, "method_not_allowed", Some("GET, HEAD")),
        ("POST", "/api/page", 405, "method_not_allowed", Some("GET")),
        ("PUT", "/api/traces", 405, "method_not_allowed", Some("GET, DELETE")),
        ("DELETE", "/api/exporters", 405, "method_not_allowed", Some("GET")),
    ];
    for (method, target, status, code, allow) in cases {
        let answer = ask(page, method, target, &[]);
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (status, &json!(code)), "{method} {target}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(answer.header("allow").as_deref(), allow, "{method} {target}");
    }
    service.stop();
}

#[test]
fn a_search_is_for_so_many_words_at_most() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    ended(page, &service.get("/api/activities/home").traceresponse().0);
    for (words, status) in [(16, 200), (17, 400), (4_000, 400)] {
        let answer = get(page, &format!("/api/traces?text={}", vec!["home"; words].join("+")));
        assert_eq!(answer.status, status, "{words}");
        if status == 200 {
            assert_eq!(answer.json()["traces"].as_array().unwrap().len(), 1, "{words}");
        } else {
            let message = format!("`text` has {words} words: expected at most 16");
            assert_eq!(answer.json()["error"]["message"], message);
        }
    }
    service.stop();
}

#[test]
fn connections_that_say_nothing_do_not_hold_up_the_page() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    // As many as it takes; half of them have asked once.
    let idle: Vec<_> = (0..64)
        .map(|n| {
            let mut connection = Connection::open(page);
            if n % 2 == 0 {
                let answer = connection.request("GET", "/api/page", &[], b"");
                assert_eq!(answer.status, 200);
            }
            connection
        })
        .collect();
    let began = Instant::now();
    assert_eq!(get(page, "/api/page").status, 200);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(idle);
    service.stop();
}

#[test]
fn routes_have_the_figures_of_the_requests() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let mut durations = BTreeMap::<String, Vec<u64>>::new();
    for path in ["/api/activities/home", "/api/activities/@a", "/api/activities/@b", "/nope"] {
        for _ in 0..5 {
            let trace = ended(page, &service.get(path).traceresponse().0);
            let route = trace["route"].as_str().unwrap_or_default().to_owned();
            durations.entry(route).or_default().push(trace["duration_ns"].as_u64().unwrap());
        }
    }
    let routes = get(page, "/api/routes?minutes=60").json();
    let rows = routes["routes"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let mut expected = durations[row["route"].as_str().unwrap()].clone();
        expected.sort_unstable();
        let n = expected.len();
        assert_eq!(row["count"], n);
        assert_eq!(row["errors"], 0);
        assert_eq!(row["average_ns"], expected.iter().sum::<u64>() / n as u64);
        // The nearest rank, by counting.
        for (name, percent) in [("p50_ns", 50), ("p95_ns", 95), ("p99_ns", 99)] {
            let rank = (1..=n).find(|rank| rank * 100 >= percent * n).unwrap();
            assert_eq!(row[name], expected[rank - 1], "{name}");
        }
    }
    let cells = routes["heatmap"]["cells"].as_array().unwrap();
    let count: u64 = cells.iter().map(|cell| cell["count"].as_u64().unwrap()).sum();
    assert_eq!(count, 20);
    service.stop();
}

#[test]
fn a_download_is_what_a_receiver_gets() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let caller = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let state = ("tracestate", "a=1");
    let (id, _) =
        service.request("GET", "/api/activities/@worf", &[caller, state], b"").traceresponse();
    let (other, _) = service.post("/api/activities", "{}").traceresponse();
    ended(page, &id);
    ended(page, &other);
    let one = get(page, &format!("/api/otlp/{id}"));
    assert_eq!(
        one.header("content-disposition").unwrap(),
        format!("attachment; filename=\"trace-{id}.json\"")
    );
    let all = get(page, "/api/otlp");
    let sent = service.stop();

    let decode = |answer: &Answer| -> Vec<Received> {
        let request: ExportTraceServiceRequest = serde_json::from_slice(&answer.body).unwrap();
        receiver::spans(request)
    };
    let sorted = |mut spans: Vec<Received>| {
        spans.sort_by_key(|span| span.span_id());
        spans
    };
    let sent_of =
        |id: &str| sent.iter().filter(|s| s.trace_id() == id).cloned().collect::<Vec<_>>();
    for (answer, expected) in [(&one, sent_of(&id)), (&all, sent.clone())] {
        let (decoded, expected) = (sorted(decode(answer)), sorted(expected));
        assert_eq!(decoded.len(), expected.len());
        for (decoded, expected) in decoded.iter().zip(&expected) {
            assert_eq!(decoded.span, expected.span);
            assert_eq!(decoded.resource, expected.resource);
            assert_eq!(decoded.scope_name, expected.scope_name);
            assert_eq!(decoded.scope_version, expected.scope_version);
            assert_eq!(decoded.schema_url, expected.schema_url);
        }
    }
}

#[test]
fn what_is_cleared_is_gone() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    ended(page, &service.get("/api/activities/home").traceresponse().0);
    assert_eq!(ask(page, "DELETE", "/api/traces", &[]).status, 204);
    assert_eq!(get(page, "/api/traces").json()["traces"], json!([]));
    assert_eq!(get(page, "/api/routes").json()["routes"], json!([]));
    service.stop();
}

#[test]
fn the_page_is_in_no_trace() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let targets =
        ["/", "/traces", "/assets/frame.js", "/api/traces", "/api/page", "/api/routes", "/nope"];
    for target in targets {
        get(page, target);
    }
    assert_eq!(get(page, "/api/traces").json()["traces"], json!([]));
    assert_eq!(service.stop().len(), 0);
}

#[test]
fn events_tell_of_traces_as_they_come() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let mut events = Connection::open(page);
    events.write(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    events.wait_for("event: hello");
    let (id, _) = service.get("/api/activities/home").traceresponse();
    let event = events.wait_for(&id);
    assert!(event.contains("event: traces"), "{event}");
    ask(page, "DELETE", "/api/traces", &[]);
    events.wait_for("event: cleared");
    service.stop();
}

#[test]
fn a_request_that_runs_is_shown_as_running() {
    let service = Service::start_with(&[ON]);
    let page = service.page();
    let mut upload = service.connect();
    // Its body does not come.
    upload.write(b"POST /api/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n");
    let patience = Instant::now() + Duration::from_secs(30);
    let running = loop {
        let traces = get(page, "/api/traces").json()["traces"].clone();
        // It has its attributes a moment after its start.
        match traces.get(0) {
            Some(trace) if trace["target"] == "/api/messages" => break trace.clone(),
            _ => assert!(Instant::now() < patience, "{traces}"),
        }
    };
    assert_eq!((&running["running"], &running["duration_ns"]), (&json!(true), &Value::Null));
    let id = running["trace_id"].as_str().unwrap();
    let trace = get(page, &format!("/api/traces/{id}")).json();
    let span = &trace["tree"][0];
    assert_eq!((&span["name"], &span["duration_ns"]), (&json!("POST /api/messages"), &Value::Null));
    assert_eq!(attribute(span, "url.path"), "/api/messages");
    assert_eq!(span["findings"], json!([]));
    // What runs is in no download.
    assert_eq!(get(page, "/api/otlp").json()["resourceSpans"][0]["scopeSpans"], json!([]));
    upload.reset();
    let trace = ended(page, id);
    assert_eq!(
        (&trace["error_type"], &trace["errors"]),
        (&json!("client_disconnected"), &json!(1))
    );
    service.stop();
}

#[test]
fn of_a_load_so_many_requests_are_shown_and_all_counted() {
    let service = Service::start_with(&[ON, ("TRACES_KEPT", "100")]);
    let page = service.page();
    (0..1000).for_each(|_| drop(service.get("/api/activities/home")));
    let patience = Instant::now() + Duration::from_secs(30);
    // As many as are remembered.
    while get(page, "/api/routes").json()["routes"][0]["count"] != 1000 {
        assert!(Instant::now() < patience, "{}", get(page, "/api/routes").text());
    }
    let list = get(page, "/api/traces").json();
    for trace in list["traces"].as_array().unwrap() {
        let id = trace["trace_id"].as_str().unwrap();
        let trace = get(page, &format!("/api/traces/{id}")).json();
        // Whole, or said not to be.
        assert_eq!(trace["spans"] == 2, trace["partial"] == false, "{trace}");
    }
    service.stop();
}

#[test]
fn only_so_many_traces_are_kept() {
    let service = Service::start_with(&[ON, ("TRACES_KEPT", "5")]);
    let page = service.page();
    let last =
        (0..20).map(|_| service.get("/api/activities/home").traceresponse().0).last().unwrap();
    ended(page, &last);
    let list = get(page, "/api/traces").json();
    assert_eq!((&list["kept"], list["traces"].as_array().unwrap().len()), (&json!(5), 5));
    let routes = get(page, "/api/routes").json();
    assert_eq!(routes["routes"][0]["count"], 20, "figures are of all requests");
    service.stop();
}

#[test]
fn what_the_browser_may_do_is_said_in_every_answer() {
    let service = Service::start_with(&[ON, ("BACKEND_URL", "https://api.example:8443/base")]);
    let page = service.page();
    for target in
        ["/", "/traces/4bf92f3577b34da6a3ce929d0e0e4736", "/assets/style.css", "/api/page", "/nope"]
    {
        let answer = get(page, target);
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{target}"));
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("connect-src 'self' https://api.example:8443;"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(answer.header("x-frame-options").unwrap(), "DENY");
        assert_eq!(answer.header("referrer-policy").unwrap(), "no-referrer");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(get(page, "/api/page").json()["backend_url"], "https://api.example:8443/base");
    service.stop();
}

#[test]
fn strangers_hosts_and_origins_are_refused() {
    let service = Service::start_with(&[ON, ("WEB_URL", "http://pages.example")]);
    let page = service.page();
    let own = format!("127.0.0.1:{}", page.port());
    let origin = |host: &str| format!("http://{host}");
    for (host, status) in [
        (own.as_str(), 200),
        ("localhost", 200),
        ("[::1]:3000", 200),
        ("pages.example:3000", 200),
        ("rebound.example", 403),
        ("127.0.0.1.rebound.example:3000", 403),
        ("localhost@rebound.example", 403),
    ] {
        for target in ["/", "/api/traces", "/nope"] {
            let status = if (target, status) == ("/nope", 200) { 404 } else { status };
            assert_eq!(
                ask(page, "GET", target, &[("host", host)]).status,
                status,
                "{host} {target}"
            );
        }
    }
    for (from, status) in [
        (origin(&own), 204),
        (origin("evil.example"), 403),
        (origin("127.0.0.1:1"), 403),
        ("null".to_owned(), 403),
    ] {
        let headers = [("host", own.as_str()), ("origin", from.as_str())];
        assert_eq!(ask(page, "DELETE", "/api/traces", &headers).status, status, "{from}");
    }
    // What a page of a stranger asks for it could not read, but its questions would be answered, and
    // cost time. A link to a trace is another matter.
    for (target, site, status) in [
        ("/api/traces", "same-origin", 200),
        ("/api/traces", "none", 200),
        ("/api/traces", "same-site", 403),
        ("/api/events", "cross-site", 403),
        ("/traces/4bf92f3577b34da6a3ce929d0e0e4736", "cross-site", 200),
        ("/assets/frame.js", "same-origin", 200),
    ] {
        let headers = [("host", own.as_str()), ("sec-fetch-site", site)];
        let answer = ask(page, "GET", target, &headers);
        assert_eq!(answer.status, status, "{target} {site}");
        if status == 403 {
            assert_eq!(answer.json()["error"]["code"], "foreign_origin", "{target} {site}");
        }
    }
    service.stop();
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    const SECRET: &str = "0123456789abcdef-is-secret";
    let service = Service::start_with(&[ON, ("WEB_TOKEN", SECRET)]);
    let page = service.page();
    for target in ["/", "/api/traces", "/api/events", "/assets/frame.js", "/?token=wrong"] {
        let answer = get(page, target);
        assert_eq!(answer.status, 401, "{target}");
        assert!(!answer.text().contains(SECRET));
        // A page that is still open reads the reason as it reads any error.
        if target.starts_with("/api/") {
            assert_eq!(answer.json()["error"]["code"], "no_token", "{target}");
        }
    }
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(ask(page, "GET", "/api/traces", &[("authorization", &bearer)]).status, 200);
    let answer = get(page, &format!("/traces?token={SECRET}"));
    assert_eq!((answer.status, answer.header("location").as_deref()), (303, Some("/traces")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(!cookie.contains(SECRET), "{cookie}");
    let session = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(
        ask(page, "GET", "/api/traces", &[("cookie", &format!("a=b; {session}"))]).status,
        200
    );
    assert_eq!(ask(page, "GET", "/api/traces", &[("cookie", "page-session=")]).status, 401);
    service.stop();
}

#[test]
fn a_token_that_is_too_short_is_refused_and_not_shown() {
    let finished = run(&[("PORT", "0"), ("WEB_TOKEN", "hunter2")]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(
        finished.stderr.contains("WEB_TOKEN is not usable: expected at least 16"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
}

#[test]
fn the_pages_origins_may_call_the_api_while_there_is_a_page() {
    for on in [true, false] {
        let service = Service::start_with(&[
            if on { ON } else { ("WEB_ADDRESS", "") },
            ("WEB_URL", "http://pages.example"),
        ]);
        let port = if on { service.page().port() } else { 3999 };
        for (origin, allowed) in [
            (format!("http://localhost:{port}"), on),
            (format!("http://127.0.0.1:{port}"), on),
            ("http://pages.example".to_owned(), on),
            ("http://localhost:3000".to_owned(), true),
            ("http://evil.example".to_owned(), false),
        ] {
            let answer =
                service.request("GET", "/api/activities/home", &[("origin", &origin)], b"");
            let allow = answer.header("access-control-allow-origin");
            assert_eq!(allow, allowed.then(|| origin.clone()), "{origin} {on}");
        }
        service.stop();
    }
}

#[cfg(feature = "aws")]
#[test]
fn links_lead_to_the_same_trace_elsewhere() {
    use crate::support::honeycomb::KEY;

    let daemon = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let daemon = (daemon.local_addr().unwrap().to_string(), daemon);
    let key = format!("x-honeycomb-team={KEY}");
    let service = Service::start_with(&[
        ON,
        ("OTEL_EXPORTER_OTLP_HEADERS", &key),
        ("TRACE_LINKS", "Jaeger=http://localhost:16686/trace/{trace_id}"),
        ("OTEL_TRACES_EXPORTER", "otlp,xray"),
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon.0),
        ("AWS_REGION", "eu-west-1"),
    ]);
    let page = service.page();
    let (id, _) = service.get("/api/activities/home").traceresponse();
    let patience = Instant::now() + Duration::from_secs(30);
    let links = loop {
        let links = ended(page, &id)["links"].clone();
        if links.as_array().unwrap().len() == 3 {
            break links;
        }
        assert!(Instant::now() < patience, "{links}");
    };
    let url = |name: &str| {
        let link = links.as_array().unwrap().iter().find(|link| link["name"] == name);
        link.unwrap_or_else(|| panic!("{name}"))["url"].as_str().unwrap().to_owned()
    };
    assert_eq!(url("Jaeger"), format!("http://localhost:16686/trace/{id}"));
    let xray = format!("#xray:traces/1-{}-{}", &id[..8], &id[8..]);
    assert!(url("X-Ray").starts_with("https://eu-west-1.console.aws.amazon.com/"));
    assert!(url("X-Ray").ends_with(&xray), "{}", url("X-Ray"));
    let at =
        "https://ui.honeycomb.io/acme/environments/test/datasets/backend-actix/trace?trace_id=";
    assert!(
        url("Honeycomb").starts_with(&format!("{at}{id}&trace_start_ts=")),
        "{}",
        url("Honeycomb")
    );
    // The key is told to nobody.
    for target in ["/", "/api/page", "/api/exporters", &format!("/api/traces/{id}")] {
        assert!(!get(page, target).text().contains(KEY), "{target}");
    }
    service.stop();
}

#[test]
fn exporters_are_shown_with_their_accounts() {
    let service = Service::start_with(&[ON, ("OTEL_BSP_MAX_QUEUE_SIZE", "1000")]);
    ended(service.page(), &service.get("/api/activities/home").traceresponse().0);
    let exporters = get(service.page(), "/api/exporters").json();
    let exporter = &exporters["exporters"][0];
    assert!(exporter["destination"].as_str().unwrap().starts_with("otlp http://127.0.0.1:"));
    assert_eq!((&exporter["created"], &exporter["queue_capacity"]), (&json!(2), &json!(1000)));
    service.stop();
}

#[test]
fn whoever_else_takes_spans_each_has_every_span_once() {
    for exporters in ["none", "console", "otlp", "console,otlp"] {
        let receiver = Receiver::start();
        let mut process = Process::start(&[
            ON,
            ("OTEL_TRACES_EXPORTER", exporters),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
        ]);
        let page = process.page();
        for _ in 0..20 {
            let answer =
                Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
            let trace = ended(page, &answer.traceresponse().0);
            assert_eq!(trace["spans"], 2, "{exporters}");
            assert_eq!(attribute(&trace["tree"][0], "http.response.status_code"), 200);
            assert_eq!(attribute(&trace["tree"][1], "app.result_length"), 3);
        }
        let finished = process.terminate();
        for exporter in exporters.split(',').filter(|exporter| *exporter != "none") {
            assert_eq!(finished.report(&format!(" {exporter}")), [40, 0, 0], "{}", finished.stderr);
        }
        let sent = if exporters.contains("otlp") { 40 } else { 0 };
        assert_eq!(receiver.spans().len(), sent, "{exporters}");
    }
}

#[test]
fn each_exporter_has_the_capacity_of_its_own_queue() {
    // Nobody listens there.
    let process = Process::start(&[
        ON,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1000"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "3000"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "1"),
    ]);
    let health = Connection::open(process.address).request("GET", "/health", &[], b"").json();
    let exporters = health["telemetry"]["exporters"].as_array().unwrap();
    let capacity: BTreeMap<_, _> = exporters
        .iter()
        .map(|it| (it["destination"].as_str().unwrap(), it["queue_capacity"].as_u64().unwrap()))
        .collect();
    assert_eq!(capacity["console"], 4096);
    assert_eq!(capacity["otlp http://127.0.0.1:1/v1/traces"], 1000);
    assert_eq!(capacity["otlp http://127.0.0.1:1/v1/logs"], 3000);
    process.terminate();
}

#[test]
fn an_open_page_does_not_hold_up_the_end() {
    let mut process = Process::start(&[ON, ("SHUTDOWN_TIMEOUT_SECONDS", "20")]);
    let page = process.page();
    let mut events = Connection::open(page);
    events.write(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    events.wait_for("event: hello");
    let began = Instant::now();
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn an_address_that_was_asked_for_must_be_had() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let finished = run(&[("PORT", "0"), ("WEB_ADDRESS", &address)]);
    assert_eq!(finished.status.code(), Some(2));
    let line = format!("backend-actix: WEB_ADDRESS is {address}, where the page cannot listen: ");
    assert!(finished.stderr.contains(&line), "{}", finished.stderr);
}

#[test]
fn the_default_address_is_taken_if_it_is_free_and_done_without_if_not() {
    const UNAVAILABLE: &str = "127.0.0.1:3000 cannot be listened on";
    // Whoever has the port, we or another: it is taken.
    let taken = TcpListener::bind("127.0.0.1:3000");
    let process = Process::start_with_default_page();
    let health = Connection::open(process.address).request("GET", "/health", &[], b"");
    assert_eq!(health.status, 200);
    let stderr = process.terminate().stderr;
    assert_eq!(stderr.matches(UNAVAILABLE).count(), 1, "{stderr}");
    if taken.is_ok() {
        drop(taken);
        let mut process = Process::start_with_default_page();
        process.wait_for_line("the page is at http://localhost:3000");
        let page = SocketAddr::from(([127, 0, 0, 1], 3000));
        assert_eq!(get(page, "/api/traces").status, 200);
        let stderr = process.terminate().stderr;
        assert!(!stderr.contains(UNAVAILABLE), "{stderr}");
    }
}

#[test]
fn a_page_for_all_addresses_warns_where_nothing_protects_it() {
    let all = ("WEB_ADDRESS", "0.0.0.0:0");
    for (vars, warns) in [
        (vec![all], true),
        (vec![all, ("WEB_TOKEN", "0123456789abcdef")], false),
        (vec![all, ("WEB_URL", "http://localhost:3000")], false),
        (vec![ON], false),
    ] {
        let mut process = Process::start(&vars);
        process.wait_for_line("the page is at");
        let stderr = process.terminate().stderr;
        assert_eq!(stderr.contains("can read the traces"), warns, "{vars:?}: {stderr}");
    }
}
