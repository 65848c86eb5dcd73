//! What went wrong: the three flags that colour a node of the trace map, and the exceptions behind them.

use opentelemetry::trace::{Event, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::document::{Cause, Exception, Flags};
use super::values::{number, text};
use super::{id, stack};

/// By the response's status, as AWS's SDKs do: a 4xx leaves a SERVER span's own status unset. Where the
/// status code says nothing, the span's does.
pub(super) fn flags(span: &SpanData) -> Flags {
    match number(span, key::HTTP_RESPONSE_STATUS_CODE) {
        Some(429) => Flags { error: true, throttle: true, fault: false },
        Some(400..=499) => Flags { error: true, ..Flags::default() },
        Some(500..=599) => Flags { fault: true, ..Flags::default() },
        _ => Flags { fault: is_error(span), ..Flags::default() },
    }
}

fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

/// The exceptions that the span recorded; without any, what its status says of its error.
pub(super) fn cause(span: &SpanData) -> Option<Cause> {
    let remote = matches!(span.span_kind, SpanKind::Client | SpanKind::Producer);
    let events = span.events.iter().filter(|event| event.name == "exception");
    let mut exceptions: Vec<_> = events.map(|event| recorded(event, remote)).collect();
    if exceptions.is_empty() {
        exceptions.extend(told(span, remote));
    }
    (!exceptions.is_empty()).then_some(Cause { exceptions })
}

fn recorded(event: &Event, remote: bool) -> Exception {
    let value = |key: &str| {
        let attribute = event.attributes.iter().find(|attribute| attribute.key.as_str() == key);
        attribute.map(|attribute| attribute.value.to_string())
    };
    let (stack, truncated) =
        value(key::EXCEPTION_STACKTRACE).map(|text| stack::frames(&text)).unwrap_or_default();
    Exception {
        id: id::random(),
        class: value(key::EXCEPTION_TYPE),
        message: value(key::EXCEPTION_MESSAGE),
        remote,
        stack,
        truncated,
    }
}

/// An error without an exception: a client that went away, a call that got no answer.
fn told(span: &SpanData, remote: bool) -> Option<Exception> {
    let Status::Error { description } = &span.status else { return None };
    let message = (!description.is_empty()).then(|| description.to_string());
    // A class that is but the status code says nothing that is not said already.
    let class = text(span, key::ERROR_TYPE)
        .filter(|class| !class.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned);
    (message.is_some() || class.is_some()).then(|| Exception {
        id: id::random(),
        class,
        message,
        remote,
        ..Exception::default()
    })
}
