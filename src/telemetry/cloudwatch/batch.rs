//! The limits of `PutLogEvents` (CloudWatch Logs API reference), which refuses a batch that breaks one.

/// A log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    pub(super) message: String,
}

/// What an event takes besides its message.
const OVERHEAD: usize = 26;

/// The largest message, in bytes. Since 2025 the API takes events of 1 MB; what reads them later
/// (subscriptions, exports, other implementations of the API) may still know no more than 256 kB.
pub(super) const MAX_MESSAGE: usize = 256 * 1024 - OVERHEAD;

const MAX_EVENTS: usize = 10_000;
const MAX_BYTES: usize = 1_048_576;
/// The timestamps of a batch lie within 24 hours.
const MAX_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// Splits events into batches, each in chronological order.
pub(super) fn batches(mut events: Vec<Event>) -> Vec<Vec<Event>> {
    // Stable: of events in the same millisecond the first stays the first.
    events.sort_by_key(|event| event.timestamp);
    let mut batches: Vec<Vec<Event>> = Vec::new();
    let (mut bytes, mut start) = (0, 0);
    for event in events {
        let size = event.message.len() + OVERHEAD;
        match batches.last_mut() {
            Some(batch)
                if batch.len() < MAX_EVENTS
                    && bytes + size <= MAX_BYTES
                    && event.timestamp.saturating_sub(start) < MAX_MILLISECONDS =>
            {
                bytes += size;
                batch.push(event);
            }
            _ => {
                (bytes, start) = (size, event.timestamp);
                batches.push(vec![event]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: i64, length: usize) -> Event {
        Event { timestamp, message: "x".repeat(length) }
    }

    fn sizes(events: Vec<Event>) -> Vec<usize> {
        batches(events).iter().map(Vec::len).collect()
    }

    #[test]
    fn each_limit_is_reached_and_never_passed() {
        let many = |count, length| (0..count).map(|_| event(0, length)).collect::<Vec<_>>();
        const DAY: i64 = MAX_MILLISECONDS;
        let cases = [
            ("nothing", Vec::new(), vec![]),
            ("events", many(10_000, 1), vec![10_000]),
            ("one event more", many(10_001, 1), vec![10_000, 1]),
            // 1024 bytes each.
            ("bytes", many(1024, 1024 - OVERHEAD), vec![1024]),
            ("one byte more", [many(1024, 1024 - OVERHEAD), many(1, 1)].concat(), vec![1024, 1]),
            ("the largest", many(5, MAX_MESSAGE), vec![4, 1]),
            ("a day but a millisecond", vec![event(0, 1), event(DAY - 1, 1)], vec![2]),
            ("a day", vec![event(0, 1), event(DAY, 1), event(DAY + 1, 1)], vec![1, 2]),
        ];
        for (name, events, expected) in cases {
            assert_eq!(sizes(events), expected, "{name}");
        }
    }

    #[test]
    fn events_are_in_chronological_order_and_else_in_that_in_which_they_came() {
        let events: Vec<_> = [(5, "a"), (3, "b"), (5, "c"), (1, "d")]
            .map(|(timestamp, message)| Event { timestamp, message: message.to_owned() })
            .into();
        let [batch] = &batches(events)[..] else { panic!("one batch") };
        let messages: Vec<_> = batch.iter().map(|event| event.message.as_str()).collect();
        assert_eq!(messages, ["d", "b", "a", "c"]);
    }
}
