//! Tells the client which trace its request became.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;

use crate::propagation::{Traceparent, xray};

/// De facto, from an early draft of W3C Trace Context Level 2: easy to read for programs.
pub(crate) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// What browsers show to scripts and what their agents read.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// AWS's own, for callers that are asked in its form too.
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static(xray::HEADER);

/// Adds the headers for the active span of `context`, sampled or not: the flags say it. AWS's is among
/// them where `with_xray` says so.
pub(super) fn insert(headers: &mut HeaderMap, context: &Context, with_xray: bool) {
    let Some(traceparent) = Traceparent::of(context) else { return };
    let traceparent = traceparent.header();
    let timing: [&[u8]; 5] =
        [b"trace;desc=", &traceparent, b", traceparent;desc=\"", &traceparent, b"\""];
    if let Ok(value) = HeaderValue::from_bytes(&traceparent) {
        headers.insert(TRACERESPONSE, value);
    }
    if let Ok(value) = HeaderValue::try_from(timing.concat()) {
        // Appended: the handler may have timings of its own.
        headers.append(SERVER_TIMING, value);
    }
    let xray = with_xray.then(|| xray::of_response(context)).flatten();
    if let Some(value) = xray.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(X_AMZN_TRACE_ID, value);
    }
}
