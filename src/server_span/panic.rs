//! A handler that panics: its request is answered with 500, and the connection lives on.
//!
//! Unwinding tells only the message. Where it happened is known to the panic hook alone; a program
//! that wants it on the span calls [`remember_panics`] at its start.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, ResponseError};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// A panic on the way to a response.
pub struct HandlerPanic {
    message: String,
    remembered: Option<Box<Remembered>>,
    trace_id: Option<String>,
}

impl HandlerPanic {
    pub(super) fn from_payload(payload: &(dyn Any + Send)) -> Self {
        Self {
            message: message(payload).to_owned(),
            // The last panic of this thread may be another one, which somebody else has caught.
            remembered: LAST_PANIC.take().filter(|last| last.message == message(payload)),
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
        self.remembered.as_ref().map(|remembered| remembered.stacktrace.as_str())
    }

    /// The file and the line where it happened, likewise.
    pub fn place(&self) -> Option<(&str, u32)> {
        let (file, line) = self.remembered.as_ref()?.place.as_ref()?;
        Some((file, *line))
    }

    /// The calls that led there, likewise, whatever `RUST_BACKTRACE` says. Their names are looked up when
    /// it is first printed, which may take a while: not on the thread of a request.
    pub fn backtrace(&self) -> Option<&Arc<Backtrace>> {
        self.remembered.as_ref().map(|remembered| &remembered.backtrace)
    }
}

impl fmt::Debug for HandlerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the backtrace, which takes its time: Actix logs errors in this form.
        f.debug_struct("HandlerPanic")
            .field("message", &self.message)
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for HandlerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    static LAST_PANIC: RefCell<Option<Box<Remembered>>> = const { RefCell::new(None) };
}

struct Remembered {
    message: String,
    stacktrace: String,
    place: Option<(String, u32)>,
    backtrace: Arc<Backtrace>,
}

/// To be called from a program's panic hook: notes where the panic happened, and the calls that led
/// there, for the span of the request that it broke. The span's stack trace has the calls where
/// `RUST_BACKTRACE` asks for them.
pub fn remember_panics(panic: &PanicHookInfo<'_>) {
    let message = message(panic.payload()).to_owned();
    let location = panic.location();
    let mut stacktrace =
        format!("{message}\n{}", location.map(ToString::to_string).unwrap_or_default());
    let mut backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        stacktrace.push_str(&format!("\n{backtrace}"));
    } else {
        // The addresses alone, some microseconds: who wants names looks them up elsewhere.
        backtrace = Backtrace::force_capture();
    }
    let place = location.map(|location| (location.file().to_owned(), location.line()));
    let backtrace = Arc::new(backtrace);
    LAST_PANIC.replace(Some(Box::new(Remembered { message, stacktrace, place, backtrace })));
}

/// What a panic said, from its payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}
