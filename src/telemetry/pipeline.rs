//! One way out for spans, and the count of what became of them.
//!
//! The SDK's processors hide what they drop, and their `Ok` at shutdown is no proof of delivery. So a
//! span is counted when it goes into the processor and again when the exporter has done with it;
//! once the queue is drained, the difference is what was dropped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

/// A span processor with its exporter, under the name it has in reports.
#[derive(Clone, Debug)]
pub struct Pipeline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    destination: String,
    processor: Box<dyn SpanProcessor>,
    counts: Arc<Counts>,
}

/// Spans by what became of them.
#[derive(Debug, Default)]
struct Counts {
    created: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
}

/// What became of the spans of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where they were to go.
    pub destination: String,
    /// Accepted by the receiver.
    pub exported: u64,
    /// Handed to the exporter, which gave up.
    pub failed: u64,
    /// Never handed to the exporter: the queue was full, or the time was up.
    pub dropped: u64,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, exported, failed, dropped } = self;
        write!(f, "{destination}: {exported} spans exported, {failed} failed, {dropped} dropped")
    }
}

impl Pipeline {
    /// A pipeline that ends in `exporter`, driven by the processor that `processor` makes.
    pub(super) fn new<E, P>(
        destination: String,
        exporter: E,
        resource: &Resource,
        processor: impl FnOnce(CountingExporter<E>) -> P,
    ) -> Self
    where
        E: SpanExporter + 'static,
        P: SpanProcessor + 'static,
    {
        let counts = Arc::new(Counts::default());
        let mut processor = processor(CountingExporter { exporter, counts: Arc::clone(&counts) });
        // Now: the provider will only see a shared handle, which it cannot set anything on.
        processor.set_resource(resource);
        Self(Arc::new(Inner { destination, processor: Box::new(processor), counts }))
    }

    /// Where the spans go.
    pub fn destination(&self) -> &str {
        &self.0.destination
    }

    /// Exports what is queued and stops, within `timeout`.
    pub(super) fn drain(&self, timeout: Duration) {
        match self.0.processor.shutdown_with_timeout(timeout) {
            Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
            // Nothing is lost unsaid: what was not exported is in the counts.
            Err(error) => {
                tracing::warn!(destination = self.destination(), %error, "export was cut off")
            }
        }
    }

    /// What became of the spans so far; what is still queued counts as dropped.
    pub fn delivery(&self) -> Delivery {
        let counts = &self.0.counts;
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

    fn on_end(&self, span: SpanData) {
        // The batch processor would export a span that is recorded, but not sampled.
        if span.span_context.is_sampled() {
            self.0.counts.created.fetch_add(1, Ordering::Release);
            self.0.processor.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.processor.shutdown_with_timeout(timeout)
    }
}

/// Counts what its exporter did with the spans.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.exporter.export(batch).await;
        let count = if result.is_ok() { &self.counts.exported } else { &self.counts.failed };
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
