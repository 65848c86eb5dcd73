//! One way out for log records, as `pipeline.rs` is one for spans: the SDK's batch processor with its
//! exporter, and the account of what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
};

use super::account::Account;
use super::pipeline::tell_of_end;
use crate::config::telemetry::BatchConfig;

/// What an account of this kind counts.
pub(super) const ITEMS: &str = "log records";

const WHEN_FULL: &str =
    "the queue is full: OTEL_BLRP_MAX_QUEUE_SIZE says how many log records may wait";

/// A log processor with its exporter, under the name that they have in reports.
#[derive(Clone, Debug)]
pub(super) struct LogPipeline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: Account,
    processor: BatchLogProcessor,
    /// How many records may wait for the exporter.
    capacity: u64,
    is_shut_down: AtomicBool,
}

impl LogPipeline {
    /// A pipeline through the SDK's batch processor, a thread of its own on which `exporter` may block.
    /// The exporter knows the resource already, and enters into `account` what it exported and what
    /// failed; what it takes is entered here.
    pub(super) fn batch(
        account: Account,
        exporter: impl LogExporter + 'static,
        batch: &BatchConfig,
    ) -> Self {
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.max_queue_size)
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(batch.schedule_delay)
            .build();
        account.set_queue_capacity(batch.max_queue_size as u64);
        let exporter = Taking { exporter, account: account.clone() };
        Self(Arc::new(Inner {
            account,
            processor: BatchLogProcessor::builder(exporter).with_batch_config(config).build(),
            capacity: batch.max_queue_size as u64,
            is_shut_down: AtomicBool::new(false),
        }))
    }

    /// What became of its records.
    pub(super) fn account(&self) -> &Account {
        &self.0.account
    }

    /// Exports what is queued and stops, within `timeout`.
    pub(super) fn drain(&self, timeout: Duration) {
        tell_of_end(self.account(), self.shutdown_with_timeout(timeout));
    }
}

impl LogProcessor for LogPipeline {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        // The last lines of the process say what became of the records, and cannot be among them.
        if self.0.is_shut_down.load(Ordering::Acquire) {
            return;
        }
        if self.0.account.admit(self.0.capacity, WHEN_FULL) {
            self.0.processor.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.0.is_shut_down.swap(true, Ordering::AcqRel) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.0.processor.shutdown_with_timeout(timeout)
    }
}

/// Enters what its exporter takes from the queue.
#[derive(Debug)]
struct Taking<E> {
    exporter: E,
    account: Account,
}

impl<E: LogExporter> LogExporter for Taking<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.account.taken(batch.iter().count() as u64);
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
}
