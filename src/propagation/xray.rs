//! The propagator for AWS's `X-Amzn-Trace-Id`, the "tracing header" of the X-Ray developer guide:
//! `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use super::carried::Carried;
use super::hex;

/// The header's name.
pub(crate) const HEADER: &str = "x-amzn-trace-id";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// AWS X-Ray's header `X-Amzn-Trace-Id`.
///
/// A header without `Parent`, as load balancers send it, names no span to be the child of and is
/// ignored. `Sampled=?`, or none, leaves the decision to the receiver; the SDK has no word for that,
/// so the parent counts as not sampled, as it does for OpenTelemetry's other X-Ray propagators.
#[derive(Clone, Copy, Debug, Default)]
pub struct XrayHeader;

impl TextMapPropagator for XrayHeader {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        injector.set(HEADER, header(span, Some(span.span_id())));
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let Some(parent) = extractor.get_all(HEADER).and_then(|headers| match *headers {
            [header] => parse(header),
            _ => None,
        }) else {
            return cx.clone();
        };
        // AWS promises a unique id, not a random one: the flag stays unset.
        cx.with_value(Carried { trace_id: parent.trace_id(), random: false, tracestate: None })
            .with_remote_span_context(parent)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// What an answer says of the trace that its request became: root and decision, as AWS's SDKs do. The
/// span is nobody's parent there.
pub(crate) fn of_response(cx: &Context) -> Option<String> {
    let span = cx.span();
    let span = span.span_context();
    span.is_valid().then(|| header(span, None))
}

fn header(span: &SpanContext, parent: Option<SpanId>) -> String {
    let [t0, t1, t2, t3, unique @ ..] = span.trace_id().to_bytes();
    let mut header = String::with_capacity(74);
    header.push_str("Root=1-");
    hex::push(&mut header, [t0, t1, t2, t3]);
    header.push('-');
    hex::push(&mut header, unique);
    if let Some(parent) = parent {
        header.push_str(";Parent=");
        hex::push(&mut header, parent.to_bytes());
    }
    header.push_str(if span.is_sampled() { ";Sampled=1" } else { ";Sampled=0" });
    header
}

/// Reads `Field=value;…`. The fields come in any order, between those that load balancers (`Self`),
/// Lambda (`Lineage`) and applications add; AWS's own parsers skip white space and tell `Root` from
/// `root` or do not, so that both are read here.
fn parse(header: &str) -> Option<SpanContext> {
    let [mut root, mut parent, mut sampled] = [None; 3];
    for field in header.split(';') {
        // A field of somebody else may look as it likes.
        let Some((name, value)) = field.split_once('=') else { continue };
        let name = name.trim();
        let slot = if name.eq_ignore_ascii_case("Root") {
            &mut root
        } else if name.eq_ignore_ascii_case("Parent") {
            &mut parent
        } else if name.eq_ignore_ascii_case("Sampled") {
            &mut sampled
        } else {
            continue;
        };
        // Said twice, it is not known which one counts.
        if slot.replace(value.trim()).is_some() {
            return None;
        }
    }
    let sampled = match sampled {
        Some("1") => TraceFlags::SAMPLED,
        Some("0" | "?") | None => TraceFlags::NOT_SAMPLED,
        Some(_) => return None,
    };
    let parent = SpanId::from_bytes(decode(parent?)?);
    let span = SpanContext::new(trace_id(root?)?, parent, sampled, true, TraceState::NONE);
    span.is_valid().then_some(span)
}

/// `1-` and 8 digits of time, `-` and 24 digits: X-Ray's spelling of a trace id.
fn trace_id(root: &str) -> Option<TraceId> {
    let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
    let (time, unique) = (decode::<4>(time)?, decode::<12>(unique)?);
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&time);
    bytes[4..].copy_from_slice(&unique);
    Some(TraceId::from_bytes(bytes))
}

/// AWS says hexadecimal and leaves the case open.
fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    hex::decode(digits.to_ascii_lowercase().as_bytes())
}

#[cfg(test)]
mod tests;
