//! What the batch processor calls, on its own thread: a batch in, encoded and handed over.

use std::sync::Mutex;

use opentelemetry_http::Bytes;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::encode::Encoder;
use super::sender::{Sender, Sent};

/// Exports spans to one receiver.
#[derive(Debug)]
pub(super) struct Exporter {
    encoder: Encoder,
    sender: Sender,
    /// The memory of the last request, for the next.
    buffer: Mutex<Vec<u8>>,
}

impl Exporter {
    pub(super) fn new(resource: &Resource, sender: Sender) -> Self {
        Self { encoder: Encoder::new(resource), sender, buffer: Mutex::default() }
    }

    fn deliver(&self, spans: &[SpanData]) {
        let mut buffer = self.take_buffer();
        self.encoder.encode(spans, &mut buffer);
        let request = Bytes::from(buffer);
        let sent = self.sender.send(spans.len() as u64, &request);
        self.return_buffer(request);
        if sent == Sent::TooLarge {
            // Not the same request again, which the specification forbids, but two smaller ones.
            let (first, second) = spans.split_at(spans.len() / 2);
            self.deliver(first);
            self.deliver(second);
        }
    }

    fn take_buffer(&self) -> Vec<u8> {
        self.buffer.lock().map(|mut buffer| std::mem::take(&mut *buffer)).unwrap_or_default()
    }

    fn return_buffer(&self, request: Bytes) {
        // Not copied: nobody else has the request any more.
        let mut request = Vec::from(request);
        request.clear();
        if let Ok(mut buffer) = self.buffer.lock() {
            *buffer = request;
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.deliver(&batch);
        // What became of it is in the account, and told from there; an error here would make the
        // processor log each one.
        Ok(())
    }
}
