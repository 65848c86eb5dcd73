//! The propagator for W3C Trace Context, level 2: <https://www.w3.org/TR/trace-context-2/>.

use std::sync::{Arc, LazyLock};

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};

use super::carried::Carried;
use super::traceparent::{RANDOM, Traceparent};
use super::tracestate;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

static FIELDS: LazyLock<[String; 2]> =
    LazyLock::new(|| [TRACEPARENT.to_owned(), TRACESTATE.to_owned()]);

/// W3C Trace Context, level 2, strictly: the headers `traceparent` and `tracestate`.
///
/// It needs an [`Extractor`] whose `get_all` gives all values of a header.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceContext;

impl TextMapPropagator for TraceContext {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let Some(traceparent) = Traceparent::of(cx) else { return };
        injector.set(TRACEPARENT, String::from_utf8_lossy(&traceparent.header()).into_owned());

        let span = cx.span();
        let span = span.span_context();
        let incoming = Carried::of(cx, span).and_then(|carried| carried.tracestate.as_deref());
        let list = tracestate::outgoing(span.trace_state(), incoming);
        if !list.is_empty() {
            injector.set(TRACESTATE, list);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let Some(parent) = traceparent(extractor) else { return cx.clone() };
        // Section 3.3: without a valid `traceparent` this header is not even looked at, and being
        // malformed it does the `traceparent` no harm.
        let list = extractor.get_all(TRACESTATE).and_then(|headers| tracestate::parse(&headers));
        let for_sdk = list.as_deref().map_or(TraceState::NONE, tracestate::for_sdk);
        let Traceparent { trace_id, span_id, flags } = parent;
        cx.with_value(Carried {
            trace_id,
            random: flags & RANDOM == RANDOM,
            tracestate: list.map(Arc::from),
        })
        .with_remote_span_context(SpanContext::new(trace_id, span_id, flags, true, for_sdk))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The one `traceparent`. Of several, nobody knows which one to believe.
fn traceparent(extractor: &dyn Extractor) -> Option<Traceparent> {
    match extractor.get_all(TRACEPARENT)?.as_slice() {
        [header] => Traceparent::parse(header),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
