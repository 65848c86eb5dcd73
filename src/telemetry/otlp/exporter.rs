//! One batch of encoded spans as one request; as several, where the receiver takes none so large.

use opentelemetry_http::Bytes;
use opentelemetry_sdk::Resource;

use super::chunk::{Encoded, MOST_KEPT};
use super::encode::Encoder;
use super::sender::{Sender, Sent};

/// Exports spans to one receiver.
#[derive(Debug)]
pub(super) struct Exporter {
    encoder: Encoder,
    sender: Sender,
    /// The memory of the last request, for the next.
    buffer: Vec<u8>,
}

impl Exporter {
    pub(super) fn new(resource: &Resource, sender: Sender) -> Self {
        Self { encoder: Encoder::new(resource), sender, buffer: Vec::new() }
    }

    /// Delivers `spans`; what became of them is in the account then. Blocks while the receiver is away.
    pub(super) fn deliver(&mut self, spans: &[Encoded<'_>]) {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.encoder.encode(spans, &mut buffer);
        let request = Bytes::from(buffer);
        let sent = self.sender.send(spans.len() as u64, &request);
        // What was sent has no other owner as a rule. Cleared first: the memory changes hands, what is in it
        // would be moved to where it is.
        if let Ok(mut memory) = request.try_into_mut()
            && memory.capacity() <= MOST_KEPT
        {
            memory.clear();
            self.buffer = memory.into();
        }
        if sent == Sent::TooLarge {
            // Not the same request again, which the specification forbids, but two smaller ones.
            let (first, second) = spans.split_at(spans.len() / 2);
            self.deliver(first);
            self.deliver(second);
        }
    }
}
