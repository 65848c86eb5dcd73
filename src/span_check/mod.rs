//! Does a span keep to the semantic conventions? What one wants to see at once who adds a span: a
//! required attribute that is missing, a name that is deprecated or misspelt, a value of the wrong type.
//!
//! The rules are those of [HTTP spans][http] (`http.rs`) and of [names][names] in general (`names.rs`);
//! `attributes.rs` has the table. For whole registries, one's own among them, `weaver registry
//! live-check` does more; the findings here have two of its levels.
//!
//! [http]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
//! [names]: https://opentelemetry.io/docs/specs/semconv/general/naming/

mod attributes;
mod http;
mod names;

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;
use serde::Serialize;

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
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|found| &found.value)
}

fn has(attributes: &[KeyValue], key: &str) -> bool {
    find(attributes, key).is_some()
}

#[cfg(test)]
mod tests;
