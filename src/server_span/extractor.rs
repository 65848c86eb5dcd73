//! Lets a handler add to the span of its request.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use opentelemetry::trace::{SpanContext, SpanRef, TraceContextExt};
use opentelemetry::{Context, KeyValue};

/// The SERVER span of the request, as an extractor (or the span that a middleware inside of ours has
/// opened around the handler). Where the request is not traced, nothing comes of what is said here.
///
/// Set each key once, and none that the conventions give to the middleware: the SDK appends, it does
/// not replace.
#[derive(Clone, Debug)]
pub struct ServerSpan(Context);

impl ServerSpan {
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

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Extractors run before the handler, where the SERVER span is the active one.
        ready(Ok(Self(Context::current())))
    }
}
