//! Points in time as the frontend reads them: RFC 3339, UTC, microseconds, `+00:00`, the form that
//! Python's `datetime.isoformat()` gives the reference.

use std::fmt;
use std::ops::{Add, Sub};

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use serde::{Serialize, Serializer};

/// The offset, as Python writes it.
const UTC: &str = "+00:00";

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
        f.write_str(DateAndTime::new(self.0, b'T').as_str())?;
        f.write_str(UTC)
    }
}

impl From<Timestamp> for String {
    /// The same text as [`Display`](fmt::Display) writes, in one step.
    fn from(timestamp: Timestamp) -> Self {
        [DateAndTime::new(timestamp.0, b'T').as_str(), UTC].concat()
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

/// The text of a date and a time to the microsecond, such as `2026-11-22T10:10:41.892591`.
///
/// Written digit by digit: chrono interprets a pattern at every call, `write!` a format for every
/// number, and a request writes nine of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateAndTime([u8; 26]);

impl DateAndTime {
    /// The text of `time`, a year from 0 to 9999, with `separator` in the place of the `T`.
    pub(crate) fn new(time: DateTime<Utc>, separator: u8) -> Self {
        let (date, clock) = (time.date_naive(), time.time());
        let mut text = *b"0000-00-00T00:00:00.000000";
        write_digits(&mut text[0..4], date.year().unsigned_abs());
        write_digits(&mut text[5..7], date.month());
        write_digits(&mut text[8..10], date.day());
        text[10] = separator;
        write_digits(&mut text[11..13], clock.hour());
        write_digits(&mut text[14..16], clock.minute());
        write_digits(&mut text[17..19], clock.second());
        // A leap second counts beyond a million.
        write_digits(&mut text[20..26], (clock.nanosecond() / 1000).min(999_999));
        Self(text)
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        // ASCII, if the separator is.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The last decimal digits of `number`, as many as there is room for.
fn write_digits(text: &mut [u8], mut number: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            assert_eq!(String::from(Timestamp(parsed)), written, "{instant}");
        }
    }

    proptest! {
        #[test]
        fn every_date_is_written_as_chrono_writes_it(
            seconds in -62_167_219_200i64..253_402_300_800,
            nanos in 0u32..1_000_000_000,
        ) {
            let time = DateTime::from_timestamp(seconds, nanos).unwrap();
            let expected = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            let written = DateAndTime::new(time, b' ');
            prop_assert_eq!(written.as_str(), expected);
        }
    }
}
