//! Numbers as a browser has them: 64-bit floating point, in which a whole number is exact up to 2^53.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

/// The largest whole number that is exact in a browser.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).map_or(MAX_SAFE_INTEGER, |us| us.min(MAX_SAFE_INTEGER))
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(MAX_SAFE_INTEGER, |ns| ns.min(MAX_SAFE_INTEGER))
}

/// A number, or, where a browser would round it, its digits.
pub(super) fn integer(value: i64) -> Json {
    if value.unsigned_abs() <= MAX_SAFE_INTEGER { json!(value) } else { json!(value.to_string()) }
}

/// JSON has no numbers that are none.
pub(super) fn double(value: f64) -> Json {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_never_overflow() {
        assert_eq!(
            micros(UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789)),
            1_700_000_000_123_456
        );
        assert_eq!(micros(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(nanos(Duration::MAX), MAX_SAFE_INTEGER);
    }
}
