//! How much a span may hold: what is over the limits of the environment is cut off, and counted.

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use serde_json::json;

use crate::support::caller::Caller;
use crate::support::receiver::{Received, attributes};

/// `count` attributes, `a0` and so on.
fn numbered(count: usize) -> Vec<KeyValue> {
    (0..count).map(|number| KeyValue::new(format!("a{number}"), "value")).collect()
}

fn link(attributes: Vec<KeyValue>) -> Link {
    let (trace_id, span_id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]));
    let sampled = TraceFlags::SAMPLED;
    let context = SpanContext::new(trace_id, span_id, sampled, true, TraceState::NONE);
    Link::new(context, attributes, 0)
}

/// A span with five attributes, three events with five and three links with five.
fn span(vars: &[(&str, &str)]) -> Received {
    let caller = Caller::start_with(vars, |builder| builder);
    let event = || Event::new("event", std::time::SystemTime::now(), numbered(5), 0);
    let builder = caller
        .tracer
        .span_builder("span")
        .with_attributes(numbered(5))
        .with_events(vec![event(), event(), event()])
        .with_links(vec![link(numbered(5)), link(numbered(5)), link(numbered(5))]);
    drop(caller.tracer.build(builder));
    let [span] = <[_; 1]>::try_from(caller.stop()).unwrap();
    span
}

#[test]
fn each_count_has_its_limit_and_what_is_left_out_is_counted() {
    let (attributes, of_events) =
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
    let of_links = "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT";
    let general = "OTEL_ATTRIBUTE_COUNT_LIMIT";
    let (events, links) = ("OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT");
    // variables; how many attributes, of an event, of a link, events, links are left
    let cases = [
        (vec![], [5, 5, 5, 3, 3]),
        (vec![(attributes, "2")], [2, 5, 5, 3, 3]),
        (vec![(of_events, "2")], [5, 2, 5, 3, 3]),
        (vec![(of_links, "2")], [5, 5, 2, 3, 3]),
        (vec![(events, "1")], [5, 5, 5, 1, 3]),
        (vec![(links, "1")], [5, 5, 5, 3, 1]),
        (vec![(general, "3")], [3, 3, 3, 3, 3]),
        (vec![(general, "3"), (attributes, "4")], [4, 3, 3, 3, 3]),
        (vec![(attributes, "0")], [0, 5, 5, 3, 3]),
    ];
    for (vars, [own, of_event, of_link, events, links]) in cases {
        let span = span(&vars).span;
        let (event, link) = (&span.events[0], &span.links[0]);
        let left = [span.attributes.len(), event.attributes.len(), link.attributes.len()];
        assert_eq!(left, [own, of_event, of_link], "{vars:?}");
        assert_eq!([span.events.len(), span.links.len()], [events, links], "{vars:?}");
        let dropped = [
            span.dropped_attributes_count,
            event.dropped_attributes_count,
            link.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count,
        ];
        let missing = [5 - own, 5 - of_event, 5 - of_link, 3 - events, 3 - links];
        assert_eq!(dropped.map(|count| count as usize), missing, "{vars:?}");
    }
}

#[test]
fn values_are_cut_on_the_span_its_events_and_its_links_and_in_arrays() {
    let (own, general) =
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    // variables, what is left of five letters, one of which has two bytes
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "añbcd"),
        (&[(own, "2")], "añ"),
        (&[(general, "3")], "añb"),
        (&[(general, "3"), (own, "4")], "añbc"),
        (&[(own, "0")], ""),
    ];
    for (vars, left) in cases {
        let caller = Caller::start_with(vars, |builder| builder);
        let texts = vec![StringValue::from("añbcd"), StringValue::from("x")];
        let values = || {
            let array = Value::Array(Array::String(texts.clone()));
            vec![
                KeyValue::new("text", "añbcd"),
                KeyValue::new("array", array),
                KeyValue::new("number", 12345),
            ]
        };
        let builder = caller
            .tracer
            .span_builder("span")
            .with_attributes(values())
            .with_events(vec![Event::new("event", std::time::SystemTime::now(), values(), 0)])
            .with_links(vec![link(values())]);
        drop(caller.tracer.build(builder));
        let [Received { span, .. }] = <[_; 1]>::try_from(caller.stop()).unwrap();
        let x = if left.is_empty() { "" } else { "x" };
        for list in [&span.attributes, &span.events[0].attributes, &span.links[0].attributes] {
            let values = attributes(list);
            assert_eq!(values["text"], json!(left), "{vars:?}");
            assert_eq!(values["array"], json!([left, x]), "{vars:?}");
            assert_eq!(values["number"], json!(12345), "{vars:?}");
        }
    }
}
