//! An item while it waits to be sent. What takes time is left to the thread that sends it: names of a
//! backtrace, scrubbing, JSON.

use std::backtrace::Backtrace;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde::Serialize;
use uuid::Uuid;

use crate::server_span::{Failure, HandlerPanic, ReceivedRequest};

/// How grave an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Error,
    Warning,
    Info,
}

pub(super) struct Item {
    /// Random, so that whoever reads the span finds the item, and that an item which is sent twice counts
    /// once.
    pub(super) uuid: Uuid,
    pub(super) time: SystemTime,
    pub(super) level: Level,
    pub(super) route: Option<String>,
    pub(super) subject: Subject,
    pub(super) request: Option<ReceivedRequest>,
    pub(super) span: SpanContext,
    /// How many of the same fault were left out since the item before.
    pub(super) left_out: u64,
    /// Items that have the same are the same fault.
    pub(super) fingerprint: Option<String>,
}

/// What an item is about.
pub(super) enum Subject {
    Message(String),
    Exception(Exception),
}

pub(super) struct Exception {
    pub(super) class: String,
    pub(super) message: Option<String>,
    pub(super) place: Option<(String, u32)>,
    pub(super) backtrace: Option<Arc<Backtrace>>,
}

impl Item {
    /// The item of a failure with this [`fingerprint`].
    pub(super) fn of(failure: Failure<'_>, uuid: Uuid, fingerprint: String, left_out: u64) -> Self {
        let panic = failure.panic;
        let exception = Exception {
            class: failure.error_type.to_owned(),
            message: match (failure.message, failure.status) {
                (Some(message), _) => Some(message.to_owned()),
                (None, status) => status.map(|status| status.to_string()),
            },
            place: panic.and_then(HandlerPanic::place).map(|(file, line)| (file.to_owned(), line)),
            backtrace: panic.and_then(HandlerPanic::backtrace).cloned(),
        };
        Self {
            uuid,
            time: SystemTime::now(),
            level: Level::Error,
            route: failure.route.map(str::to_owned),
            subject: Subject::Exception(exception),
            span: failure.span().span_context().clone(),
            request: Some(failure.request),
            left_out,
            fingerprint: Some(fingerprint),
        }
    }

    /// A message in the active trace, from within a request if there is one.
    pub(super) fn message(
        level: Level,
        text: impl Into<String>,
        route: Option<String>,
        request: Option<ReceivedRequest>,
    ) -> Self {
        Self {
            uuid: Uuid::new_v4(),
            time: SystemTime::now(),
            level,
            route,
            subject: Subject::Message(text.into()),
            request,
            span: Context::map_current(|cx| cx.span().span_context().clone()),
            left_out: 0,
            // Rollbar groups messages by their text.
            fingerprint: None,
        }
    }
}

/// What makes two failures the same fault: the class, the route, and the place of a panic. Never what
/// was said or asked, which has ids in it, and which strangers could vary. Rollbar takes it as it is, and
/// hashes what is longer than 40 characters.
pub(super) fn fingerprint(failure: &Failure<'_>) -> String {
    let (class, route) = (failure.error_type, failure.route.unwrap_or("-"));
    match failure.panic.and_then(HandlerPanic::place) {
        Some((file, line)) => format!("{class} {route} {file}:{line}"),
        None => format!("{class} {route}"),
    }
}
