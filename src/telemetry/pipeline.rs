//! One way out for spans: a processor with its exporter, and the account of what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::account::Account;
use super::fan_out::Consumer;
use super::limits;

/// A span processor with its exporter, under the name that they have in reports.
#[derive(Clone, Debug)]
pub(super) struct Pipeline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: Account,
    processor: Box<dyn Consumer>,
    /// How many spans may wait for the exporter.
    capacity: u64,
    /// Why they are dropped when there are more.
    when_full: &'static str,
    is_shut_down: AtomicBool,
    /// Has its processor ended, too? Until then it takes what still comes.
    is_over: AtomicBool,
}

/// Why a batch processor drops spans.
pub(super) const WHEN_FULL: &str =
    "the queue is full: OTEL_BSP_MAX_QUEUE_SIZE says how many spans may wait";

impl Pipeline {
    /// A pipeline through `processor`. Its exporter knows the resource already: the provider only gets a
    /// shared handle, which it cannot set anything on. It enters into `account` what it
    /// [takes](Account::taken), and what becomes of that.
    pub(super) fn new(
        account: Account,
        processor: impl Consumer + 'static,
        capacity: usize,
        when_full: &'static str,
    ) -> Self {
        account.set_queue_capacity(capacity as u64);
        Self(Arc::new(Inner {
            account,
            processor: Box::new(processor),
            capacity: capacity as u64,
            when_full,
            is_shut_down: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }))
    }

    /// What became of its spans.
    pub(super) fn account(&self) -> &Account {
        &self.0.account
    }

    /// Does it take this span? It is in the account then, one way or the other.
    fn admits(&self, span: &SpanData) -> bool {
        // A span that is recorded, but not sampled, is for nobody outside.
        if !span.span_context.is_sampled() {
            return false;
        }
        let Inner { account, capacity, when_full, is_over, .. } = &*self.0;
        if is_over.load(Ordering::Acquire) {
            return account.admit(0, "they ended after the exporter");
        }
        account.admit(*capacity, when_full)
    }

    /// Exports what is queued and stops, within `timeout`.
    pub(super) fn drain(&self, timeout: Duration) {
        tell_of_end(self.account(), self.shutdown_with_timeout(timeout));
    }
}

/// Warns where the end of a pipeline came too early.
pub(super) fn tell_of_end(account: &Account, end: OTelSdkResult) {
    match end {
        Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
        // Nothing is lost unsaid: what was not exported is in the account.
        Err(error) => {
            let destination = account.destination();
            tracing::warn!(destination, %error, "export was cut off");
        }
    }
}

impl Consumer for Pipeline {
    fn on_end_of(&self, span: &SpanData) {
        if self.admits(span) {
            self.0.processor.on_end_of(span);
        }
    }
}

impl SpanProcessor for Pipeline {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.0.processor.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if self.admits(&span) {
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
        let end = self.0.processor.shutdown_with_timeout(timeout);
        self.0.is_over.store(true, Ordering::Release);
        end
    }
}

/// A processor of the SDK's, which keeps the span that it is given.
#[derive(Debug)]
pub(super) struct OfTheSdk<P> {
    processor: P,
    value_length_limit: usize,
}

impl<P> OfTheSdk<P> {
    pub(super) fn new(processor: P, value_length_limit: usize) -> Self {
        Self { processor, value_length_limit }
    }
}

impl<P: SpanProcessor> Consumer for OfTheSdk<P> {
    fn on_end_of(&self, span: &SpanData) {
        self.on_end(span.clone());
    }
}

impl<P: SpanProcessor> SpanProcessor for OfTheSdk<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.processor.on_start(span, cx);
    }

    fn on_end(&self, mut span: SpanData) {
        limits::cut_values(&mut span, self.value_length_limit);
        self.processor.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }
}
