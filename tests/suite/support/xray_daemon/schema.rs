//! What a valid segment document is: the developer guide's fields, and the types, forms and lengths of its
//! JSON schema 1.0.0. A field that neither knows is a fault, so that a misspelt one is.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What is wrong with a document, and where.
type Check = Result<(), String>;

/// Reads a datagram: a header, a line feed, one document.
pub fn read(datagram: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(datagram).map_err(|error| error.to_string())?;
    let (header, document) = text.split_once('\n').ok_or("a header and a line feed")?;
    let header: Value = serde_json::from_str(header).map_err(|error| error.to_string())?;
    if header != json!({ "format": "json", "version": 1 }) {
        return Err(format!("the header is {header}"));
    }
    // 64 kB, the smaller of its two readings.
    if document.len() > 64_000 {
        return Err(format!("the document has {} bytes", document.len()));
    }
    let document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    check(&document).map_err(|fault| format!("{fault}: {document}"))?;
    Ok(document)
}

/// Fails where a subsegment that was sent on its own has no parent among the documents of its trace, or
/// where two have the same id.
pub fn assert_nesting(documents: &[Value]) {
    let mut ids = BTreeSet::new();
    let mut add = |document: &Value| {
        let id = document["id"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "an id twice: {document}");
    };
    for document in documents {
        add(document);
        document["subsegments"].as_array().into_iter().flatten().for_each(&mut add);
    }
    for document in documents.iter().filter(|document| document["type"] == "subsegment") {
        let parent = document["parent_id"].as_str().unwrap();
        assert!(ids.contains(parent), "no parent: {document}");
    }
}

fn check(document: &Value) -> Check {
    let fields = object("document", document)?;
    let is_subsegment = fields.get("type").is_some_and(|kind| kind == "subsegment");
    matches("trace_id", fields.get("trace_id"), is_trace_id)?;
    if is_subsegment {
        matches("parent_id", fields.get("parent_id"), is_id)?;
        return check_part(fields, &["type", "trace_id", "parent_id", "namespace"]);
    }
    let of_segments = ["trace_id", "parent_id", "origin", "service", "user", "resource_arn"];
    check_part(fields, &of_segments)
}

/// What segments and subsegments have in common, and of what only some have, this.
fn check_part(fields: &Map<String, Value>, special: &[&str]) -> Check {
    matches("name", fields.get("name"), is_name)?;
    matches("id", fields.get("id"), is_id)?;
    let start = fields.get("start_time").and_then(Value::as_f64).ok_or("start_time")?;
    let end = fields.get("end_time").and_then(Value::as_f64).ok_or("end_time")?;
    if !(1.0e9..1.0e10).contains(&start) || end < start {
        return Err(format!("from {start} to {end}"));
    }
    for (key, value) in fields {
        match key.as_str() {
            "name" | "id" | "start_time" | "end_time" => Ok(()),
            "error" | "throttle" | "fault" => boolean(key, value),
            "cause" => cause(value),
            "annotations" => annotations(value),
            "metadata" => each("metadata", value, |key, value| object(key, value).map(drop)),
            "http" => http(value),
            "aws" => object(key, value).map(drop),
            "links" => list(key, value, |link| {
                matches("link", link.get("trace_id"), is_trace_id)?;
                matches("link", link.get("id"), is_id)
            }),
            // Embedded ones need no ids of what is around them.
            "subsegments" => {
                list(key, value, |value| check_part(object("subsegment", value)?, &["namespace"]))
            }
            other if !special.contains(&other) => Err(format!("no field is called {other}")),
            "type" | "trace_id" => Ok(()),
            "parent_id" => matches(key, Some(value), is_id),
            "namespace" => matches(key, Some(value), |text| ["aws", "remote"].contains(&text)),
            "origin" => matches(key, Some(value), |text| text.starts_with("AWS::")),
            "service" => matches("service", value.get("version"), |text| text.len() <= 250),
            _ => matches(key, Some(value), |text| text.len() <= 250),
        }?;
    }
    let is = |flag: &str| fields.get(flag) == Some(&Value::Bool(true));
    if is("throttle") && !is("error") {
        return Err("throttled without an error".to_owned());
    }
    Ok(())
}

fn http(value: &Value) -> Check {
    each("http", value, |part, fields| {
        let is_request = part == "request";
        if !is_request && part != "response" {
            return Err(format!("http.{part}"));
        }
        each(part, fields, |key, value| match key {
            "method" | "url" | "user_agent" | "client_ip" if is_request => {
                matches(key, Some(value), |text| text.chars().count() <= 250)
            }
            "x_forwarded_for" | "traced" if is_request => boolean(key, value),
            "status" | "content_length" if !is_request => {
                value.as_i64().map(drop).ok_or_else(|| key.to_owned())
            }
            _ => Err(format!("http.{part}.{key}")),
        })
    })
}

fn annotations(value: &Value) -> Check {
    let fields = object("annotations", value)?;
    if fields.len() > 50 {
        return Err(format!("{} annotations", fields.len()));
    }
    for (key, value) in fields {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_key = (1..=500).contains(&key.len()) && key.chars().all(is_allowed);
        let is_value = match value {
            Value::String(text) => text.chars().count() <= 1000,
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        };
        if !is_key || !is_value {
            return Err(format!("annotation {key}: {value}"));
        }
    }
    Ok(())
}

fn cause(value: &Value) -> Check {
    each("cause", value, |key, value| match key {
        "exceptions" => list(key, value, exception),
        "working_directory" | "paths" => Ok(()),
        _ => Err(format!("cause.{key}")),
    })
}

fn exception(value: &Value) -> Check {
    matches("exception.id", value.get("id"), is_id)?;
    each("exception", value, |key, value| match key {
        "id" | "message" | "type" | "cause" => matches(key, Some(value), |_| true),
        "remote" => boolean(key, value),
        "truncated" | "skipped" => value.as_u64().map(drop).ok_or_else(|| key.to_owned()),
        "stack" => list(key, value, |frame| {
            each("frame", frame, |key, value| match key {
                "path" | "label" => matches(key, Some(value), |text| !text.is_empty()),
                "line" => value.as_u64().map(drop).ok_or_else(|| key.to_owned()),
                _ => Err(format!("frame.{key}")),
            })
        }),
        _ => Err(format!("exception.{key}")),
    })
}

fn object<'a>(what: &str, value: &'a Value) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} is no object: {value}"))
}

fn each(what: &str, value: &Value, check: impl Fn(&str, &Value) -> Check) -> Check {
    object(what, value)?.iter().try_for_each(|(key, value)| check(key, value))
}

fn list(what: &str, value: &Value, check: impl Fn(&Value) -> Check) -> Check {
    let items = value.as_array().ok_or_else(|| format!("{what} is no list: {value}"))?;
    items.iter().try_for_each(check)
}

fn boolean(what: &str, value: &Value) -> Check {
    value.as_bool().map(drop).ok_or_else(|| format!("{what}: {value}"))
}

fn matches(what: &str, value: Option<&Value>, is_valid: impl Fn(&str) -> bool) -> Check {
    match value.and_then(Value::as_str) {
        Some(text) if is_valid(text) => Ok(()),
        _ => Err(format!("{what}: {value:?}")),
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
}

fn is_id(text: &str) -> bool {
    is_hex(text, 16) && text != "0000000000000000"
}

fn is_trace_id(text: &str) -> bool {
    let fields: Vec<_> = text.split('-').collect();
    matches!(&fields[..], ["1", time, unique] if is_hex(time, 8) && is_hex(unique, 24))
}

fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || " _.:/%&#=+-@".contains(c);
    (1..=200).contains(&text.chars().count()) && text.chars().all(is_allowed)
}

mod tests {
    use super::*;

    const SEGMENT: &str = r#"{"name": "a", "id": "70de5b6f19ff9a0a", "start_time": 1.478293361271E9,
        "trace_id": "1-581cf771-a006649127e371903a2de979", "end_time": 1.478293361449E9}"#;

    #[test]
    fn a_daemon_that_takes_anything_would_show_nothing() {
        let valid: Value = serde_json::from_str(SEGMENT).unwrap();
        assert_eq!(check(&valid), Ok(()));
        let wrong = [
            ("name", json!("a?")),
            ("name", json!("")),
            ("name", json!("a".repeat(201))),
            ("id", json!("70de5b6f19ff9a0")),
            ("id", json!("70DE5B6F19FF9A0A")),
            ("id", json!(null)),
            ("trace_id", json!("581cf771a006649127e371903a2de979")),
            ("trace_id", json!("1-581cf771-a006649127e371903a2de97")),
            ("start_time", json!("1.4e9")),
            ("start_time", json!(1.478293361271e12)),
            ("end_time", json!(1.478293361270e9)),
            ("end_time", json!(null)),
            ("type", json!("subsegment")),
            ("parent_id", json!("")),
            ("namespace", json!("remote")),
            ("fault", json!("true")),
            ("throttle", json!(true)),
            ("sql", json!({})),
            ("origin", json!("AWS")),
            ("service", json!({})),
            ("annotations", json!({ "a.b": 1 })),
            ("annotations", json!({ "a": [1] })),
            ("annotations", json!({ "a": null })),
            ("annotations", json!({ "a": "a".repeat(1001) })),
            ("metadata", json!({ "a": 1 })),
            ("http", json!({ "request": { "url": "a".repeat(251) } })),
            ("http", json!({ "request": { "status": 200 } })),
            ("http", json!({ "response": { "status": "200" } })),
            ("cause", json!({ "exceptions": [{ "message": "a" }] })),
            ("cause", json!({ "exceptions": [{ "id": "70de5b6f19ff9a0a", "stack": [1] }] })),
            ("subsegments", json!([{ "name": "a" }])),
            ("links", json!([{ "trace_id": "1-581cf771-a006649127e371903a2de979" }])),
        ];
        for (key, value) in wrong {
            let mut document = valid.clone();
            document[key] = value;
            assert!(check(&document).is_err(), "{document}");
        }
        let valid = |header: &str| read(format!("{header}\n{SEGMENT}").as_bytes());
        valid(r#"{"format": "json", "version": 1}"#).unwrap();
        valid(r#"{"format": "json", "version": 2}"#).unwrap_err();
        valid("").unwrap_err();
        read(SEGMENT.as_bytes()).unwrap_err();
    }

    #[test]
    #[should_panic = "no parent"]
    fn a_subsegment_without_its_segment_is_told() {
        let subsegment = json!({ "type": "subsegment", "id": "a", "parent_id": "b" });
        assert_nesting(&[json!({ "id": "c" }), subsegment]);
    }
}
