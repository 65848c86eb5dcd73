//! Log records to Amazon CloudWatch Logs, by its API `PutLogEvents`.
//!
//! | file | what |
//! |---|---|
//! | `exporter.rs` | what the batch processor calls: records in, batches of events out |
//! | `event.rs` | one record as an event: a JSON message for people and for Logs Insights |
//! | `batch.rs` | the limits that a batch of events has to keep |
//! | `writer.rs` | holds a batch until CloudWatch has it, refuses it for good, or the process ends |
//! | `client.rs` | the calls, by AWS's SDK: put, and create what is missing |
//! | `endpoint.rs` | where the calls go, for those who want to know before |
//! | `failure.rs` | what an error means, and what to do about it |
//!
//! Region and credentials are found by the SDK's own chain, when there is something to send for the
//! first time: looking for them may take a while, and may fail today and not tomorrow.

mod batch;
mod client;
mod endpoint;
mod event;
mod exporter;
mod failure;
mod writer;

use opentelemetry_sdk::Resource;

use super::account::Account;
use super::end::End;
use super::log_pipeline::{self, LogPipeline};
use crate::config::cloudwatch::CloudWatchConfig;
use crate::config::telemetry::BatchConfig;
use client::{Client, Stream};
pub(crate) use endpoint::endpoint;
use exporter::Exporter;
use writer::Writer;

/// The pipeline to the log group that `config` names.
pub(super) fn pipeline(
    config: &CloudWatchConfig,
    batch: &BatchConfig,
    resource: &Resource,
    end: &End,
) -> std::io::Result<LogPipeline> {
    let stream = Stream::new(config, resource);
    let account = Account::new(format!("cloudwatch {}", stream.group), log_pipeline::ITEMS);
    let client = Client::start(stream)?;
    let writer = Writer::new(client, account.clone(), end.clone(), batch.export_timeout);
    Ok(LogPipeline::batch(account, Exporter::new(writer), batch))
}
