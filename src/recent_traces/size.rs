//! The memory that a span takes: its own, and what it points to.

use opentelemetry::trace::TraceState;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// In bytes, as far as it can be told from outside: static text costs nothing, but is not told apart
/// from text of its own, so the sum is rather too high.
pub(super) fn size_of_span(span: &SpanData) -> usize {
    let events =
        span.events.events.iter().map(|event| {
            size_of_val(event) + event.name.len() + size_of_attributes(&event.attributes)
        });
    let links = span
        .links
        .links
        .iter()
        .map(|link| size_of_val(link) + size_of_attributes(&link.attributes));
    size_of::<SpanData>()
        + span.name.len()
        + size_of_attributes(&span.attributes)
        + events.sum::<usize>()
        + links.sum::<usize>()
        + size_of_trace_state(span.span_context.trace_state())
}

/// Most spans have none, and a header is made only to be measured.
fn size_of_trace_state(state: &TraceState) -> usize {
    if *state == TraceState::NONE { 0 } else { state.header().len() }
}

fn size_of_attributes(attributes: &[KeyValue]) -> usize {
    attributes
        .iter()
        .map(|attribute| {
            size_of::<KeyValue>() + attribute.key.as_str().len() + size_of_value(&attribute.value)
        })
        .sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::I64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::F64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::String(texts)) => {
            size_of_val(texts.as_slice()) + texts.iter().map(|t| t.as_str().len()).sum::<usize>()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Event;

    use super::super::test_spans::span;
    use super::*;

    #[test]
    fn what_a_span_holds_counts() {
        let small = span(1, 1, 0);
        let mut large = small.clone();
        large.attributes.push(KeyValue::new("k", "x".repeat(1000)));
        let with_value = size_of_span(&large);
        assert!(with_value >= size_of_span(&small) + 1001, "{with_value}");
        let attributes = vec![KeyValue::new("k", "x".repeat(1000))];
        large.events.events.push(Event::new("e", large.start_time, attributes, 0));
        assert!(size_of_span(&large) >= with_value + 1002);
    }
}
