//! Spans as text, all that they say: what opentelemetry-stdout prints of each, to the byte, all that end
//! together in one write.
//!
//! That exporter writes each line on its own, some forty for a request's two spans, which cost more
//! than serving the request; and it panics where stdout is closed. [`super`] says how to have it all
//! the same. Plain text and ids are copied here, not formatted, which is half of the work.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use opentelemetry::trace::SpanId;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::propagation::hex;
use crate::timestamp::DateAndTime;

/// How long the text of a span is, as a rule at most.
const CAPACITY: usize = 2048;

/// Prints what is exported to stdout with a single write; with the first span, the resource.
#[derive(Debug)]
pub(super) struct DumpExporter {
    resource: Resource,
    resource_is_printed: AtomicBool,
}

impl DumpExporter {
    pub(super) fn new(resource: Resource) -> Self {
        Self { resource, resource_is_printed: AtomicBool::new(false) }
    }

    fn text(&self, spans: &[SpanData]) -> Result<String, fmt::Error> {
        let mut out = String::with_capacity(CAPACITY * spans.len());
        for span in spans {
            out.push_str("Spans\n");
            if !self.resource_is_printed.swap(true, Ordering::Relaxed) {
                write_resource(&mut out, &self.resource)?;
            }
            // Each is the only one of its export.
            out.push_str("Span #0\n");
            write_scope(&mut out, &span.instrumentation_scope)?;
            write_span(&mut out, span)?;
        }
        Ok(out)
    }
}

impl SpanExporter for DumpExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let failed = |error: String| OTelSdkError::InternalFailure(error);
        let text = self.text(&batch).map_err(|error| failed(error.to_string()))?;
        // Stdout buffers by lines: what ends with a line's end is handed on at once, as a whole.
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| failed(error.to_string()))
    }
}

fn write_resource(out: &mut String, resource: &Resource) -> fmt::Result {
    out.push_str("Resource\n");
    if let Some(schema_url) = resource.schema_url() {
        writeln!(out, "\tResource SchemaUrl: {schema_url:?}")?;
    }
    resource.iter().try_for_each(|(key, value)| writeln!(out, "\t ->  {key}={value:?}"))
}

fn write_scope(out: &mut String, scope: &InstrumentationScope) -> fmt::Result {
    out.push_str("\tInstrumentation Scope\n");
    writeln!(out, "\t\tName         : {:?}", scope.name())?;
    if let Some(version) = scope.version() {
        writeln!(out, "\t\tVersion  : {version:?}")?;
    }
    if let Some(schema_url) = scope.schema_url() {
        writeln!(out, "\t\tSchemaUrl: {schema_url:?}")?;
    }
    for (index, KeyValue { key, value, .. }) in scope.attributes().enumerate() {
        if index == 0 {
            out.push_str("\t\tScope Attributes:\n");
        }
        writeln!(out, "\t\t\t ->  {key}: {value}")?;
    }
    out.push('\n');
    Ok(())
}

fn write_span(out: &mut String, span: &SpanData) -> fmt::Result {
    let context = &span.span_context;
    write_line(out, "\tName         : ", &span.name);
    write_id(out, "\tTraceId      : ", context.trace_id().to_bytes());
    write_id(out, "\tSpanId       : ", context.span_id().to_bytes());
    writeln!(out, "\tTraceFlags   : {:?}", context.trace_flags())?;
    match span.parent_span_id {
        SpanId::INVALID => out.push_str("\tParentSpanId : None (root span)\n"),
        parent => write_id(out, "\tParentSpanId : ", parent.to_bytes()),
    }
    writeln!(out, "\tKind         : {:?}", span.span_kind)?;
    write_time(out, "\tStart time   : ", span.start_time);
    write_time(out, "\tEnd time     : ", span.end_time);
    writeln!(out, "\tStatus       : {:?}", span.status)?;
    write_attributes(out, &span.attributes)?;
    for (index, event) in span.events.iter().enumerate() {
        if index == 0 {
            out.push_str("\tEvents:\n");
        }
        writeln!(out, "\tEvent #{index}")?;
        write_line(out, "\tName      : ", &event.name);
        write_time(out, "\tTimestamp : ", event.timestamp);
        write_attributes(out, &event.attributes)?;
    }
    for (index, link) in span.links.iter().enumerate() {
        if index == 0 {
            out.push_str("\tLinks:\n");
        }
        writeln!(out, "\tLink #{index}")?;
        write_id(out, "\tTraceId: ", link.span_context.trace_id().to_bytes());
        write_id(out, "\tSpanId : ", link.span_context.span_id().to_bytes());
        write_attributes(out, &link.attributes)?;
    }
    Ok(())
}

fn write_line(out: &mut String, label: &str, text: &str) {
    out.push_str(label);
    out.push_str(text);
    out.push('\n');
}

fn write_id<const N: usize>(out: &mut String, label: &str, id: [u8; N]) {
    out.push_str(label);
    hex::push(out, id);
    out.push('\n');
}

fn write_time(out: &mut String, label: &str, time: SystemTime) {
    write_line(out, label, DateAndTime::new(time.into(), b' ').as_str());
}

fn write_attributes(out: &mut String, attributes: &[KeyValue]) -> fmt::Result {
    if !attributes.is_empty() {
        out.push_str("\tAttributes:\n");
    }
    for KeyValue { key, value, .. } in attributes {
        out.push_str("\t\t ->  ");
        out.push_str(key.as_str());
        out.push_str(": ");
        // It tells how a text is kept, which is nowhere else to be had.
        write!(out, "{value:?}")?;
        out.push('\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
