//! Records as the messages that CloudWatch gets.

use std::time::Duration;

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
use opentelemetry::{Key, SpanId, TraceFlags, TraceId};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use serde_json::json;

use super::*;

fn record(fill: impl FnOnce(&mut SdkLogRecord)) -> SdkLogRecord {
    let mut record = SdkLoggerProvider::builder().build().logger("tests").create_log_record();
    record.set_timestamp(UNIX_EPOCH + Duration::from_micros(1_795_514_400_123_456));
    fill(&mut record);
    record
}

#[test]
fn a_line_of_the_access_log_has_short_names_and_both_forms_of_the_trace_id() {
    let event = event(&record(|record| {
        record.set_severity_text("INFO");
        record.set_target("access");
        record.set_body("GET /api/activities/home 200".into());
        let trace_id = TraceId::from_hex("5759e988bd862e3fe1be46a994272793").unwrap();
        let span_id = SpanId::from_hex("53995c3f42cd8ad8").unwrap();
        record.set_trace_context(trace_id, span_id, Some(TraceFlags::SAMPLED));
        record.add_attribute("duration_ms", 0.48);
        record.add_attribute(key::HTTP_REQUEST_METHOD, "GET");
        record.add_attribute(key::HTTP_ROUTE, "/api/activities/home");
        record.add_attribute(key::HTTP_RESPONSE_STATUS_CODE, 200);
    }));
    assert_eq!(event.timestamp, 1_795_514_400_123);
    assert_eq!(
        serde_json::from_str::<Value>(&event.message).unwrap(),
        json!({
            "time": "2026-11-24T10:00:00.123Z",
            "level": "INFO",
            "target": "access",
            "message": "GET /api/activities/home 200",
            "trace_id": "5759e988bd862e3fe1be46a994272793",
            "span_id": "53995c3f42cd8ad8",
            "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            "duration_ms": 0.48,
            "method": "GET",
            "route": "/api/activities/home",
            "status": 200,
        })
    );
    let start = r#"{"time":"2026-11-24T10:00:00.123Z","level":"INFO","target":"access","message":"#;
    assert!(event.message.starts_with(start), "{}", event.message);
}

#[test]
fn values_have_their_types_and_no_key_is_there_twice() {
    let message = event(&record(|record| {
        record.set_event_name("something.happened");
        record.set_body("it \"happened\"\n".into());
        record.add_attribute("level", 3);
        record.add_attribute("level", 4);
        record.add_attribute("attribute.level", 5);
        record.add_attribute("yes", true);
        record.add_attribute("nan", f64::NAN);
        record.add_attribute("list", AnyValue::from_iter(["a", "b"]));
        record.add_attribute("map", AnyValue::from_iter([(Key::from("k"), 1)]));
        record.set_severity_text("WARN");
    }))
    .message;
    // What a map would hide.
    assert_eq!(message.matches("\"level\":").count(), 1, "{message}");
    assert_eq!(message.matches("\"attribute.level\":").count(), 1, "{message}");
    let message: Value = serde_json::from_str(&message).unwrap();
    assert_eq!(message["level"], "WARN");
    assert_eq!(message["attribute.level"], 3);
    assert_eq!(message["attribute.attribute.level"], 4);
    assert_eq!(message["attribute.attribute.attribute.level"], 5);
    assert_eq!(message["event"], "something.happened");
    assert_eq!(message["message"], "it \"happened\"\n");
    assert_eq!(message["yes"], true);
    assert_eq!(message["nan"], "NaN");
    assert_eq!(message["list"], json!(["a", "b"]));
    assert_eq!(message["map"], json!({"k": 1}));
    assert_eq!(message.get("trace_id"), None, "outside of requests there is none");
}

#[test]
fn a_message_that_is_too_large_keeps_its_small_members_and_is_cut_with_a_mark() {
    let large = [
        "x".repeat(300_000),
        // Characters of several bytes, and such that JSON escapes.
        "🚀".repeat(100_000),
        "\u{1}".repeat(100_000),
        "\"\n".repeat(200_000),
    ];
    for text in large {
        let message = event(&record(|record| {
            record.set_body("short".into());
            record.add_attribute("text", text.clone());
            record.add_attribute("answer", 42);
        }))
        .message;
        assert!((MAX_MESSAGE - 1000..=MAX_MESSAGE).contains(&message.len()), "{}", message.len());
        let message: Value = serde_json::from_str(&message).unwrap();
        assert_eq!((&message["message"], &message["answer"]), (&json!("short"), &json!(42)));
        let kept = message["text"].as_str().unwrap().strip_suffix(MARK).expect("a mark");
        assert!(text.starts_with(kept));
    }
}

#[test]
fn many_large_values_are_cut_too_and_a_limit_of_nothing_ends() {
    let record = record(|record| {
        for key in ["a", "b", "c", "d", "e"] {
            record.add_attribute(key, "y".repeat(100_000));
        }
        record.add_attribute("list", AnyValue::from_iter(vec!["z".repeat(50_000); 4]));
    });
    let message = Message::new(&record, UNIX_EPOCH).into_json(MAX_MESSAGE);
    assert!(message.len() <= MAX_MESSAGE);
    let message: Value = serde_json::from_str(&message).unwrap();
    assert_eq!(message["time"], "1970-01-01T00:00:00.000Z");
    assert_eq!(Message::new(&record, UNIX_EPOCH).into_json(2), "{}");
}
