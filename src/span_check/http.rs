//! What the conventions want of a span of HTTP as a whole.

use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::{Findings, Level, Rule, find, has};

impl Findings {
    pub(super) fn check_http_server(&mut self, span: &SpanData, is_running: bool) {
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
        self.check_span_name(
            span,
            text(attributes, key::HTTP_ROUTE),
            text(attributes, key::URL_PATH),
        );
    }

    pub(super) fn check_http_client(&mut self, span: &SpanData, is_running: bool) {
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
        self.check_span_name(span, text(attributes, key::URL_TEMPLATE), None);
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
    fn check_span_name(&mut self, span: &SpanData, target: Option<&str>, path: Option<&str>) {
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
