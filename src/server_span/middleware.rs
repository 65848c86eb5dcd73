//! The middleware itself: what happens to a request, in order.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, forward_ready};
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{
    Link, Span, SpanBuilder, SpanContext, SpanKind, TraceContextExt, TraceState, Tracer,
};
use pin_project_lite::pin_project;

use super::attributes::{self, AtStart};
use super::body::SpanBody;
use super::extractor::ServerSpan;
use super::header_extractor::HeaderExtractor;
use super::method::Method;
use super::open_span::OpenSpan;
use super::panic::{HandlerPanic, catch};
use super::parties::CommonTexts;
use super::routes::{Guess, Routes};
use super::scope::Scope;
use super::settings::Middleware;
use super::{request_body, response_headers};

/// The service inside of a [`Middleware`], traced.
pub struct TracedService<S> {
    pub(super) service: S,
    pub(super) propagator: TextMapCompositePropagator,
    pub(super) settings: Rc<Middleware>,
    pub(super) common: CommonTexts,
    pub(super) routes: Routes,
}

impl<S, B> Service<ServiceRequest> for TracedService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SpanBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        // The path as the router reads it: `/%68ealth` is `/health`.
        if self.settings.excludes(request.match_info().as_str()) {
            return self.call_in(request, Scope::untraced());
        }

        let (parent, links) = self.parent_of(&request);
        let method = Method::of(request.method(), self.settings.known_methods.as_deref());
        // Before routing the path alone can tell the route; it names the span for samplers and for a
        // request that never gets a response. What routing finds replaces it.
        let Guess { route, name } = self.routes.guess(&request, &method);

        let at_start = AtStart {
            request: &request,
            method: &method,
            route: route.as_ref(),
            settings: &self.settings,
            common: &self.common,
        };
        // Room for those that follow.
        let mut attributes = Vec::with_capacity(attributes::USUAL_COUNT);
        if self.settings.sampler_reads_attributes {
            at_start.tell(|attribute| attributes.push(attribute));
        }
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_links(links)
            .with_attributes(attributes);

        // Here the SERVER span opens.
        let mut span = self.settings.tracer.build_with_context(builder, &parent);
        if span.is_recording() {
            if !self.settings.sampler_reads_attributes {
                at_start.tell(|attribute| span.set_attribute(attribute));
            }
            self.settings.tell_start(&mut span);
        }
        let cx = parent.with_span(span);
        ServerSpan::attach_to(&request, &cx);
        let upload = request_body::watch(&mut request);
        let kept = self.settings.keep(request.request());
        let span = OpenSpan::new(cx, Rc::clone(&self.settings), method, route, upload, kept);
        self.call_in(request, Scope::Traced(span))
    }
}

impl<S: Service<ServiceRequest>> TracedService<S> {
    /// The context to open the span in: the caller's, or, at a public endpoint, an empty one, with a
    /// link to the caller's.
    fn parent_of(&self, request: &ServiceRequest) -> (Context, Vec<Link>) {
        let headers = HeaderExtractor(request.headers());
        // Not from `Context::current()`: nothing that this thread did before is our parent.
        let remote = self.propagator.extract_with_context(&Context::new(), &headers);
        if !self.settings.public_endpoint {
            return (remote, Vec::new());
        }
        let span = remote.span();
        let caller = span.span_context();
        if !caller.is_valid() {
            return (Context::new(), Vec::new());
        }
        // Its ids alone: what else a stranger says does not go on from here.
        let (trace_id, span_id) = (caller.trace_id(), caller.span_id());
        let ids = SpanContext::new(trace_id, span_id, caller.trace_flags(), true, TraceState::NONE);
        (Context::new(), vec![Link::with_context(ids)])
    }

    fn call_in(&self, request: ServiceRequest, scope: Scope) -> ResponseFuture<S::Future> {
        let called = {
            // The inner services' `call` may already do work: it belongs inside the span too.
            let _active = scope.enter();
            catch(|| self.service.call(request))
        };
        match called {
            Ok(call) => ResponseFuture { call: Some(call), panic: None, scope: Some(scope) },
            Err(panic) => ResponseFuture { call: None, panic: Some(panic), scope: Some(scope) },
        }
    }
}

pin_project! {
    /// The response to come, with the span active whenever it is polled, and when it is dropped. Dropped
    /// before it is done, it ends the span as a request that nobody waits for any more.
    pub struct ResponseFuture<F> {
        #[pin]
        call: Option<F>,
        panic: Option<HandlerPanic>,
        scope: Option<Scope>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _active = this.scope.as_ref().map(Scope::enter);
            // What a handler still does when it is cancelled is inside the span, and before its end.
            this.call.set(None);
        }
    }
}

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<SpanBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = {
            let _active = this.scope.as_ref().map(Scope::enter);
            let result = match (this.call.as_mut().as_pin_mut(), this.panic.take()) {
                (Some(call), _) => match catch(|| call.poll(cx)) {
                    Ok(poll) => ready!(poll),
                    Err(panic) => Err(panic.into()),
                },
                (None, Some(panic)) => Err(panic.into()),
                // Polled after its end, which futures need not endure.
                (None, None) => return Poll::Pending,
            };
            // What it still holds ends before the span does; after a panic that may panic as well.
            let _ = catch(|| this.call.set(None));
            result
        };
        let scope = this.scope.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                let scope = scope.map(|mut scope| {
                    if let Some(span) = scope.span() {
                        span.on_response(&response);
                        let with_xray = span.speaks_xray();
                        response_headers::insert(response.headers_mut(), span.context(), with_xray);
                    }
                    scope
                });
                Ok(response.map_body(|_, body| SpanBody::new(body, scope)))
            }
            // A panic, or another middleware's error: a handler's error is a response by now. Actix
            // turns it into a response outside of any middleware, so the span ends here.
            Err(mut error) => {
                if let Some(mut scope) = scope {
                    if let Some(span) = scope.span() {
                        span.on_error(&error);
                        let (context, with_xray) = (span.context().clone(), span.speaks_xray());
                        error.add_response_mapper(move |mut response| {
                            response_headers::insert(response.headers_mut(), &context, with_xray);
                            response
                        });
                    }
                    scope.end();
                }
                Err(error)
            }
        })
    }
}
