//! Tells the client which trace its request became.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;

use crate::propagation::Traceparent;

/// De facto, from an early draft of W3C Trace Context Level 2: easy to read for programs.
pub(crate) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// What browsers show to scripts and what their agents read.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Adds both headers for the active span of `context`, sampled or not: the flags say it.
pub(super) fn insert(headers: &mut HeaderMap, context: &Context) {
    let Some(traceparent) = Traceparent::of(context) else { return };
    let traceparent = traceparent.header();
    let timing =
        ["trace;desc=", &traceparent, ", traceparent;desc=\"", &traceparent, "\""].concat();
    if let Ok(value) = HeaderValue::try_from(traceparent) {
        headers.insert(TRACERESPONSE, value);
    }
    if let Ok(value) = HeaderValue::try_from(timing) {
        // Appended: the handler may have timings of its own.
        headers.append(SERVER_TIMING, value);
    }
}
