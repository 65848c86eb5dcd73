//! The same as `exporter.rs` for log records. They are few beside spans: the stock transform will do.

use opentelemetry::InstrumentationScope;
use opentelemetry_http::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use prost::Message;

use super::sender::{Sender, Sent};

type Record<'a> = (&'a SdkLogRecord, &'a InstrumentationScope);

/// Exports log records to one receiver.
#[derive(Debug)]
pub(super) struct Exporter {
    resource: ResourceAttributesWithSchema,
    sender: Sender,
}

impl Exporter {
    pub(super) fn new(resource: &Resource, sender: Sender) -> Self {
        Self { resource: resource.into(), sender }
    }

    fn deliver(&self, records: &[Record<'_>]) {
        let batch = LogBatch::new(records);
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let request = Bytes::from(ExportLogsServiceRequest { resource_logs }.encode_to_vec());
        if self.sender.send(records.len() as u64, &request) == Sent::TooLarge {
            let (first, second) = records.split_at(records.len() / 2);
            self.deliver(first);
            self.deliver(second);
        }
    }
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records: Vec<_> = batch.iter().collect();
        self.deliver(&records);
        Ok(())
    }
}
