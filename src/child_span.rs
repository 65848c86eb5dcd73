//! The one way to open a child span: [`in_span`] around synchronous work, [`in_span_async`] around
//! work that awaits. Both make the new span the active one, so that whatever is opened inside
//! becomes its child, and both end it when the work is done, also by a panic or a cancellation.
//!
//! A handler gets its tracer, with the scope name that the route table in `app.rs` gives it,
//! through the [`HandlerTracer`] extractor:
//!
//! ```
//! use backend_actix::child_span::HandlerTracer;
//! use opentelemetry::KeyValue;
//!
//! async fn handler(tracer: HandlerTracer) -> String {
//!     tracer.in_span("work-mock-data", |span| {
//!         span.set_attribute(KeyValue::new("app.result_length", 3));
//!         "done".to_owned()
//!     })
//! }
//! ```

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, ResponseError, dev::Payload};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanRef, TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracer;

/// Runs `work` in a new INTERNAL span, a child of the active one.
///
/// ```
/// use backend_actix::child_span::in_span;
/// use opentelemetry::{KeyValue, trace::TracerProvider};
///
/// let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
/// let sum = in_span(&provider.tracer("docs"), "adding", |span| {
///     span.set_attribute(KeyValue::new("app.terms", 2));
///     1 + 1
/// });
/// assert_eq!(sum, 2);
/// ```
pub fn in_span<Tr, T>(
    tracer: &Tr,
    name: impl Into<Cow<'static, str>>,
    work: impl FnOnce(SpanRef<'_>) -> T,
) -> T
where
    Tr: Tracer<Span: Send + Sync + 'static>,
{
    let open = Open(Context::current_with_span(tracer.start(name)));
    let _active = open.0.clone().attach();
    work(open.0.span())
}

/// Awaits `work` in a new INTERNAL span, a child of the active one.
///
/// The context is attached anew for each poll, never held across an await: a guard that lives
/// longer than its poll would make the span active for whatever else the thread runs meanwhile.
///
/// ```
/// # use backend_actix::child_span::in_span_async;
/// # use opentelemetry::trace::TracerProvider;
/// # #[actix_web::main]
/// # async fn main() {
/// # let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
/// let answer = in_span_async(&provider.tracer("docs"), "asking", async |span| {
///     span.add_event("asked", vec![]);
///     42
/// })
/// .await;
/// # assert_eq!(answer, 42);
/// # }
/// ```
pub async fn in_span_async<Tr, T>(
    tracer: &Tr,
    name: impl Into<Cow<'static, str>>,
    work: impl AsyncFnOnce(SpanRef<'_>) -> T,
) -> T
where
    Tr: Tracer<Span: Send + Sync + 'static>,
{
    let open = Open(Context::current_with_span(tracer.start(name)));
    work(open.0.span()).with_context(open.0.clone()).await
}

/// Ends its span when it is dropped, which a mere context does only with its last clone: the work may
/// have kept one, in a spawned task say.
struct Open(Context);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.span().end();
    }
}

/// The tracer of one handler, named after its instrumentation scope.
///
/// The route table puts it into the app data of each resource; as an extractor it gives a handler
/// its own.
#[derive(Clone, Debug)]
pub struct HandlerTracer(SdkTracer);

impl HandlerTracer {
    /// Wraps the tracer of one scope.
    pub fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }

    /// [`in_span`] with this tracer.
    pub fn in_span<T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl FnOnce(SpanRef<'_>) -> T,
    ) -> T {
        in_span(&self.0, name, work)
    }

    /// [`in_span_async`] with this tracer.
    pub async fn in_span_async<T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl AsyncFnOnce(SpanRef<'_>) -> T,
    ) -> T {
        in_span_async(&self.0, name, work).await
    }
}

impl FromRequest for HandlerTracer {
    type Error = NoHandlerTracer;
    type Future = Ready<Result<Self, NoHandlerTracer>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.app_data::<Self>().cloned().ok_or(NoHandlerTracer))
    }
}

/// A handler takes a [`HandlerTracer`], and its route has none: a 500, and a mistake in the route table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this route has no HandlerTracer in its app data")]
pub struct NoHandlerTracer;

impl ResponseError for NoHandlerTracer {}
