//! Points in time as the frontend reads them: RFC 3339, UTC, microseconds, `+00:00`, the form that
//! Python's `datetime.isoformat()` gives the reference.

use std::fmt;
use std::ops::{Add, Sub};

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use serde::{Serialize, Serializer};

/// A UTC timestamp that is written as `2026-11-22T10:10:41.892591+00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The current time.
    pub(crate) fn now() -> Self {
        Self(Utc::now())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        // Written out: chrono's own formatting interprets a pattern at every call.
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.timestamp_subsec_micros().min(999_999), // a leap second counts beyond it
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add<TimeDelta> for Timestamp {
    type Output = Self;

    fn add(self, delta: TimeDelta) -> Self {
        Self(self.0 + delta)
    }
}

impl Sub<TimeDelta> for Timestamp {
    type Output = Self;

    fn sub(self, delta: TimeDelta) -> Self {
        Self(self.0 - delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_python_isoformat_writes_it() {
        let cases = [
            ("2026-11-22T10:10:41.892591Z", "2026-11-22T10:10:41.892591+00:00"),
            ("2026-01-02T03:04:05.000007Z", "2026-01-02T03:04:05.000007+00:00"),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000+00:00"),
            ("2026-06-30T23:59:60.5Z", "2026-06-30T23:59:59.999999+00:00"),
        ];
        for (instant, written) in cases {
            let parsed: DateTime<Utc> = instant.parse().unwrap();
            assert_eq!(Timestamp(parsed).to_string(), written, "{instant}");
        }
    }
}
