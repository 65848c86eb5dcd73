//! OTLP over HTTP with protobuf, in batches, to Honeycomb or any other receiver.
//!
//! | file | what |
//! |---|---|
//! | `batch_processor.rs` | takes spans where they end, encodes them, lets a thread send them in batches |
//! | `chunk.rs` | encoded spans that wait |
//! | `encode.rs` | spans as the bytes of an OTLP message |
//! | `exporter.rs` | a batch of them as a request |
//! | `log_exporter.rs` | what the SDK's batch processor calls for log records |
//! | `sender.rs` | holds a batch until the receiver has it, refuses it for good, or the process ends |
//! | `too_large.rs` | which requests the receiver would answer with 413 |
//! | `client.rs` | one HTTP exchange |
//! | `answer.rs` | what the receiver's answer means |
//! | `secrets.rs` | what an answer must not tell back |
//!
//! The stock exporter gives a batch up after three retries, or ten seconds, and says nothing of it but
//! "network error". Here a receiver may be away for as long as the queue lasts.

mod answer;
mod batch_processor;
mod chunk;
mod client;
mod encode;
mod exporter;
mod log_exporter;
mod secrets;
mod sender;
mod too_large;

use opentelemetry_sdk::Resource;

use super::StartError;
use super::account::Account;
use super::end::End;
use super::log_pipeline::{self, LogPipeline};
use super::pipeline::{Pipeline, WHEN_FULL};
use crate::config::otlp::OtlpConfig;
use crate::config::telemetry::BatchConfig;
use batch_processor::BatchProcessor;
pub(crate) use client::http_client;
use exporter::Exporter;
use sender::Sender;

/// The pipeline to the receiver that `config` names.
pub(super) fn pipeline(
    config: &OtlpConfig,
    batch: &BatchConfig,
    resource: &Resource,
    value_length_limit: usize,
    end: &End,
) -> Result<Pipeline, StartError> {
    let account = Account::new(format!("otlp {}", config.endpoint), "spans");
    let sender = Sender::new(config, account.clone(), end.clone())?;
    let exporter = Exporter::new(resource, sender);
    let processor = BatchProcessor::start(exporter, account.clone(), batch, value_length_limit)?;
    Ok(Pipeline::new(account, processor, batch.max_queue_size, WHEN_FULL))
}

/// The same for log records.
pub(super) fn log_pipeline(
    config: &OtlpConfig,
    batch: &BatchConfig,
    resource: &Resource,
    end: &End,
) -> Result<LogPipeline, StartError> {
    let account = Account::new(format!("otlp {}", config.endpoint), log_pipeline::ITEMS);
    let sender = Sender::new(config, account.clone(), end.clone())?;
    let exporter = log_exporter::Exporter::new(resource, sender);
    Ok(LogPipeline::batch(account, exporter, batch))
}
