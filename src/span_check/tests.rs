//! What keeps to the conventions, and what does not.

use opentelemetry::Array;
use opentelemetry::trace::{Event, Status};

use super::*;
use crate::recent_traces::test_spans::span;
use crate::telemetry::SAMPLE_RATE;

fn server() -> SpanData {
    SpanData {
        span_kind: SpanKind::Server,
        name: "GET /a/{id}".into(),
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.path", "/a/1"),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("http.route", "/a/{id}"),
            KeyValue::new("http.response.status_code", 200),
        ],
        ..span(1, 1, 0)
    }
}

fn client() -> SpanData {
    SpanData {
        span_kind: SpanKind::Client,
        name: "GET".into(),
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.full", "http://a/b"),
            KeyValue::new("server.address", "a"),
            KeyValue::new("server.port", 80),
            KeyValue::new("http.response.status_code", 200),
        ],
        ..span(1, 1, 0)
    }
}

fn with(mut span: SpanData, attributes: &[KeyValue]) -> SpanData {
    for attribute in attributes {
        span.attributes.retain(|kept| kept.key != attribute.key);
        span.attributes.push(attribute.clone());
    }
    span
}

fn without(mut span: SpanData, key: &str) -> SpanData {
    span.attributes.retain(|kept| kept.key.as_str() != key);
    span
}

fn failed(span: SpanData) -> SpanData {
    SpanData { status: Status::error(""), ..span }
}

fn rules(span: &SpanData) -> Vec<(Rule, Option<String>)> {
    check(span, false).into_iter().map(|finding| (finding.rule, finding.attribute)).collect()
}

#[test]
fn honeycombs_own_name_is_no_finding() {
    assert_eq!(rules(&with(server(), &[KeyValue::new(SAMPLE_RATE, 10)])), []);
}

#[test]
fn a_span_that_keeps_to_the_conventions_has_no_findings() {
    let header = Value::Array(Array::String(vec!["a".into()]));
    let error = |class: &'static str| KeyValue::new("error.type", class);
    let code = |code: i64| KeyValue::new("http.response.status_code", code);
    let good = [
        server(),
        client(),
        span(1, 1, 0),
        with(server(), &[KeyValue::new("http.request.header.x-a", header)]),
        with(server(), &[KeyValue::new("app.result_length", 3)]),
        with(server(), &[code(404)]),
        failed(with(server(), &[code(500), error("500")])),
        failed(with(server(), &[code(404), error("client_disconnected")])),
        failed(with(without(server(), "http.response.status_code"), &[error("shutdown")])),
        failed(with(client(), &[code(404), error("404")])),
        SpanData { name: "GET".into(), ..without(server(), "http.route") },
    ];
    for span in good {
        assert_eq!(check(&span, false), [], "{span:?}");
    }
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let text = KeyValue::new::<&str, &str>;
    let code = |code: i64| KeyValue::new("http.response.status_code", code);
    let twice = {
        let mut span = server();
        span.attributes.push(text("http.route", "/a/{id}"));
        span
    };
    let exception = {
        let mut span = server();
        span.events.events.push(Event::new("exception", span.start_time, vec![], 0));
        span
    };
    let cases = [
        (without(server(), "url.path"), Rule::MissingAttribute, Some("url.path")),
        (without(server(), "url.scheme"), Rule::MissingAttribute, Some("url.scheme")),
        (without(client(), "server.port"), Rule::MissingAttribute, Some("server.port")),
        (without(client(), "url.full"), Rule::MissingAttribute, Some("url.full")),
        (
            without(server(), "http.response.status_code"),
            Rule::MissingAttribute,
            Some("http.response.status_code"),
        ),
        (failed(server()), Rule::MissingAttribute, Some("error.type")),
        (exception, Rule::MissingAttribute, Some("exception.type")),
        (with(server(), &[text("http.method", "GET")]), Rule::DeprecatedName, Some("http.method")),
        (
            with(span(1, 1, 0), &[text("net.peer.ip", "::1")]),
            Rule::DeprecatedName,
            Some("net.peer.ip"),
        ),
        (
            with(server(), &[text("http.response.status_code", "200"), text("error.type", "x")]),
            Rule::WrongType,
            Some("http.response.status_code"),
        ),
        (
            with(server(), &[text("http.request.header.x-a", "a")]),
            Rule::WrongType,
            Some("http.request.header.x-a"),
        ),
        (twice, Rule::DuplicateKey, Some("http.route")),
        (with(server(), &[text("http.rout", "/")]), Rule::UnknownName, Some("http.rout")),
        (with(server(), &[text("userId", "1")]), Rule::NameForm, Some("userId")),
        (with(server(), &[text("user", "1")]), Rule::NameForm, Some("user")),
        (with(server(), &[text("app..x", "1")]), Rule::NameForm, Some("app..x")),
        (with(server(), &[code(500)]), Rule::WrongStatus, None),
        (failed(with(server(), &[code(404), text("error.type", "404")])), Rule::WrongStatus, None),
        (SpanData { status: Status::Ok, ..server() }, Rule::WrongStatus, None),
        (SpanData { name: "GET /a/1".into(), ..server() }, Rule::SpanName, None),
        (
            SpanData { name: "GET /a/1".into(), ..without(server(), "http.route") },
            Rule::SpanName,
            None,
        ),
    ];
    for (span, rule, attribute) in cases {
        assert_eq!(rules(&span), [(rule, attribute.map(str::to_owned))], "{span:?}");
    }
    let lower = rules(&with(server(), &[text("http.request.method", "get")]));
    assert!(lower.contains(&(Rule::WrongValue, Some("http.request.method".to_owned()))));
    let other = rules(&with(server(), &[text("http.request.method", "_OTHER")]));
    let original = Some("http.request.method_original".to_owned());
    assert!(other.contains(&(Rule::MissingAttribute, original)));
    let client_error = rules(&with(client(), &[code(404)]));
    assert!(client_error.contains(&(Rule::WrongStatus, None)));
}

#[test]
fn of_a_span_that_runs_only_its_start_is_checked() {
    let span = without(server(), "http.response.status_code");
    assert_eq!(check(&span, true), []);
    assert_eq!(check(&without(span, "url.path"), true).len(), 1);
}
