//! Which requests the receiver would answer with 413, as it did with smaller ones.
//!
//! A batch that is too large is halved until its parts fit. Where one part was refused, no larger one is
//! tried: a receiver that takes nothing at all is asked a few times for each batch, and not twice for
//! each of its items.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a refusal counts: the receiver's limit may be raised while we run.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How large a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// How many items it carries.
    pub(super) items: u64,
    /// In bytes, as it was encoded.
    pub(super) request: usize,
    /// In bytes, as it is sent: maybe compressed.
    pub(super) body: usize,
}

impl Size {
    /// Is it no smaller than `other`, whatever the receiver measures? Some count items, some what they get,
    /// and some what they unpack.
    fn is_at_least(&self, other: &Self) -> bool {
        self.items >= other.items && self.request >= other.request && self.body >= other.body
    }
}

/// The smallest that one receiver has refused, since when.
#[derive(Debug, Default)]
pub(super) struct TooLarge(Mutex<Option<(Size, Instant)>>);

impl TooLarge {
    /// Notes that the receiver has refused a request of this size.
    pub(super) fn note(&self, size: Size) {
        self.note_at(size, Instant::now());
    }

    /// Would it refuse one of this size, too?
    pub(super) fn has_refused(&self, size: Size) -> bool {
        self.has_refused_at(size, Instant::now())
    }

    fn note_at(&self, size: Size, now: Instant) {
        if let Ok(mut refused) = self.0.lock() {
            *refused = match refused.filter(is_remembered(now)) {
                // Smaller in one way and larger in another: the one that is known stays.
                Some((known, since)) if !known.is_at_least(&size) => Some((known, since)),
                Some((_, since)) => Some((size, since)),
                None => Some((size, now)),
            };
        }
    }

    fn has_refused_at(&self, size: Size, now: Instant) -> bool {
        let refused = self.0.lock().ok().and_then(|refused| *refused);
        refused.filter(is_remembered(now)).is_some_and(|(known, _)| size.is_at_least(&known))
    }
}

fn is_remembered(now: Instant) -> impl Fn(&(Size, Instant)) -> bool {
    move |(_, since)| now.duration_since(*since) < REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_smaller_than_a_refusal_in_any_way_is_refused_for_a_while() {
        let now = Instant::now();
        let too_large = TooLarge::default();
        let size = |items, request, body| Size { items, request, body };
        assert!(!too_large.has_refused_at(size(8, 1000, 100), now));
        too_large.note_at(size(8, 1000, 100), now);
        let cases = [
            (8, 1000, 100, true),
            (9, 2000, 200, true),
            (7, 2000, 200, false),
            (8, 999, 100, false),
            (8, 1000, 99, false),
            (8, 2000, 50, false),
        ];
        for (items, request, body, is_refused) in cases {
            let size = size(items, request, body);
            assert_eq!(too_large.has_refused_at(size, now), is_refused, "{size:?}");
        }
        // What is larger in one way says nothing of the others.
        let later = now + REMEMBERED / 2;
        too_large.note_at(size(4, 900, 200), later);
        assert!(!too_large.has_refused_at(size(4, 900, 100), later));
        too_large.note_at(size(4, 500, 50), later);
        assert!(too_large.has_refused_at(size(4, 900, 100), later));
        assert!(!too_large.has_refused_at(size(4, 900, 100), now + REMEMBERED));
        too_large.note_at(size(8, 2000, 200), now + REMEMBERED);
        assert!(!too_large.has_refused_at(size(8, 1000, 100), now + REMEMBERED));
    }
}
