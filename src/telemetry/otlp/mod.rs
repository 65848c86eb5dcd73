//! OTLP over HTTP with protobuf, in batches, to Honeycomb or any other receiver.
//!
//! | file | what |
//! |---|---|
//! | `exporter.rs` | what the batch processor calls: a batch in, encoded and handed over |
//! | `log_exporter.rs` | the same for log records |
//! | `encode.rs` | spans as the bytes of an OTLP message |
//! | `sender.rs` | holds a batch until the receiver has it, refuses it for good, or the process ends |
//! | `too_large.rs` | which requests the receiver would answer with 413 |
//! | `client.rs` | one HTTP exchange |
//! | `answer.rs` | what the receiver's answer means |
//! | `secrets.rs` | what an answer must not tell back |
//!
//! The stock exporter gives a batch up after three retries, or ten seconds, and says nothing of it but
//! "network error". Here a receiver may be away for as long as the queue lasts.

mod answer;
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
use super::pipeline::Pipeline;
use crate::config::otlp::OtlpConfig;
use crate::config::telemetry::BatchConfig;
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
    Ok(Pipeline::batch(account, exporter, batch, value_length_limit))
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
