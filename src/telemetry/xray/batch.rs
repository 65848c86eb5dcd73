//! The SDK's batch processor before the daemon's exporter. Segments are few bytes, and UDP is quick: what
//! `otlp/batch_processor.rs` does is not worth its while here.

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter};

use crate::config::telemetry::BatchConfig;
use crate::telemetry::account::Account;
use crate::telemetry::pipeline::{OfTheSdk, Pipeline, WHEN_FULL};

/// A pipeline with a thread of its own on which `exporter` may block. It knows the resource already, and
/// enters into `account` what it exported and what failed; what it takes is entered here.
pub(super) fn pipeline(
    account: Account,
    exporter: impl SpanExporter + 'static,
    batch: &BatchConfig,
    value_length_limit: usize,
) -> Pipeline {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(batch.max_queue_size)
        .with_max_export_batch_size(batch.max_export_batch_size)
        .with_scheduled_delay(batch.schedule_delay)
        .build();
    let exporter = Taking { exporter, account: account.clone() };
    let processor = OfTheSdk::new(BatchSpanProcessor::new(exporter, config), value_length_limit);
    Pipeline::new(account, processor, batch.max_queue_size, WHEN_FULL)
}

/// Enters what its exporter takes from the queue.
#[derive(Debug)]
struct Taking<E> {
    exporter: E,
    account: Account,
}

impl<E: SpanExporter> SpanExporter for Taking<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.account.taken(batch.len() as u64);
        self.exporter.export(batch).await
    }
}
