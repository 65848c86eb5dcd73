//! Spans as the bytes of an OTLP `ExportTraceServiceRequest`, straight from the SDK's `SpanData`.
//!
//! The stock exporter copies every key and value into a tree of messages, encodes that and drops it:
//! most of what a traced request costs. Here each span is written straight into a buffer where it ends
//! ([`encode_span`]), and a request puts such spans together ([`Encoder`]). The result is the stock's, byte
//! for byte: fields by number, those with their default value left out.
//!
//! Field numbers are those of opentelemetry-proto 1.x, `trace/v1/trace.proto`, `common/v1/common.proto`
//! and `resource/v1/resource.proto`. Below: `any_value` (attributes), `wire` (protobuf itself).

mod any_value;
mod wire;

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::chunk::Encoded;
use any_value::attribute;
use wire::{Expect, Message};

/// Writes requests of one resource.
#[derive(Debug)]
pub(super) struct Encoder {
    /// `ResourceSpans.resource`, tag and length included.
    resource: Vec<u8>,
    /// `ResourceSpans.schema_url`, likewise.
    schema_url: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(resource: &Resource) -> Self {
        let (mut encoded, mut schema_url) = (Vec::new(), Vec::new());
        Message::new(&mut encoded).message(1, Expect::Hundreds, |message| {
            resource.iter().for_each(|(key, value)| attribute(message, 1, key, value));
        });
        Message::new(&mut schema_url).string(3, resource.schema_url().unwrap_or_default());
        Self { resource: encoded, schema_url }
    }

    /// Appends the request that carries `spans` to `out`.
    pub(super) fn encode(&self, spans: &[Encoded<'_>], out: &mut Vec<u8>) {
        Message::new(out).message(1, Expect::Millions, |resource_spans| {
            resource_spans.raw(&self.resource);
            for (scope, spans) in by_scope(spans) {
                resource_spans.message(2, Expect::Millions, |scope_spans| {
                    scope_spans.message(1, Expect::Tens, |message| write_scope(message, scope));
                    spans.iter().for_each(|span| scope_spans.raw(span));
                    scope_spans.string(3, scope.schema_url().unwrap_or_default());
                });
            }
            resource_spans.raw(&self.schema_url);
        });
    }
}

/// Appends `span` to `out`, as one element of `ScopeSpans.spans`.
pub(super) fn encode_span(span: &SpanData, out: &mut Vec<u8>) {
    Message::new(out).message(2, Expect::Hundreds, |message| write_span(message, span));
}

/// The spans of each instrumentation scope, scopes in the order in which they come first.
fn by_scope<'a>(spans: &[Encoded<'a>]) -> Vec<(&'a InstrumentationScope, Vec<&'a [u8]>)> {
    let mut groups: Vec<(&InstrumentationScope, Vec<&[u8]>)> = Vec::new();
    for Encoded { scope, span } in spans {
        // The same place is the same scope; else it may come from another chunk.
        let is_same = |known: &InstrumentationScope| std::ptr::eq(known, *scope) || known == *scope;
        match groups.iter_mut().find(|(known, _)| is_same(known)) {
            Some((_, members)) => members.push(span),
            None => groups.push((scope, vec![span])),
        }
    }
    groups
}

fn write_scope(message: &mut Message<'_>, scope: &InstrumentationScope) {
    message.string(1, scope.name());
    message.string(2, scope.version().unwrap_or_default());
    scope.attributes().for_each(|KeyValue { key, value, .. }| attribute(message, 3, key, value));
}

fn write_span(message: &mut Message<'_>, span: &SpanData) {
    let context = &span.span_context;
    message.bytes(1, &context.trace_id().to_bytes());
    message.bytes(2, &context.span_id().to_bytes());
    write_trace_state(message, 3, context.trace_state());
    if span.parent_span_id != SpanId::INVALID {
        message.bytes(4, &span.parent_span_id.to_bytes());
    }
    message.string(5, &span.name);
    message.uint32(6, kind(&span.span_kind));
    message.fixed64(7, nanoseconds(span.start_time));
    message.fixed64(8, nanoseconds(span.end_time));
    write_attributes(message, 9, &span.attributes);
    message.uint32(10, span.dropped_attributes_count);
    for event in &span.events.events {
        message.message(11, Expect::Hundreds, |message| write_event(message, event));
    }
    message.uint32(12, span.events.dropped_count);
    for link in &span.links.links {
        message.message(13, Expect::Tens, |message| write_link(message, link));
    }
    message.uint32(14, span.links.dropped_count);
    message.message(15, Expect::Tens, |message| write_status(message, &span.status));
    message.fixed32(16, flags(context.trace_flags(), span.parent_span_is_remote));
}

fn write_event(message: &mut Message<'_>, event: &Event) {
    message.fixed64(1, nanoseconds(event.timestamp));
    message.string(2, &event.name);
    write_attributes(message, 3, &event.attributes);
    message.uint32(4, event.dropped_attributes_count);
}

fn write_link(message: &mut Message<'_>, link: &Link) {
    let context = &link.span_context;
    message.bytes(1, &context.trace_id().to_bytes());
    message.bytes(2, &context.span_id().to_bytes());
    write_trace_state(message, 3, context.trace_state());
    write_attributes(message, 4, &link.attributes);
    message.uint32(5, link.dropped_attributes_count);
    message.fixed32(6, flags(context.trace_flags(), context.is_remote()));
}

fn write_status(message: &mut Message<'_>, status: &Status) {
    // `STATUS_CODE_UNSET`, `STATUS_CODE_OK`, `STATUS_CODE_ERROR`.
    match status {
        Status::Unset => {}
        Status::Ok => message.uint32(3, 1),
        Status::Error { description } => {
            message.string(2, description);
            message.uint32(3, 2);
        }
    }
}

fn write_attributes(message: &mut Message<'_>, field: u32, attributes: &[KeyValue]) {
    for KeyValue { key, value, .. } in attributes {
        attribute(message, field, key, value);
    }
}

/// As in the header: members joined by commas. Nothing is written for a trace without any.
fn write_trace_state(message: &mut Message<'_>, field: u32, trace_state: &TraceState) {
    let mut members = trace_state.into_iter();
    let Some(first) = members.next() else { return };
    message.message(field, Expect::Tens, |text| {
        for (index, (key, value)) in std::iter::once(first).chain(members).enumerate() {
            if index > 0 {
                text.raw(b",");
            }
            text.raw(key.as_bytes());
            text.raw(b"=");
            text.raw(value.as_bytes());
        }
    });
}

/// `Span.SpanKind`
fn kind(kind: &SpanKind) -> u32 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// `SpanFlags`: the W3C flags, and whether the context of the parent (of a link: its own) came from
/// another process.
fn flags(trace_flags: TraceFlags, is_remote: bool) -> u32 {
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    u32::from(trace_flags.to_u8()) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 }
}

/// Since 1970; a time before that is 1970, one after 2554 wraps around, as with the stock exporter.
fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

#[cfg(test)]
mod tests;
