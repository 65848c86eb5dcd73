//! What a remote parent said and the SDK does not pass on, in the `Context` beside the span.
//!
//! The SDK makes a span's flags anew (`random` is lost when a span is not sampled, and never set when
//! a trace starts), and its `TraceState` refuses lists that level 2 allows. A `Context` hands its
//! values down to every context made from it, so that is where they travel.

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId};

use super::traceparent::RANDOM;

/// Belongs to one trace, and is nothing to any other: a trace that starts anew in the same context,
/// because its caller is not trusted say, inherits nothing.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) trace_id: TraceId,
    pub(super) random: bool,
    /// The checked list of [`super::tracestate`].
    pub(super) tracestate: Option<Arc<str>>,
}

impl Carried {
    /// What `cx` carries for the trace of `span`.
    pub(super) fn of<'a>(cx: &'a Context, span: &SpanContext) -> Option<&'a Self> {
        cx.get::<Self>().filter(|carried| carried.trace_id == span.trace_id())
    }
}

/// The flags that W3C Trace Context level 2 wants for the active span of `context`: sampled (0x01),
/// as the sampler has decided, and random (0x02), as the trace began. 0 without a span.
///
/// ```
/// use backend_actix::propagation::trace_flags;
/// use opentelemetry::Context;
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
///
/// let provider = SdkTracerProvider::builder().build();
/// let span = provider.tracer("docs").start("first of its trace");
/// assert_eq!(trace_flags(&Context::new().with_span(span)), 0x03);
/// ```
pub fn trace_flags(context: &Context) -> u8 {
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() { flags(context, span).to_u8() } else { 0 }
}

/// The flags of `span`, which is valid and the active span of `cx`.
pub(super) fn flags(cx: &Context, span: &SpanContext) -> TraceFlags {
    // Section 3.2.2.5.2: who continues a trace passes the flag on as it was, who starts one sets it
    // if the id is random. Ids made here are, even X-Ray's with their time: that is in front.
    let random = match Carried::of(cx, span) {
        Some(carried) => carried.random,
        // A remote parent that some other propagator has found.
        None if span.is_remote() => span.trace_flags() & RANDOM == RANDOM,
        None => true,
    };
    let sampled = span.trace_flags() & TraceFlags::SAMPLED;
    if random { sampled | RANDOM } else { sampled }
}
