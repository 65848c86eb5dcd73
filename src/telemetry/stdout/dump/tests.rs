//! The same spans, printed by us and by opentelemetry-stdout. That one prints to the process's own
//! stdout, so it does so in a process of its own: this test program, started again.

use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use actix_web::rt::System;
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

/// What the stock exporter prints stands between lines of the test harness.
const MARK: &str = "-- cut here --";

fn resource() -> Resource {
    // One attribute: the order of several is another one in each process.
    let attributes = [KeyValue::new("service.name", "dump \"of\" spans")];
    Resource::builder_empty().with_schema_url(attributes, "https://schema.example/1").build()
}

fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_795_515_041_000_007 + micros)
}

fn context(number: u8) -> SpanContext {
    let state = TraceState::from_key_value([("a", "1")]).unwrap();
    SpanContext::new(
        TraceId::from_bytes([number; 16]),
        SpanId::from_bytes([number; 8]),
        TraceFlags::SAMPLED,
        true,
        state,
    )
}

fn attributes() -> Vec<KeyValue> {
    vec![
        KeyValue::new("text", "a \"quoted\"\nline, Привет"),
        KeyValue::new("number", -7),
        KeyValue::new("fraction", 0.1),
        KeyValue::new("flag", true),
        KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b\t".into()]))),
        KeyValue::new("numbers", Value::Array(Array::I64(vec![1, -2]))),
    ]
}

/// A span with little, or with everything.
fn span(kind: SpanKind, status: Status, is_full: bool) -> SpanData {
    let scope = InstrumentationScope::builder("scope");
    let scope = match is_full {
        true => scope
            .with_version("1.2.3")
            .with_schema_url("https://schema.example/2")
            .with_attributes(attributes()),
        false => scope,
    };
    let mut events = SpanEvents::default();
    let mut links = SpanLinks::default();
    if is_full {
        events.events = vec![
            Event::new("plain", time(1), vec![], 0),
            Event::new("with attributes", time(999_999), attributes(), 3),
        ];
        links.links =
            vec![Link::new(context(3), vec![], 0), Link::new(context(4), attributes(), 1)];
    }
    SpanData {
        span_context: context(1),
        parent_span_id: if is_full { SpanId::from_bytes([2; 8]) } else { SpanId::INVALID },
        parent_span_is_remote: is_full,
        span_kind: kind,
        name: "GET /a/{b}".into(),
        start_time: time(0),
        end_time: time(1_500_000),
        attributes: if is_full { attributes() } else { vec![] },
        dropped_attributes_count: 2,
        events,
        links,
        status,
        instrumentation_scope: scope.build(),
    }
}

/// The resource comes with the first only.
fn spans() -> [SpanData; 4] {
    [
        span(SpanKind::Server, Status::error("it \"broke\""), true),
        span(SpanKind::Internal, Status::Unset, false),
        span(SpanKind::Client, Status::Ok, true),
        span(SpanKind::Producer, Status::Ok, false),
    ]
}

#[test]
#[ignore = "prints for the test below"]
fn opentelemetry_stdout_prints() {
    let mut exporter = opentelemetry_stdout::SpanExporter::default();
    exporter.set_resource(&resource());
    println!("{MARK}");
    for span in spans() {
        System::new().block_on(exporter.export(vec![span])).unwrap();
    }
    println!("{MARK}");
}

#[test]
fn the_text_is_that_of_opentelemetry_stdout() {
    let name =
        format!("{}::opentelemetry_stdout_prints", module_path!().split_once("::").unwrap().1);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let stdout = String::from_utf8(child.stdout).unwrap();
    let stock = stdout.split(&format!("{MARK}\n")).nth(1).expect("what was printed");

    let exporter = DumpExporter::new(resource());
    let spans = spans();
    let (first, others) = spans.split_at(1);
    let ours = [exporter.text(first).unwrap(), exporter.text(others).unwrap()].concat();
    assert_eq!(ours, stock);
}
