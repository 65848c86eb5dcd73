//! Spans as OTLP/JSON, the form in which collectors and viewers read files: ids in hexadecimal, 64-bit
//! numbers as text, enumerations as numbers, names in lowerCamelCase.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value as Json, json};

/// `SpanFlags` of the protocol: it is known whether the parent is remote; and it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// The message of one export of these spans, as text. Each span is written at once: as values in memory all of
/// them would take ten times as much.
pub(super) fn of<'a>(
    spans: impl Iterator<Item = &'a SpanData>,
    resource: Option<&Resource>,
) -> String {
    // Few scopes: a list is searched faster than they are hashed.
    let mut scopes: Vec<(&InstrumentationScope, String)> = Vec::new();
    for data in spans {
        let scope = &data.instrumentation_scope;
        let text = span(data).to_string();
        match scopes.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, spans)) => spans.extend([",", text.as_str()]),
            None => scopes.push((scope, text)),
        }
    }
    let pairs = resource.into_iter().flat_map(Resource::iter);
    let resource_attributes: Vec<_> = pairs.map(|(key, v)| pair(key.as_str(), v)).collect();
    let mut out = format!(
        r#"{{"resourceSpans":[{{"resource":{},"schemaUrl":{},"scopeSpans":["#,
        json!({"attributes": resource_attributes}),
        json!(resource.and_then(Resource::schema_url).unwrap_or_default()),
    );
    for (index, (scope, spans)) in scopes.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let named = json!({
            "name": scope.name(),
            "version": scope.version().unwrap_or_default(),
            "attributes": attributes(scope.attributes()),
        });
        let schema_url = json!(scope.schema_url().unwrap_or_default());
        // A `String` takes all.
        let _ = write!(
            out,
            r#"{separator}{{"scope":{named},"schemaUrl":{schema_url},"spans":[{spans}]}}"#
        );
    }
    out.push_str("]}]}");
    out
}

fn span(span: &SpanData) -> Json {
    let context = &span.span_context;
    let events: Vec<_> = span
        .events
        .events
        .iter()
        .map(|event| {
            json!({
                "timeUnixNano": unix_nano(event.timestamp),
                "name": event.name,
                "attributes": attributes(event.attributes.iter()),
                "droppedAttributesCount": event.dropped_attributes_count,
            })
        })
        .collect();
    let links: Vec<_> = span
        .links
        .links
        .iter()
        .map(|link| {
            json!({
                "traceId": link.span_context.trace_id().to_string(),
                "spanId": link.span_context.span_id().to_string(),
                "traceState": link.span_context.trace_state().header(),
                "attributes": attributes(link.attributes.iter()),
                "droppedAttributesCount": link.dropped_attributes_count,
                "flags": flags(&link.span_context, link.span_context.is_remote()),
            })
        })
        .collect();
    let (code, message) = match &span.status {
        Status::Unset => (0, ""),
        Status::Ok => (1, ""),
        Status::Error { description } => (2, description.as_ref()),
    };
    let parent = Some(span.parent_span_id).filter(|parent| *parent != SpanId::INVALID);
    json!({
        "traceId": context.trace_id().to_string(),
        "spanId": context.span_id().to_string(),
        "traceState": context.trace_state().header(),
        "parentSpanId": parent.map(|parent| parent.to_string()).unwrap_or_default(),
        "flags": flags(context, span.parent_span_is_remote),
        "name": span.name,
        "kind": match span.span_kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Producer => 4,
            SpanKind::Consumer => 5,
        },
        "startTimeUnixNano": unix_nano(span.start_time),
        "endTimeUnixNano": unix_nano(span.end_time),
        "attributes": attributes(span.attributes.iter()),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": events,
        "droppedEventsCount": span.events.dropped_count,
        "links": links,
        "droppedLinksCount": span.links.dropped_count,
        "status": {"code": code, "message": message},
    })
}

fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote
}

fn unix_nano(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Vec<Json> {
    attributes.map(|attribute| pair(attribute.key.as_str(), &attribute.value)).collect()
}

fn pair(key: &str, value: &Value) -> Json {
    json!({"key": key, "value": any_value(value)})
}

fn any_value(value: &Value) -> Json {
    let array = |values: Vec<Json>| json!({"arrayValue": {"values": values}});
    match value {
        Value::Bool(value) => json!({"boolValue": value}),
        Value::I64(value) => json!({"intValue": value.to_string()}),
        Value::F64(value) => double(*value),
        Value::String(text) => json!({"stringValue": text.as_str()}),
        Value::Array(Array::Bool(values)) => {
            array(values.iter().map(|value| json!({"boolValue": value})).collect())
        }
        Value::Array(Array::I64(values)) => {
            array(values.iter().map(|value| json!({"intValue": value.to_string()})).collect())
        }
        Value::Array(Array::F64(values)) => array(values.iter().map(|v| double(*v)).collect()),
        Value::Array(Array::String(texts)) => {
            array(texts.iter().map(|text| json!({"stringValue": text.as_str()})).collect())
        }
        other => json!({"stringValue": other.as_str()}),
    }
}

/// The JSON mapping of protobuf writes numbers that JSON does not have as words.
fn double(value: f64) -> Json {
    if value.is_finite() {
        json!({"doubleValue": value})
    } else if value.is_nan() {
        json!({"doubleValue": "NaN"})
    } else {
        json!({"doubleValue": if value > 0.0 { "Infinity" } else { "-Infinity" }})
    }
}
