//! A handler that panics: its request is answered with 500, and the connection lives on.
//!
//! Unwinding tells only the message. Where it happened is known to the panic hook alone; a program
//! that wants it on the span calls [`remember_panics`] at its start.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, ResponseError};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// A panic on the way to a response.
#[derive(Debug)]
pub struct HandlerPanic {
    message: String,
    stacktrace: Option<String>,
    trace_id: Option<String>,
}

impl HandlerPanic {
    pub(super) fn from_payload(payload: &(dyn Any + Send)) -> Self {
        Self {
            message: message(payload).to_owned(),
            // The last panic of this thread may be another one, which somebody else has caught.
            stacktrace: LAST_PANIC
                .take()
                .filter(|last| last.message == message(payload))
                .map(|last| last.stacktrace),
            trace_id: Context::map_current(|cx| {
                let span = cx.span();
                let span_context = span.span_context();
                span_context.is_valid().then(|| span_context.trace_id().to_string())
            }),
        }
    }

    /// What the panic said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it happened, if the program [remembers](remember_panics) it.
    pub fn stacktrace(&self) -> Option<&str> {
        self.stacktrace.as_deref()
    }
}

impl std::fmt::Display for HandlerPanic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for HandlerPanic {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    /// JSON with the trace id, and nothing of the message.
    fn error_response(&self) -> HttpResponse {
        let trace_id = self.trace_id.as_deref().map(|id| format!(r#","trace_id":"{id}""#));
        let body = format!(
            r#"{{"error":{{"code":"internal_server_error","message":"the server failed to serve this request"{}}}}}"#,
            trace_id.unwrap_or_default()
        );
        HttpResponse::InternalServerError().content_type("application/json").body(body)
    }
}

/// Runs `work`; a panic in it is an error. The active context is that of the request.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, HandlerPanic> {
    // What panicked is dropped and not used again, so a broken invariant inside of it is not seen; what
    // it shares with other requests has to guard itself, as in any server.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| HandlerPanic::from_payload(&*payload))
}

/// Awaits `response`; a panic in it is an error. For a middleware inside of ours that has to do with
/// each response, those of panics too: CORS, say.
///
/// # Errors
/// What `response` fails with, or a [`HandlerPanic`].
pub async fn catch_panics<T>(response: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut response = pin!(response);
    poll_fn(|cx| match catch(|| response.as_mut().poll(cx)) {
        Ok(poll) => poll,
        Err(panic) => Poll::Ready(Err(panic.into())),
    })
    .await
}

thread_local! {
    /// Where this thread panicked last.
    static LAST_PANIC: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

struct Remembered {
    message: String,
    stacktrace: String,
}

/// To be called from a program's panic hook: notes where the panic happened, with a backtrace where
/// `RUST_BACKTRACE` asks for it, for the span of the request that it broke.
pub fn remember_panics(panic: &PanicHookInfo<'_>) {
    let message = message(panic.payload()).to_owned();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let stacktrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("{message}\n{place}\n{backtrace}"),
        _ => format!("{message}\n{place}"),
    };
    LAST_PANIC.replace(Some(Remembered { message, stacktrace }));
}

/// What a panic said, from its payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}
