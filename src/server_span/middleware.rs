//! The middleware itself: what happens to a request, in order.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse, Transform, forward_ready};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_semantic_conventions::SCHEMA_URL;
use pin_project_lite::pin_project;

use super::attributes::{self, HeaderExtractor};
use super::body::SpanBody;
use super::open_span::{Ended, OpenSpan};
use super::response_headers;

/// What is called with each span that has ended.
pub(super) type OnEnd = dyn Fn(&Ended) + Send + Sync;

/// Opens a SERVER span for each request: `App::wrap` it outside of everything that should be inside
/// the span.
#[derive(Clone)]
pub struct Middleware {
    tracer: SdkTracer,
    excluded_paths: Vec<String>,
    on_end: Option<Arc<OnEnd>>,
}

impl Middleware {
    /// A middleware whose spans go to `provider`, under a scope named after this crate.
    pub fn new(provider: &SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        Self { tracer: provider.tracer_with_scope(scope), excluded_paths: Vec::new(), on_end: None }
    }

    /// Does not trace `path` and what is under it: `/health` also excludes `/health/live`.
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        self.excluded_paths.push(path.trim_end_matches('/').to_owned());
        self
    }

    /// Calls `on_end` with each span when it has ended, on the thread that ended it. The access log is
    /// written so.
    pub fn on_end(mut self, on_end: impl Fn(&Ended) + Send + Sync + 'static) -> Self {
        self.on_end = Some(Arc::new(on_end));
        self
    }

    fn excludes(&self, path: &str) -> bool {
        self.excluded_paths.iter().any(|excluded| {
            path.strip_prefix(excluded.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl<S, B> Transform<S, ServiceRequest> for Middleware
where
    S: actix_web::dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SpanBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = Service<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let propagator = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        ready(Ok(Service { service, settings: self.clone(), propagator }))
    }
}

/// The middleware around the service that it wraps.
pub struct Service<S> {
    service: S,
    settings: Middleware,
    propagator: TextMapCompositePropagator,
}

impl<S, B> actix_web::dev::Service<ServiceRequest> for Service<S>
where
    S: actix_web::dev::Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SpanBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if self.settings.excludes(request.path()) {
            return ResponseFuture { call: self.service.call(request), span: None };
        }

        let parent = self.propagator.extract_with_context(
            // Not `Context::current()`: nothing that this thread did before is our parent.
            &Context::new(),
            &HeaderExtractor(request.headers()),
        );
        let method = attributes::method_name(request.method());
        // Before routing the path alone can tell the route; it names the span for samplers and for a
        // request that never gets a response. What routing finds replaces it.
        let route = request.resource_map().match_pattern(request.path());

        // Here the SERVER span opens.
        let span = self.settings.tracer.build_with_context(
            SpanBuilder::from_name(attributes::span_name(method, route.as_deref()))
                .with_kind(SpanKind::Server)
                .with_attributes(attributes::at_start(&request)),
            &parent,
        );
        let span = OpenSpan::new(
            parent.with_span(span),
            method,
            route,
            request.method() == actix_web::http::Method::HEAD,
            self.settings.on_end.clone(),
        );

        // The inner services' `call` may already do work: it belongs inside the span too.
        let _active = span.activate();
        ResponseFuture { call: self.service.call(request), span: Some(span) }
    }
}

pin_project! {
    /// The response to come, with the span active whenever it is polled. Dropped before it is done,
    /// it ends the span: see [`super::open_span`].
    pub struct ResponseFuture<F> {
        #[pin]
        call: F,
        span: Option<OpenSpan>,
    }
}

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<SpanBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _active = this.span.as_ref().map(OpenSpan::activate);
            ready!(this.call.poll(cx))
        };
        let span = this.span.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                let span = span.map(|mut span| {
                    span.on_response(&response);
                    response_headers::insert(response.headers_mut(), span.context());
                    span
                });
                Ok(response.map_body(|_, body| SpanBody::new(body, span)))
            }
            // Only another middleware makes an `Err`: a handler's error is a response by now. Actix
            // turns it into a response outside of any middleware, so the span ends here.
            Err(mut error) => {
                if let Some(mut span) = span {
                    span.on_status(error.as_response_error().status_code());
                    let context = span.context().clone();
                    error.add_response_mapper(move |mut response| {
                        response_headers::insert(response.headers_mut(), &context);
                        response
                    });
                    span.end();
                }
                Err(error)
            }
        })
    }
}
