//! What the batch processor calls, on its own thread: records in, batches of events out.

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};

use super::batch::batches;
use super::event::event;
use super::writer::Writer;

/// Exports log records to one stream.
#[derive(Debug)]
pub(super) struct Exporter {
    writer: Writer,
}

impl Exporter {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer }
    }
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let events = batch.iter().map(|(record, _)| event(record)).collect();
        for batch in batches(events) {
            self.writer.write(&batch);
        }
        // What became of them is in the account.
        Ok(())
    }
}
