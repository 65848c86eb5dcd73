//! Warnings that repeat themselves: an outage, or a client that sends nonsense, must not fill the log with
//! the same line.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a warning of the same kind is repeated.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// Lets a warning through at once, and then once a minute with all that was held back.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

impl RateLimit {
    /// Notes `count` more; all that are untold, if now is the time to tell them.
    pub(crate) fn note(&self, count: u64) -> Option<u64> {
        self.note_at(count, Instant::now())
    }

    fn note_at(&self, count: u64, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().ok()?;
        told.untold += count;
        let is_due = told.last.is_none_or(|last| now.duration_since(last) >= REPEAT_AFTER);
        is_due.then(|| {
            told.last = Some(now);
            std::mem::take(&mut told.untold)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute_with_their_count() {
        let limit = RateLimit::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limit.note_at(1, at(0)), Some(1));
        assert_eq!(limit.note_at(2, at(1)), None);
        assert_eq!(limit.note_at(3, at(59)), None);
        assert_eq!(limit.note_at(4, at(60)), Some(9));
        assert_eq!(limit.note_at(5, at(119)), None);
        assert_eq!(limit.note_at(6, at(121)), Some(11));
    }
}
