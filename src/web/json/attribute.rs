//! An attribute, with the type of its value.

use opentelemetry::{Array, KeyValue, Value};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::numbers::{double, integer};

#[derive(Serialize)]
pub(super) struct Attribute {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Json,
}

pub(super) fn attributes(attributes: &[KeyValue]) -> Vec<Attribute> {
    sorted(attributes.iter().map(|pair| attribute(pair.key.as_str(), &pair.value)))
}

pub(super) fn sorted(attributes: impl Iterator<Item = Attribute>) -> Vec<Attribute> {
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes
}

pub(super) fn attribute(key: &str, value: &Value) -> Attribute {
    let list = |kind, values: Vec<Json>| (kind, Json::from(values));
    let (kind, value) = match value {
        Value::Bool(value) => ("bool", json!(value)),
        Value::I64(value) => ("int", integer(*value)),
        Value::F64(value) => ("double", double(*value)),
        Value::String(text) => ("string", json!(text.as_str())),
        Value::Array(Array::Bool(values)) => {
            list("bool[]", values.iter().map(|v| json!(v)).collect())
        }
        Value::Array(Array::I64(values)) => {
            list("int[]", values.iter().map(|v| integer(*v)).collect())
        }
        Value::Array(Array::F64(values)) => {
            list("double[]", values.iter().map(|v| double(*v)).collect())
        }
        Value::Array(Array::String(texts)) => {
            list("string[]", texts.iter().map(|text| json!(text.as_str())).collect())
        }
        other => ("string", json!(other.as_str())),
    };
    Attribute { key: key.to_owned(), kind, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type_and_what_a_browser_would_round_its_digits() {
        let cases = [
            (Value::from("<b>"), "string", json!("<b>")),
            (Value::from(true), "bool", json!(true)),
            (Value::from(-3), "int", json!(-3)),
            (Value::from(i64::MIN), "int", json!("-9223372036854775808")),
            (Value::from(1.5), "double", json!(1.5)),
            (Value::from(f64::NAN), "double", json!("NaN")),
            (
                Value::Array(Array::I64(vec![1, 1 << 60])),
                "int[]",
                json!([1, "1152921504606846976"]),
            ),
            (Value::Array(Array::Bool(vec![false])), "bool[]", json!([false])),
            (Value::Array(Array::F64(vec![0.5])), "double[]", json!([0.5])),
            (Value::Array(Array::String(vec!["a".into()])), "string[]", json!(["a"])),
        ];
        for (value, kind, expected) in cases {
            let attribute = attribute("k", &value);
            assert_eq!((attribute.kind, attribute.value), (kind, expected), "{value:?}");
        }
    }
}
