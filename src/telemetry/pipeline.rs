//! One way out for spans, and the count of what became of them.
//!
//! The SDK's processors hide what they drop, and their `Ok` at shutdown is no proof of delivery. So a
//! span is counted when it goes into the processor and again when the exporter has done with it;
//! once the queue is drained, the difference is what was dropped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use super::limits;

/// A span processor with its exporter, under the name it has in reports.
#[derive(Clone, Debug)]
pub(super) struct Pipeline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    destination: String,
    processor: Box<dyn SpanProcessor>,
    counts: Counts,
    is_shut_down: AtomicBool,
    value_length_limit: usize,
}

/// Spans by what became of them.
#[derive(Clone, Debug)]
pub(super) struct Counts(Arc<CountsInner>);

#[derive(Debug, Default)]
struct CountsInner {
    created: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Counts what `exporter` does with the spans that it is given.
    pub(super) fn count<E>(&self, exporter: E) -> CountingExporter<E> {
        CountingExporter { exporter, counts: self.clone() }
    }
}

/// What became of the spans of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where they were to go.
    pub destination: String,
    /// Sent, and answered with success.
    pub exported: u64,
    /// Handed to the exporter, which gave up.
    pub failed: u64,
    /// All others: the queue was full, or the time was up before their export was done.
    pub dropped: u64,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, exported, failed, dropped } = self;
        write!(f, "{destination}: {exported} spans exported, {failed} failed, {dropped} dropped")
    }
}

impl Pipeline {
    /// A pipeline through `processor`, whose exporter is [counted](Counts::count) and knows the
    /// resource: the provider only gets a shared handle, which it cannot set anything on.
    pub(super) fn new(
        destination: String,
        counts: Counts,
        processor: impl SpanProcessor + 'static,
        value_length_limit: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            destination,
            processor: Box::new(processor),
            counts,
            is_shut_down: AtomicBool::new(false),
            value_length_limit,
        }))
    }

    /// Where the spans go.
    pub(super) fn destination(&self) -> &str {
        &self.0.destination
    }

    /// Exports what is queued and stops, within `timeout`.
    pub(super) fn drain(&self, timeout: Duration) {
        match self.shutdown_with_timeout(timeout) {
            Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
            // Nothing is lost unsaid: what was not exported is in the counts.
            Err(error) => {
                tracing::warn!(destination = self.destination(), %error, "export was cut off");
            }
        }
    }

    /// What became of the spans so far; what is still queued counts as dropped.
    pub(super) fn delivery(&self) -> Delivery {
        let counts = &self.0.counts.0;
        // In this order: a span is created before it is anything else.
        let failed = counts.failed.load(Ordering::Acquire);
        let exported = counts.exported.load(Ordering::Acquire);
        let created = counts.created.load(Ordering::Acquire);
        Delivery {
            destination: self.destination().to_owned(),
            exported,
            failed,
            dropped: created.saturating_sub(exported + failed),
        }
    }
}

impl SpanProcessor for Pipeline {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.0.processor.on_start(span, cx);
    }

    fn on_end(&self, mut span: SpanData) {
        // The batch processor would export a span that is recorded, but not sampled.
        if span.span_context.is_sampled() {
            self.0.counts.0.created.fetch_add(1, Ordering::Release);
            limits::cut_values(&mut span, self.0.value_length_limit);
            self.0.processor.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        // Once: the provider does it again when it is dropped, and would wait a second time for a
        // receiver that hangs.
        if self.0.is_shut_down.swap(true, Ordering::AcqRel) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.0.processor.shutdown_with_timeout(timeout)
    }
}

/// Counts what its exporter did with the spans.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    exporter: E,
    counts: Counts,
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.exporter.export(batch).await;
        let Counts(counts) = &self.counts;
        let count = if result.is_ok() { &counts.exported } else { &counts.failed };
        count.fetch_add(spans, Ordering::Release);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        // Passed on as it is: the OTLP exporter implements this one only.
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
