//! Attributes as X-Ray keeps them: annotations, which it indexes for searching, and metadata, which it
//! shows.

use std::collections::BTreeMap;

use opentelemetry::{KeyValue, Value};
use serde_json::Value as Json;

use super::document::Values;
use super::values::json;
use super::wildcard;
use crate::cut::cut;

/// X-Ray indexes as many of one trace.
const MAX_ANNOTATIONS: usize = 50;
/// The limits of the schema.
const MAX_KEY: usize = 500;
const MAX_TEXT: usize = 1000;

/// Annotations, for what fits one of the patterns in `indexed`; metadata for all the rest, and for what
/// an annotation cannot hold whole. Keys in `said` are told elsewhere in the document.
pub(super) fn split(
    attributes: &[KeyValue],
    indexed: &[String],
    said: &[&str],
) -> (Values, Values) {
    let (mut annotations, mut metadata) = (Values::new(), Values::new());
    let mut named_after = BTreeMap::new();
    for KeyValue { key, value, .. } in attributes {
        let key = key.as_str();
        let is_indexed = indexed.iter().any(|pattern| wildcard::matches(pattern, key));
        let annotation = is_indexed.then(|| annotation(value)).flatten();
        let name = allowed(key);
        if let Some((kept, is_whole)) = annotation
            && annotations.len() < MAX_ANNOTATIONS
            // `a.b` and `a-b` are both `a_b`: the first has it.
            && *named_after.entry(name.clone()).or_insert(key) == key
        {
            annotations.insert(name, kept);
            if is_whole {
                continue;
            }
        }
        if !said.contains(&key) {
            metadata.insert(key.to_owned(), json(value));
        }
    }
    (annotations, metadata)
}

/// The value as an annotation may have it, and whether it is all of it. Lists are none, nor what is no
/// number.
fn annotation(value: &Value) -> Option<(Json, bool)> {
    match value {
        Value::String(text) => {
            let kept = cut(text.as_str(), MAX_TEXT);
            Some((Json::from(kept), kept.len() == text.as_str().len()))
        }
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => {
            Some((json(value), true)).filter(|(json, _)| !json.is_null())
        }
        _ => None,
    }
}

/// Keys of filter expressions are made of letters, digits and `_`.
fn allowed(key: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    key.chars().take(MAX_KEY).map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Array, StringValue};
    use serde_json::json;

    use super::*;

    fn split_by(attributes: &[KeyValue], indexed: &[&str], said: &[&str]) -> (Json, Json) {
        let indexed: Vec<_> = indexed.iter().map(|pattern| (*pattern).to_owned()).collect();
        let (annotations, metadata) = split(attributes, &indexed, said);
        (json!(annotations), json!(metadata))
    }

    #[test]
    fn what_is_indexed_and_what_is_shown() {
        let long = "é".repeat(1001);
        let attributes = [
            KeyValue::new("app.now", "2026"),
            KeyValue::new("app.result_length", 3),
            KeyValue::new("app.ratio", 0.5),
            KeyValue::new("app.is-new", true),
            KeyValue::new("app.long", long.clone()),
            KeyValue::new("app.nan", f64::NAN),
            KeyValue::new("app.errors", Value::Array(Array::String(vec![StringValue::from("a")]))),
            KeyValue::new("http.route", "/"),
            KeyValue::new("url.path", "/"),
        ];
        let (annotations, metadata) = split_by(&attributes, &["app.*"], &["url.path", "app.now"]);
        assert_eq!(
            annotations,
            json!({
                "app_now": "2026",
                "app_result_length": 3,
                "app_ratio": 0.5,
                "app_is_new": true,
                "app_long": &long[..2000],
            })
        );
        let rest =
            json!({"app.long": long, "app.nan": null, "app.errors": ["a"], "http.route": "/"});
        assert_eq!(metadata, rest);

        let (annotations, metadata) = split_by(&attributes[7..], &["http.route", "url.*"], &[]);
        assert_eq!(annotations, json!({"http_route": "/", "url_path": "/"}));
        assert_eq!(metadata, json!({}));
    }

    #[test]
    fn attributes_that_would_be_one_annotation_lose_nothing() {
        let attributes = [("app.a-b", 1), ("app.a_b", 2), ("app.a-b", 3)];
        let attributes = attributes.map(|(key, value)| KeyValue::new(key, value));
        let (annotations, metadata) = split_by(&attributes, &["app.*"], &[]);
        assert_eq!(annotations, json!({"app_a_b": 3}));
        assert_eq!(metadata, json!({"app.a_b": 2}));
    }

    #[test]
    fn no_more_are_indexed_than_x_ray_does() {
        let attributes: Vec<_> = (0..60).map(|n| KeyValue::new(format!("app.a{n}"), n)).collect();
        let (annotations, metadata) = split_by(&attributes, &["app.*"], &[]);
        assert_eq!(annotations.as_object().unwrap().len(), 50);
        assert_eq!(metadata.as_object().unwrap().len(), 10);
    }
}
