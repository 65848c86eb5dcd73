//! A SERVER span between its opening and its end.
//!
//! It ends exactly once: by [`OpenSpan::end`] when the response is out, or by being dropped before
//! that, which means that nobody waits for the response any more. Actix drops the handler's future
//! and the body when the connection breaks, so that is said: `error.type=client_disconnected`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use opentelemetry::trace::{SpanId, Status, TraceContextExt, TraceId};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_semantic_conventions::attribute as key;

use super::attributes::{self, CLIENT_DISCONNECTED};
use super::middleware::OnEnd;

/// What an [`on_end`](super::Middleware::on_end) hook is told of a span that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// `http.request.method`: a known method or `_OTHER`.
    pub method: &'static str,
    /// `http.route`, if one matched.
    pub route: Option<String>,
    /// The response's status, if there was a response.
    pub status: Option<StatusCode>,
    /// `error.type`, if the request ended in error.
    pub error_type: Option<String>,
    /// From the opening of the span to its end.
    pub duration: Duration,
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span's own id.
    pub span_id: SpanId,
}

/// An open SERVER span, in the context in which it is the active span.
pub(super) struct OpenSpan {
    cx: Context,
    started: Instant,
    method: &'static str,
    route: Option<String>,
    head_request: bool,
    status: Option<StatusCode>,
    /// No body to wait for: dropping it unpolled is the regular end.
    bodiless: bool,
    ended: bool,
    on_end: Option<Arc<OnEnd>>,
}

impl OpenSpan {
    pub(super) fn new(
        cx: Context,
        method: &'static str,
        route: Option<String>,
        head_request: bool,
        on_end: Option<Arc<OnEnd>>,
    ) -> Self {
        Self {
            cx,
            started: Instant::now(),
            method,
            route,
            head_request,
            status: None,
            bodiless: false,
            ended: false,
            on_end,
        }
    }

    /// Makes this the active span until the guard is dropped; never hold it across an await.
    pub(super) fn activate(&self) -> ContextGuard {
        self.cx.clone().attach()
    }

    pub(super) fn context(&self) -> &Context {
        &self.cx
    }

    /// Notes what the response tells: its route and its status.
    pub(super) fn on_response<B: MessageBody>(&mut self, response: &ServiceResponse<B>) {
        self.bodiless = self.head_request
            || matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
        // Only now the router has spoken: overlapping patterns are told apart, and a default service
        // has none.
        let route = response.request().match_pattern();
        if route != self.route {
            self.cx.span().update_name(attributes::span_name(self.method, route.as_deref()));
            self.route = route;
        }
        if let Some(route) = &self.route {
            self.cx.span().set_attribute(KeyValue::new(key::HTTP_ROUTE, route.clone()));
        }
        self.on_status(response.status());
    }

    /// Notes the response's status. 5xx is an error of ours; everything else leaves the span's status
    /// Unset, 4xx too: the client's mistake is no error of the server.
    pub(super) fn on_status(&mut self, status: StatusCode) {
        self.status = Some(status);
        let span = self.cx.span();
        span.set_attribute(KeyValue::new(
            key::HTTP_RESPONSE_STATUS_CODE,
            i64::from(status.as_u16()),
        ));
        if status.is_server_error() {
            self.set_error(status.as_str());
        }
    }

    fn set_error(&self, error_type: &str) {
        let span = self.cx.span();
        span.set_attribute(KeyValue::new(key::ERROR_TYPE, error_type.to_owned()));
        // No description: the status code or the error's type says it.
        span.set_status(Status::error(""));
    }

    /// Ends the span: the response is out.
    pub(super) fn end(mut self) {
        self.end_once(None);
    }

    /// Ends the span: the response broke off for the reason that `error_type` names.
    pub(super) fn fail(mut self, error_type: &'static str) {
        self.end_once(Some(error_type));
    }

    fn end_once(&mut self, broken_off: Option<&'static str>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // A 5xx has set its `error.type` already; a key is set once.
        let failed = self.status.filter(StatusCode::is_server_error);
        if let (Some(error_type), None) = (broken_off, failed) {
            self.set_error(error_type);
        }
        // Before the processors run: their time is not the request's.
        let duration = self.started.elapsed();
        let span = self.cx.span();
        // Explicit: clones of the context, in spawned tasks say, must not keep the span open.
        span.end();
        if let Some(on_end) = &self.on_end {
            on_end(&Ended {
                method: self.method,
                route: self.route.take(),
                status: self.status,
                error_type: failed
                    .as_ref()
                    .map(StatusCode::as_str)
                    .or(broken_off)
                    .map(str::to_owned),
                duration,
                trace_id: span.span_context().trace_id(),
                span_id: span.span_context().span_id(),
            });
        }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.end_once((!self.bodiless).then_some(CLIENT_DISCONNECTED));
    }
}
