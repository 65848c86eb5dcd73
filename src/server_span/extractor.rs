//! Lets a handler add to the span of its request.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use opentelemetry::trace::{SpanContext, SpanRef, TraceContextExt};
use opentelemetry::{Context, KeyValue};

/// The SERVER span of the request, as an extractor, whatever spans are open inside of it. Where the
/// request is not traced, nothing comes of what is said here.
///
/// Set each key once, and none that the conventions give to the middleware: the SDK appends, it does
/// not replace.
#[derive(Clone, Debug)]
pub struct ServerSpan(Context);

impl ServerSpan {
    /// Lets the extractor find the span that is active in `cx`.
    pub(super) fn attach_to(request: &ServiceRequest, cx: &Context) {
        request.extensions_mut().insert(Self(cx.clone()));
    }

    /// Sets an attribute.
    pub fn set_attribute(&self, attribute: KeyValue) {
        self.0.span().set_attribute(attribute);
    }

    /// The span itself, for events, links and the rest.
    pub fn span(&self) -> SpanRef<'_> {
        self.0.span()
    }

    /// Its ids and flags.
    pub fn span_context(&self) -> SpanContext {
        self.0.span().span_context().clone()
    }
}

impl FromRequest for ServerSpan {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let span = request.extensions().get().cloned();
        ready(Ok(span.unwrap_or_else(|| Self(Context::new()))))
    }
}
