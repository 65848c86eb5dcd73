//! One item per fault and minute: an outage tells the same a thousand times, and Rollbar counts each.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long after an item others of the same fault are left out.
const LENGTH: Duration = Duration::from_secs(60);

/// How many faults are remembered at most, so that memory is bounded whatever a service's errors are.
const MOST: usize = 1024;

/// The faults of the last minute.
#[derive(Debug, Default)]
pub(super) struct Windows(HashMap<String, Window>);

#[derive(Debug)]
struct Window {
    opened: Instant,
    left_out: u64,
}

impl Windows {
    /// Is there an item of this fault already? Then one more is left out, and counted.
    pub(super) fn leaves_out(&mut self, fingerprint: &str, now: Instant) -> bool {
        match self.0.get_mut(fingerprint) {
            Some(window) if is_open(window, now) => {
                window.left_out += 1;
                true
            }
            _ => false,
        }
    }

    /// How many were left out since the item before.
    pub(super) fn left_out(&self, fingerprint: &str) -> u64 {
        self.0.get(fingerprint).map_or(0, |window| window.left_out)
    }

    /// Notes that there is an item of this fault now.
    pub(super) fn open(&mut self, fingerprint: String, now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, window| is_open(window, now));
        }
        // Where all are open, there is simply one item more.
        if self.0.len() < MOST || self.0.contains_key(&fingerprint) {
            self.0.insert(fingerprint, Window { opened: now, left_out: 0 });
        }
    }
}

fn is_open(window: &Window, now: Instant) -> bool {
    now.duration_since(window.opened) < LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_minute_gets_through_and_knows_of_those_before_it() {
        let mut windows = Windows::default();
        let start = Instant::now();
        let mut tell = |fault: &str, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            if windows.leaves_out(fault, now) {
                return None;
            }
            let left_out = windows.left_out(fault);
            windows.open(fault.to_owned(), now);
            Some(left_out)
        };
        assert_eq!(tell("a", 0), Some(0));
        assert_eq!(tell("a", 0), None);
        assert_eq!(tell("b", 30), Some(0));
        assert_eq!(tell("a", 59), None);
        assert_eq!(tell("a", 60), Some(2));
        assert_eq!(tell("b", 89), None);
        assert_eq!(tell("a", 119), None);
        assert_eq!(tell("b", 200), Some(1));
        assert_eq!(tell("a", 200), Some(1));
    }

    #[test]
    fn memory_is_bounded_and_old_faults_make_room() {
        let mut windows = Windows::default();
        let start = Instant::now();
        for fault in 0..2 * MOST {
            windows.open(fault.to_string(), start);
        }
        assert_eq!(windows.0.len(), MOST);
        assert!(windows.leaves_out("0", start));
        windows.open("new".to_owned(), start + LENGTH);
        assert_eq!(windows.0.len(), 1);
    }
}
