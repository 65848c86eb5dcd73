//! What went wrong, in the span's context: a log event by the conventions of today, and the span event
//! that X-Ray and Honeycomb read.

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute as key;

use super::panic::HandlerPanic;

/// The type of an error that nobody has classified: Actix keeps only that it is one.
const UNCLASSIFIED: &str = "actix_web::Error";

/// An error that is ours: a handler's 5xx, or a panic.
pub(super) struct Exception<'a> {
    pub(super) class: Option<&'static str>,
    pub(super) message: &'a str,
    pub(super) panic: Option<&'a HandlerPanic>,
}

impl Exception<'_> {
    /// Records it in the span's context `cx`.
    pub(super) fn record(self, cx: &Context, as_span_event: bool) {
        let class = self.class.unwrap_or(UNCLASSIFIED);
        let stacktrace = self.panic.and_then(HandlerPanic::stacktrace);
        let span = cx.span();
        let span_context = span.span_context();
        let trace_id = span_context.trace_id().to_string();
        let span_id = span_context.span_id().to_string();
        tracing::error!(
            name: "http.server.request.exception",
            {
                "exception.type" = class,
                "exception.message" = self.message,
                "exception.stacktrace" = stacktrace,
                trace_id,
                span_id,
            },
            "a request failed"
        );
        if as_span_event {
            let mut attributes = vec![
                KeyValue::new(key::EXCEPTION_TYPE, class),
                KeyValue::new(key::EXCEPTION_MESSAGE, self.message.to_owned()),
            ];
            if let Some(stacktrace) = stacktrace {
                attributes.push(KeyValue::new(key::EXCEPTION_STACKTRACE, stacktrace.to_owned()));
            }
            span.add_event("exception", attributes);
        }
    }
}
