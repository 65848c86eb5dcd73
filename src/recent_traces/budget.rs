//! How many traces are taken in: what the page may cost in a second, whatever the load.
//!
//! A bucket of tokens, one for each request and what it causes here. Whoever sorts fills it, by the time
//! that has passed, so that a request reads no clock: it takes a token, or there is none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Budget {
    capacity: u64,
    per_second: u64,
    left: AtomicU64,
    is_overdrawn: AtomicBool,
    /// Until when the time that passed has been given out.
    filled: Mutex<Instant>,
}

impl Budget {
    /// So many at once, and then so many a second.
    pub(super) fn new(capacity: usize, per_second: usize, now: Instant) -> Self {
        let (capacity, per_second) = (capacity as u64, per_second as u64);
        Self {
            capacity,
            per_second,
            left: AtomicU64::new(capacity),
            is_overdrawn: AtomicBool::new(false),
            filled: Mutex::new(now),
        }
    }

    /// May one more be taken in?
    pub(super) fn take(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        let is_taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if !is_taken {
            self.overdraw();
        }
        is_taken
    }

    /// Notes that one was not taken in.
    pub(super) fn overdraw(&self) {
        // Read first: under load threads would else write it all the time, each to the others' cost.
        if !self.is_overdrawn() {
            self.is_overdrawn.store(true, Ordering::Relaxed);
        }
    }

    /// Was one not taken in since it was full?
    pub(super) fn is_overdrawn(&self) -> bool {
        self.is_overdrawn.load(Ordering::Relaxed)
    }

    /// Fills in what is due by `now`.
    pub(super) fn fill(&self, now: Instant) {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(*filled);
        let due = passed.as_nanos() * u128::from(self.per_second) / u128::from(NANOS_PER_SECOND);
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        let room = self.capacity - self.left.load(Ordering::Relaxed);
        if due < room {
            // What is not a whole token yet is for the next time.
            *filled += Duration::from_nanos(due * NANOS_PER_SECOND / self.per_second);
            self.left.fetch_add(due, Ordering::Relaxed);
            return;
        }
        // Meanwhile it only becomes less.
        self.left.fetch_add(room, Ordering::Relaxed);
        self.is_overdrawn.store(false, Ordering::Relaxed);
        *filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of many are taken in.
    fn taken(budget: &Budget) -> usize {
        (0..1000).filter(|_| budget.take()).count()
    }

    #[test]
    fn so_many_at_once_and_then_so_many_a_second() {
        let start = Instant::now();
        let after = |ms: u64| start + Duration::from_millis(ms);
        let budget = Budget::new(50, 100, start);
        for (ms, expected) in [
            (0, 50),    // full
            (0, 0),     // no time has passed
            (100, 10),  // a tenth of a second
            (109, 0),   // not yet one more
            (110, 1),   // what was not given out then
            (115, 0),   // half a token
            (120, 1),   // and the other half
            (90, 0),    // the clock went back
            (1120, 50), // a second is a hundred, but it holds fifty
            (1130, 1),
        ] {
            budget.fill(after(ms));
            assert_eq!(taken(&budget), expected, "after {ms} ms");
        }
    }

    #[test]
    fn that_one_was_not_taken_in_is_known_until_it_is_full_again() {
        let start = Instant::now();
        let budget = Budget::new(10, 100, start);
        (0..10).for_each(|_| assert!(budget.take()));
        assert!(!budget.is_overdrawn());
        assert!(!budget.take());
        budget.fill(start + Duration::from_millis(90));
        assert!(budget.is_overdrawn());
        budget.fill(start + Duration::from_millis(100));
        assert!(!budget.is_overdrawn());
        budget.overdraw();
        assert!(budget.is_overdrawn());
    }

    #[test]
    fn however_often_it_is_filled_a_load_of_any_size_gets_its_rate() {
        let start = Instant::now();
        for steps_of_us in [13, 100, 999, 100_000] {
            let budget = Budget::new(2_000, 1_000, start);
            let end = 10_000_000 / steps_of_us;
            let all: usize = (0..=end)
                .map(|step| {
                    budget.fill(start + Duration::from_micros(step * steps_of_us));
                    (0..3_000).take_while(|_| budget.take()).count()
                })
                .sum();
            // At once, and in ten seconds.
            assert!((11_998..=12_000).contains(&all), "{all} in steps of {steps_of_us} µs");
        }
    }
}
