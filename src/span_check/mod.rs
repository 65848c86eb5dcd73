//! Does a span keep to the semantic conventions? What one wants to see at once who adds a span: a
//! required attribute that is missing, a name that is deprecated or misspelt, a value of the wrong type.
//!
//! The rules are those of [HTTP spans][http] and of [names][names] in general; `attributes.rs` has the
//! table. For whole registries, one's own among them, `weaver registry live-check` does more; the
//! findings here have its three levels.
//!
//! [http]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
//! [names]: https://opentelemetry.io/docs/specs/semconv/general/naming/

mod attributes;

use std::collections::BTreeSet;

use attributes::{ATTRIBUTES, DEPRECATED, NAMESPACES, Type};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;
use serde::Serialize;

use crate::telemetry::SAMPLE_RATE;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A rule is broken.
    Violation,
    /// It could be better.
    Improvement,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A required attribute is missing.
    MissingAttribute,
    /// The name is no longer in force.
    DeprecatedName,
    /// The value is not of the type that the conventions give the attribute.
    WrongType,
    /// The same key more than once.
    DuplicateKey,
    /// A name in a namespace of the conventions that has no such attribute.
    UnknownName,
    /// A name that is not of the form of names.
    NameForm,
    /// The value is none that the attribute may have.
    WrongValue,
    /// The span's status does not follow from the response's.
    WrongStatus,
    /// The span's name is not made as the conventions say.
    SpanName,
}

/// One thing that is wrong with a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub rule: Rule,
    /// With which attribute, if with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// A sentence that says it, and what to do.
    pub message: String,
}

/// Checks a span; of one that runs, what is known at its start.
pub fn check(span: &SpanData, is_running: bool) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.check_attributes(&span.attributes);
    for event in &span.events.events {
        findings.check_attributes(&event.attributes);
        if event.name == "exception"
            && !has(&event.attributes, key::EXCEPTION_TYPE)
            && !has(&event.attributes, key::EXCEPTION_MESSAGE)
        {
            findings.missing(key::EXCEPTION_TYPE, "an exception needs it, or `exception.message`");
        }
    }
    let is_http =
        span.attributes.iter().any(|attribute| attribute.key.as_str().starts_with("http."));
    if is_http && span.span_kind == SpanKind::Server {
        findings.check_http_server(span, is_running);
    } else if is_http && span.span_kind == SpanKind::Client {
        findings.check_http_client(span, is_running);
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, rule: Rule, attribute: Option<&str>, message: String) {
        self.0.push(Finding { level, rule, attribute: attribute.map(str::to_owned), message });
    }

    fn missing(&mut self, attribute: &str, why: &str) {
        let message = format!("`{attribute}` is missing: {why}");
        self.add(Level::Violation, Rule::MissingAttribute, Some(attribute), message);
    }

    fn check_attributes(&mut self, attributes: &[KeyValue]) {
        let mut seen = BTreeSet::new();
        for attribute in attributes {
            let name = attribute.key.as_str();
            if !seen.insert(name) {
                let message = format!(
                    "`{name}` is set more than once: the SDK appends, and receivers differ in which they take"
                );
                self.add(Level::Violation, Rule::DuplicateKey, Some(name), message);
            }
            self.check_name(name);
            self.check_type(name, &attribute.value);
        }
    }

    fn check_name(&mut self, name: &str) {
        if let Some((_, instead)) = DEPRECATED.iter().find(|(deprecated, _)| *deprecated == name) {
            let message = format!("`{name}` is deprecated: {instead}");
            return self.add(Level::Violation, Rule::DeprecatedName, Some(name), message);
        }
        // Honeycomb's own, and no other would do.
        if name == SAMPLE_RATE {
            return;
        }
        if !has_form_of_a_name(name) {
            let message = format!(
                "`{name}` is no name as the conventions want it: lower case, words parted by `_`, namespaces by `.`"
            );
            return self.add(Level::Violation, Rule::NameForm, Some(name), message);
        }
        let Some((namespace, _)) = name.split_once('.') else {
            let message =
                format!("`{name}` has no namespace: put it into one of yours, `app.{name}`");
            return self.add(Level::Improvement, Rule::NameForm, Some(name), message);
        };
        if NAMESPACES.contains(&namespace) && expected_type(name).is_none() {
            let message = format!(
                "`{name}` is none of the conventions' attributes; a misspelling? what is yours goes into a namespace of yours"
            );
            self.add(Level::Violation, Rule::UnknownName, Some(name), message);
        }
    }

    fn check_type(&mut self, name: &str, value: &Value) {
        let Some(expected) = expected_type(name) else { return };
        let is_right = match expected {
            Type::Text => matches!(value, Value::String(_)),
            Type::Int => matches!(value, Value::I64(_)),
            Type::Texts => matches!(value, Value::Array(Array::String(_))),
        };
        if !is_right {
            let expected = match expected {
                Type::Text => "text",
                Type::Int => "an integer",
                Type::Texts => "a list of texts",
            };
            let message = format!("`{name}` is {}, expected {expected}", type_name(value));
            self.add(Level::Violation, Rule::WrongType, Some(name), message);
        }
    }

    fn check_http_server(&mut self, span: &SpanData, is_running: bool) {
        let attributes = &span.attributes;
        for required in [key::HTTP_REQUEST_METHOD, key::URL_PATH, key::URL_SCHEME] {
            if !has(attributes, required) {
                self.missing(required, "every SERVER span of HTTP has it");
            }
        }
        self.check_method(attributes);
        if has(attributes, key::SERVER_PORT) && !has(attributes, key::SERVER_ADDRESS) {
            self.missing(key::SERVER_ADDRESS, "a port is nothing without its host");
        }
        if is_running {
            return;
        }
        let is_error = matches!(span.status, Status::Error { .. });
        let status = int(attributes, key::HTTP_RESPONSE_STATUS_CODE);
        let error_type = text(attributes, key::ERROR_TYPE);
        if status.is_none() && error_type.is_none() {
            self.missing(
                key::HTTP_RESPONSE_STATUS_CODE,
                "a response was sent, or `error.type` says why not",
            );
        }
        if is_error && error_type.is_none() {
            self.missing(key::ERROR_TYPE, "the span ended in error");
        }
        match status {
            Some(500..) if !is_error => {
                self.wrong_status("5xx is an error of the server: set it to Error")
            }
            // Unless something else went wrong besides.
            Some(code @ 400..=499)
                if is_error && error_type.is_none_or(|class| class == code.to_string()) =>
            {
                self.wrong_status("4xx is no error of the server: leave it unset");
            }
            _ => {}
        }
        if span.status == Status::Ok {
            self.wrong_status(
                "an instrumentation leaves it unset; Ok is for the application's own word",
            );
        }
        self.check_http_name(
            span,
            text(attributes, key::HTTP_ROUTE),
            text(attributes, key::URL_PATH),
        );
    }

    fn check_http_client(&mut self, span: &SpanData, is_running: bool) {
        let attributes = &span.attributes;
        for required in
            [key::HTTP_REQUEST_METHOD, key::SERVER_ADDRESS, key::SERVER_PORT, key::URL_FULL]
        {
            if !has(attributes, required) {
                self.missing(required, "every CLIENT span of HTTP has it");
            }
        }
        self.check_method(attributes);
        if is_running {
            return;
        }
        let status = int(attributes, key::HTTP_RESPONSE_STATUS_CODE);
        let is_error = matches!(span.status, Status::Error { .. });
        let error_type = text(attributes, key::ERROR_TYPE);
        if status.is_some_and(|status| status >= 400) && !is_error {
            self.wrong_status("4xx and 5xx are errors to a client: set it to Error");
        }
        if (is_error || status.is_some_and(|status| status >= 400)) && error_type.is_none() {
            self.missing(key::ERROR_TYPE, "the request ended in error");
        }
        self.check_http_name(span, text(attributes, key::URL_TEMPLATE), None);
    }

    fn check_method(&mut self, attributes: &[KeyValue]) {
        let Some(method) = text(attributes, key::HTTP_REQUEST_METHOD) else { return };
        if method == "_OTHER" && !has(attributes, key::HTTP_REQUEST_METHOD_ORIGINAL) {
            self.missing(
                key::HTTP_REQUEST_METHOD_ORIGINAL,
                "`_OTHER` does not say which method it was",
            );
        }
        if method != "_OTHER" && method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let message = format!(
                "`{}` is {method:?}: methods are in upper case; unknown ones are `_OTHER`",
                key::HTTP_REQUEST_METHOD
            );
            let name = Some(key::HTTP_REQUEST_METHOD);
            self.add(Level::Violation, Rule::WrongValue, name, message);
        }
    }

    /// `{method} {target}`, where the target is the route or the template, never the path.
    fn check_http_name(&mut self, span: &SpanData, target: Option<&str>, path: Option<&str>) {
        let Some(method) = text(&span.attributes, key::HTTP_REQUEST_METHOD) else { return };
        let method = if method == "_OTHER" { "HTTP" } else { method };
        let expected =
            target.map_or_else(|| method.to_owned(), |target| format!("{method} {target}"));
        // Without a route a name of low cardinality may be anything; only the path is none.
        let is_wrong = match (target, path) {
            (Some(_), _) => *span.name != *expected,
            (None, Some(path)) => path != "/" && span.name.contains(path),
            (None, None) => false,
        };
        if is_wrong {
            let message = format!("the span's name is {:?}, expected {expected:?}", span.name);
            self.add(Level::Improvement, Rule::SpanName, None, message);
        }
    }

    fn wrong_status(&mut self, why: &str) {
        let message = format!("the span's status: {why}");
        self.add(Level::Violation, Rule::WrongStatus, None, message);
    }
}

fn expected_type(name: &str) -> Option<Type> {
    let is_it = |known: &str| {
        known == name
            || (known.ends_with('.') && name.len() > known.len() && name.starts_with(known))
    };
    ATTRIBUTES.iter().find(|(known, _)| is_it(known)).map(|(_, expected)| *expected)
}

/// Lower case; digits, `_` and, as in names of headers, `-` within; `.` between namespaces.
fn has_form_of_a_name(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
            })
    })
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|found| &found.value)
}

fn has(attributes: &[KeyValue], key: &str) -> bool {
    find(attributes, key).is_some()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match find(attributes, key)? {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    }
}

fn int(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match find(attributes, key)? {
        Value::I64(number) => Some(*number),
        _ => None,
    }
}

/// What a value is, with an article.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a boolean",
        Value::I64(_) => "an integer",
        Value::F64(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Event;
    use opentelemetry_semantic_conventions::attribute;

    use super::*;
    use crate::recent_traces::test_spans::span;

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
            (
                with(server(), &[text("http.method", "GET")]),
                Rule::DeprecatedName,
                Some("http.method"),
            ),
            (
                with(span(1, 1, 0), &[text("net.peer.ip", "::1")]),
                Rule::DeprecatedName,
                Some("net.peer.ip"),
            ),
            (
                with(
                    server(),
                    &[text("http.response.status_code", "200"), text("error.type", "x")],
                ),
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
            (
                failed(with(server(), &[code(404), text("error.type", "404")])),
                Rule::WrongStatus,
                None,
            ),
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

    #[test]
    fn the_table_knows_the_names_of_the_conventions() {
        let names = [
            attribute::HTTP_REQUEST_METHOD,
            attribute::HTTP_REQUEST_METHOD_ORIGINAL,
            attribute::HTTP_RESPONSE_STATUS_CODE,
            attribute::HTTP_ROUTE,
            attribute::HTTP_REQUEST_BODY_SIZE,
            attribute::HTTP_RESPONSE_BODY_SIZE,
            attribute::HTTP_REQUEST_RESEND_COUNT,
            attribute::URL_FULL,
            attribute::URL_PATH,
            attribute::URL_QUERY,
            attribute::URL_SCHEME,
            attribute::URL_TEMPLATE,
            attribute::SERVER_ADDRESS,
            attribute::SERVER_PORT,
            attribute::CLIENT_ADDRESS,
            attribute::CLIENT_PORT,
            attribute::NETWORK_PEER_ADDRESS,
            attribute::NETWORK_PEER_PORT,
            attribute::NETWORK_PROTOCOL_NAME,
            attribute::NETWORK_PROTOCOL_VERSION,
            attribute::USER_AGENT_ORIGINAL,
            attribute::ERROR_TYPE,
            attribute::EXCEPTION_TYPE,
            attribute::EXCEPTION_MESSAGE,
            attribute::EXCEPTION_STACKTRACE,
        ];
        for name in names {
            assert!(expected_type(name).is_some(), "{name}");
        }
        for (name, _) in ATTRIBUTES {
            let namespace = name.split('.').next().unwrap();
            assert!(NAMESPACES.contains(&namespace), "{name}");
            assert!(DEPRECATED.iter().all(|(deprecated, _)| *deprecated != name), "{name}");
        }
        // What a deprecated name is replaced by is in force.
        for (deprecated, instead) in DEPRECATED {
            for name in instead.split('`').skip(1).step_by(2) {
                assert!(expected_type(name).is_some(), "{deprecated}: {name}");
            }
        }
    }
}
