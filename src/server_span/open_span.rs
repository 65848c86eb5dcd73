//! A SERVER span between its opening and its end, and the ways in which a request can end.
//!
//! It ends exactly once: by [`OpenSpan::end`] when the response is out, or by being dropped before
//! that, which means that nobody waits for the response any more. Actix drops the handler's future
//! and the body when the connection breaks, so that is what is said, unless more is known.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use opentelemetry::trace::{SpanId, SpanRef, Status, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_semantic_conventions::attribute as key;

use super::exception::{Exception, Request};
use super::failure::{Failure, Kept};
use super::method::Method;
use super::panic::{HandlerPanic, catch};
use super::request_body::Upload;
use super::settings::Middleware;
use crate::propagation::Kind;

/// `error.type` of a request whose client went away before it was answered.
const CLIENT_DISCONNECTED: &str = "client_disconnected";
/// `error.type` of a request that was dropped because the service stopped by force.
const SHUTDOWN: &str = "shutdown";
/// `error.type` of a handler that panicked.
const PANIC: &str = "panic";
/// `error.type` of a response whose body could not be made to its end.
const RESPONSE_BODY: &str = "response_body";

/// What an [`on_end`](super::Middleware::on_end) hook is told of a span that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended<'a> {
    /// `http.request.method`: a known method or `_OTHER`.
    pub method: Cow<'static, str>,
    /// `http.route`, if one matched; where there was no response, the one that the path fits.
    pub route: Option<&'a str>,
    /// Is `route` what the router said, and no guess?
    pub is_routed: bool,
    /// The response's status, if there was a response.
    pub status: Option<StatusCode>,
    /// `error.type`, if the request ended in error.
    pub error_type: Option<&'a str>,
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
    settings: Rc<Middleware>,
    started: Instant,
    method: Method,
    /// Before there is a response: a guess from the path, which other patterns may fit as well.
    route: Option<Cow<'static, str>>,
    is_routed: bool,
    upload: Option<Rc<Upload>>,
    /// Until it is told, where anybody wants to be told.
    kept: Option<Box<Kept>>,
    status: Option<StatusCode>,
    error_type: Option<Cow<'static, str>>,
    sent: Option<u64>,
    /// No body to wait for: dropping it unpolled is the regular end.
    is_bodiless: bool,
    has_ended: bool,
}

impl OpenSpan {
    pub(super) fn new(
        cx: Context,
        settings: Rc<Middleware>,
        method: Method,
        route: Option<Cow<'static, str>>,
        upload: Option<Rc<Upload>>,
        kept: Option<Box<Kept>>,
    ) -> Self {
        settings.in_flight.begin();
        Self {
            cx,
            settings,
            started: Instant::now(),
            method,
            route,
            is_routed: false,
            upload,
            kept,
            status: None,
            error_type: None,
            sent: None,
            is_bodiless: false,
            has_ended: false,
        }
    }

    /// The context in which this is the active span; attach it for a poll, never across an await.
    pub(super) fn context(&self) -> &Context {
        &self.cx
    }

    /// Is AWS's form of the context among those that are read here?
    pub(super) fn speaks_xray(&self) -> bool {
        self.settings.propagators.contains(&Kind::Xray)
    }

    /// Notes what the response tells: its route, its status, its error, its headers.
    pub(super) fn on_response<B: MessageBody>(&mut self, response: &ServiceResponse<B>) {
        let is_head = response.request().method() == actix_web::http::Method::HEAD;
        let is_empty =
            matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
        self.is_bodiless = is_head || is_empty;
        self.sent = (!is_head).then_some(0);
        // Only now the router has spoken: overlapping patterns are told apart, and a default service
        // has none.
        let route = response.request().match_pattern();
        if route.as_deref() != self.route.as_deref() {
            self.cx.span().update_name(self.method.span_name(route.as_deref()));
            self.route = route.map(Cow::Owned);
        }
        self.is_routed = true;
        let headers = self.settings.response_headers.attributes(response.headers());
        self.cx.span().set_attributes(headers);
        self.on_status(response.status(), response.response().error());
    }

    /// Notes an error that becomes a response only outside of us.
    pub(super) fn on_error(&mut self, error: &Error) {
        self.on_status(error.as_response_error().status_code(), Some(error));
    }

    /// 5xx is an error of ours; everything else leaves the span's status Unset, 4xx too: the client's
    /// mistake is no error of the server.
    fn on_status(&mut self, status: StatusCode, error: Option<&Error>) {
        self.status = Some(status);
        // What a handler makes of a body that broke off is no error of ours.
        if !status.is_server_error() || self.is_upload_broken() {
            return;
        }
        let panic = error.and_then(|error| error.as_error::<HandlerPanic>());
        // What the program says of its own errors may panic in turn.
        let class = match (panic, error) {
            (Some(_), _) => Some(PANIC),
            (None, Some(error)) => catch(|| (self.settings.classify_error)(error)).ok().flatten(),
            (None, None) => None,
        };
        self.error_type = Some(match class {
            Some(class) => Cow::Borrowed(class),
            None => Cow::Owned(status.as_str().to_owned()),
        });
        let message = error.map(|error| catch(|| error.to_string()).unwrap_or_default());
        if let Some(message) = &message {
            self.record(Exception { class, message, panic });
        }
        self.tell_failure(message.as_deref(), panic);
    }

    /// Tells who wants to know, once: it may have attributes for the span.
    fn tell_failure(&mut self, message: Option<&str>, panic: Option<&HandlerPanic>) {
        let Some(kept) = self.kept.take() else { return };
        self.settings.tell_failure(|| Failure {
            request: kept.told(&self.settings),
            route: self.route.as_deref(),
            status: self.status,
            error_type: self.error_type.as_deref().unwrap_or_default(),
            message,
            panic,
            cx: &self.cx,
        });
    }

    fn is_upload_broken(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_broken())
    }

    /// Is there no body to be sent?
    pub(super) fn is_bodiless(&self) -> bool {
        self.is_bodiless
    }

    /// Notes a piece of the body that was handed over.
    pub(super) fn on_sent(&mut self, bytes: usize) {
        self.sent = self.sent.map(|sent| sent + bytes as u64);
    }

    /// Notes that the body could not be made to its end; the connection is closed then.
    pub(super) fn on_body_error(&mut self) {
        self.error_type.get_or_insert(Cow::Borrowed(RESPONSE_BODY));
    }

    /// Notes a panic in the making of the body.
    pub(super) fn on_body_panic(&mut self, panic: &HandlerPanic) {
        let message = panic.message();
        self.record(Exception { class: Some(PANIC), message, panic: Some(panic) });
        self.error_type.get_or_insert(Cow::Borrowed(PANIC));
        self.tell_failure(Some(message), Some(panic));
    }

    fn record(&self, exception: Exception<'_>) {
        let request = Request {
            method: self.method.attribute(),
            route: self.known_route().map(Cow::as_ref),
            status: self.status.map(|status| status.as_u16()),
        };
        exception.record(&self.cx, &request, self.settings.exception_events);
    }

    /// A guess is in the name, never in an attribute.
    fn known_route(&self) -> Option<&Cow<'static, str>> {
        self.route.as_ref().filter(|_| self.is_routed)
    }

    /// Ends the span: the response is out.
    pub(super) fn end(mut self) {
        self.end_once();
    }

    fn end_once(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        if self.is_upload_broken() {
            // Whatever was answered, nobody has read it.
            self.error_type.get_or_insert(Cow::Borrowed(CLIENT_DISCONNECTED));
        }
        let settings = Rc::clone(&self.settings);
        let _ending = settings.in_flight.ending();
        // Before the processors run: their time is not the request's.
        let duration = self.started.elapsed();
        let span = self.cx.span();
        if span.is_recording() {
            self.set_attributes(&span);
            if self.error_type.is_some() {
                // No description: the status code or the error's type says it.
                span.set_status(Status::error(""));
            }
        }
        // Explicit: clones of the context, in spawned tasks say, must not keep the span open.
        span.end();
        // What is logged of it has its ids, though it has ended.
        let _active = self.cx.clone().attach();
        self.settings.tell_end(|| Ended {
            method: self.method.attribute(),
            route: self.route.as_deref(),
            is_routed: self.is_routed,
            status: self.status,
            error_type: self.error_type.as_deref(),
            duration,
            trace_id: span.span_context().trace_id(),
            span_id: span.span_context().span_id(),
        });
    }

    /// Sets what is only known at the end, each key once.
    fn set_attributes(&self, span: &SpanRef<'_>) {
        let set = |key: &'static str, value: Value| span.set_attribute(KeyValue::new(key, value));
        let set_size = |key, bytes| set(key, i64::try_from(bytes).unwrap_or(i64::MAX).into());
        if let Some(route) = self.known_route() {
            set(key::HTTP_ROUTE, route.clone().into());
        }
        if let Some(status) = self.status {
            set(key::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()).into());
        }
        let is_cut_off = self.status.is_none();
        if let Some(received) = self.upload.as_ref().and_then(|upload| upload.size(is_cut_off)) {
            set_size(key::HTTP_REQUEST_BODY_SIZE, received);
        }
        if let Some(sent) = self.sent {
            set_size(key::HTTP_RESPONSE_BODY_SIZE, sent);
        }
        if let Some(class) = &self.error_type {
            set(key::ERROR_TYPE, class.clone().into());
        }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        if !self.is_bodiless && !self.has_ended {
            let reason = if self.settings.in_flight.is_cut_off() {
                SHUTDOWN
            } else if std::thread::panicking() {
                PANIC
            } else {
                CLIENT_DISCONNECTED
            };
            self.error_type.get_or_insert(Cow::Borrowed(reason));
        }
        self.end_once();
    }
}
