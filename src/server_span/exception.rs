//! What went wrong, in the span's context: a log event by the conventions of today, and the span event
//! that X-Ray and Honeycomb read.

use std::borrow::Cow;

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

/// The request that it broke, as far as it is known: for log records, which are found by it.
pub(super) struct Request<'a> {
    pub(super) method: Cow<'static, str>,
    pub(super) route: Option<&'a str>,
    pub(super) status: Option<u16>,
}

impl Exception<'_> {
    /// Records it in the span's context `cx`.
    pub(super) fn record(self, cx: &Context, request: &Request<'_>, as_span_event: bool) {
        let class = self.class.unwrap_or(UNCLASSIFIED);
        let stacktrace = self.panic.and_then(HandlerPanic::stacktrace);
        let span = cx.span();
        let span_context = span.span_context();
        let trace_id = span_context.trace_id().to_string();
        let span_id = span_context.span_id().to_string();
        // The log record is the span's, whatever else is active.
        let _active = cx.clone().attach();
        tracing::error!(
            name: "http.server.request.exception",
            {
                "exception.type" = class,
                "exception.message" = self.message,
                "exception.stacktrace" = stacktrace,
                trace_id,
                span_id,
                "http.request.method" = &*request.method,
                "http.route" = request.route,
                "http.response.status_code" = request.status,
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
