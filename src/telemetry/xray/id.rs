//! Ids as X-Ray has them. A trace id begins with the seconds at which its trace began: X-Ray sorts by
//! them, and older services of AWS refuse a trace that seems to be from another month.
//!
//! The rest of it is as random as ever: the W3C's random flag, and samplers that look at the last 56
//! bits, are right about it.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

/// Makes trace ids whose first 32 bits are the time, in seconds since 1970.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct XrayIds(RandomIdGenerator);

impl IdGenerator for XrayIds {
    fn new_trace_id(&self) -> TraceId {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The format has room until 2106.
        let seconds = u32::try_from(since_1970.as_secs()).unwrap_or(u32::MAX);
        let mut bytes = self.0.new_trace_id().to_bytes();
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        TraceId::from_bytes(bytes)
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

/// `1-5759e988-bd862e3fe1be46a994272793`: X-Ray's spelling of a trace id. Ids of others, whose first
/// digits are no time, are spelt the same way; X-Ray takes them since 2023.
pub(super) fn spelt(trace_id: TraceId) -> String {
    let digits = trace_id.to_string();
    let (time, unique) = digits.split_at(8);
    format!("1-{time}-{unique}")
}

/// 16 digits for something that has no id of its own: an exception, or a segment around a span.
pub(super) fn random() -> String {
    RandomIdGenerator::default().new_span_id().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_begins_with_the_time_and_goes_on_at_random() {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let before = now();
        let ids: Vec<_> = (0..100).map(|_| XrayIds::default().new_trace_id().to_bytes()).collect();
        for id in &ids {
            let seconds = u64::from(u32::from_be_bytes([id[0], id[1], id[2], id[3]]));
            assert!((before..=now()).contains(&seconds), "{id:?}");
        }
        // Each byte after the time takes many values.
        for byte in 4..16 {
            let values: std::collections::BTreeSet<_> = ids.iter().map(|id| id[byte]).collect();
            assert!(values.len() > 50, "{byte}: {values:?}");
        }
    }

    #[test]
    fn a_trace_id_is_spelt_with_its_time_apart() {
        let id = TraceId::from_hex("5759e988bd862e3fe1be46a994272793").unwrap();
        assert_eq!(spelt(id), "1-5759e988-bd862e3fe1be46a994272793");
    }
}
