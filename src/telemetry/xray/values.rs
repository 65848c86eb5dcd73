//! Attributes of a span, looked up and turned into JSON.

use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value as Json;

/// The value of an attribute.
pub(super) fn value<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|it| &it.value)
}

/// The value of an attribute that is a text.
pub(super) fn text<'a>(span: &'a SpanData, key: &str) -> Option<&'a str> {
    match value(span, key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

/// The value of an attribute that is a whole number.
pub(super) fn number(span: &SpanData, key: &str) -> Option<i64> {
    match value(span, key) {
        Some(Value::I64(number)) => Some(*number),
        _ => None,
    }
}

/// The same in JSON; what JSON has no word for, as NaN, is null.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::Bool(flag) => Json::from(*flag),
        Value::I64(number) => Json::from(*number),
        Value::F64(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Array(Array::Bool(flags)) => Json::from(flags.as_slice()),
        Value::Array(Array::I64(numbers)) => Json::from(numbers.as_slice()),
        Value::Array(Array::F64(numbers)) => Json::from(numbers.as_slice()),
        Value::Array(Array::String(texts)) => texts.iter().map(|text| text.as_str()).collect(),
        // The type may grow; its own text is better than nothing.
        other => Json::from(other.to_string()),
    }
}
