//! Spans as text, all that they say: what opentelemetry-stdout prints, to the byte, in one write.
//!
//! That exporter writes each line on its own, some forty for a request's two spans, which cost more
//! than serving the request; and it panics where stdout is closed. [`super`] says how to have it all
//! the same.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use opentelemetry::trace::SpanId;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::timestamp::DateAndTime;

/// How long the text of a span is, as a rule at most.
const CAPACITY: usize = 4096;

/// Prints each batch to stdout with a single write; with the first one, the resource.
#[derive(Debug)]
pub(super) struct DumpExporter {
    resource: Resource,
    resource_is_printed: AtomicBool,
}

impl DumpExporter {
    pub(super) fn new(resource: Resource) -> Self {
        Self { resource, resource_is_printed: AtomicBool::new(false) }
    }

    fn text(&self, batch: &[SpanData]) -> Result<String, fmt::Error> {
        let mut out = String::with_capacity(CAPACITY);
        writeln!(out, "Spans")?;
        if !self.resource_is_printed.swap(true, Ordering::Relaxed) {
            write_resource(&mut out, &self.resource)?;
        }
        for (index, span) in batch.iter().enumerate() {
            writeln!(out, "Span #{index}")?;
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
    writeln!(out, "Resource")?;
    if let Some(schema_url) = resource.schema_url() {
        writeln!(out, "\tResource SchemaUrl: {schema_url:?}")?;
    }
    resource.iter().try_for_each(|(key, value)| writeln!(out, "\t ->  {key}={value:?}"))
}

fn write_scope(out: &mut String, scope: &InstrumentationScope) -> fmt::Result {
    writeln!(out, "\tInstrumentation Scope")?;
    writeln!(out, "\t\tName         : {:?}", scope.name())?;
    if let Some(version) = scope.version() {
        writeln!(out, "\t\tVersion  : {version:?}")?;
    }
    if let Some(schema_url) = scope.schema_url() {
        writeln!(out, "\t\tSchemaUrl: {schema_url:?}")?;
    }
    for (index, KeyValue { key, value, .. }) in scope.attributes().enumerate() {
        if index == 0 {
            writeln!(out, "\t\tScope Attributes:")?;
        }
        writeln!(out, "\t\t\t ->  {key}: {value}")?;
    }
    writeln!(out)
}

fn write_span(out: &mut String, span: &SpanData) -> fmt::Result {
    let context = &span.span_context;
    writeln!(out, "\tName         : {}", span.name)?;
    writeln!(out, "\tTraceId      : {}", context.trace_id())?;
    writeln!(out, "\tSpanId       : {}", context.span_id())?;
    writeln!(out, "\tTraceFlags   : {:?}", context.trace_flags())?;
    match span.parent_span_id {
        SpanId::INVALID => writeln!(out, "\tParentSpanId : None (root span)")?,
        parent => writeln!(out, "\tParentSpanId : {parent}")?,
    }
    writeln!(out, "\tKind         : {:?}", span.span_kind)?;
    write_time(out, "Start time   ", span.start_time)?;
    write_time(out, "End time     ", span.end_time)?;
    writeln!(out, "\tStatus       : {:?}", span.status)?;
    write_attributes(out, &span.attributes)?;
    for (index, event) in span.events.iter().enumerate() {
        if index == 0 {
            writeln!(out, "\tEvents:")?;
        }
        writeln!(out, "\tEvent #{index}")?;
        writeln!(out, "\tName      : {}", event.name)?;
        write_time(out, "Timestamp ", event.timestamp)?;
        write_attributes(out, &event.attributes)?;
    }
    for (index, link) in span.links.iter().enumerate() {
        if index == 0 {
            writeln!(out, "\tLinks:")?;
        }
        writeln!(out, "\tLink #{index}")?;
        writeln!(out, "\tTraceId: {}", link.span_context.trace_id())?;
        writeln!(out, "\tSpanId : {}", link.span_context.span_id())?;
        write_attributes(out, &link.attributes)?;
    }
    Ok(())
}

fn write_time(out: &mut String, label: &str, time: SystemTime) -> fmt::Result {
    writeln!(out, "\t{label}: {}", DateAndTime::new(time.into(), b' ').as_str())
}

fn write_attributes(out: &mut String, attributes: &[KeyValue]) -> fmt::Result {
    if !attributes.is_empty() {
        writeln!(out, "\tAttributes:")?;
    }
    attributes
        .iter()
        .try_for_each(|KeyValue { key, value, .. }| writeln!(out, "\t\t ->  {key}: {value:?}"))
}

#[cfg(test)]
mod tests;
