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
    /// In bytes, as it was encoded.
    pub(super) request: usize,
    /// In bytes, as it is sent: maybe compressed.
    pub(super) body: usize,
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
            let (smallest, since) = refused.filter(is_remembered(now)).unwrap_or((size, now));
            // Each on its own: one of the two is what this receiver measures.
            let request = smallest.request.min(size.request);
            let body = smallest.body.min(size.body);
            *refused = Some((Size { request, body }, since));
        }
    }

    fn has_refused_at(&self, size: Size, now: Instant) -> bool {
        let refused = self.0.lock().ok().and_then(|refused| *refused);
        // Some receivers measure what they get, and some what they unpack.
        refused.filter(is_remembered(now)).is_some_and(|(smallest, _)| {
            size.request >= smallest.request && size.body >= smallest.body
        })
    }
}

fn is_remembered(now: Instant) -> impl Fn(&(Size, Instant)) -> bool {
    move |(_, since)| now.duration_since(*since) < REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_smaller_than_a_refusal_is_refused_for_a_while() {
        let now = Instant::now();
        let too_large = TooLarge::default();
        let size = |request, body| Size { request, body };
        assert!(!too_large.has_refused_at(size(1000, 100), now));
        too_large.note_at(size(1000, 100), now);
        for (request, body, is_refused) in [
            (1000, 100, true),
            (2000, 200, true),
            (999, 100, false),
            (1000, 99, false),
            (2000, 50, false),
            (500, 200, false),
        ] {
            assert_eq!(too_large.has_refused_at(size(request, body), now), is_refused, "{body}");
        }
        // Compressed, this one is larger.
        let later = now + REMEMBERED / 2;
        too_large.note_at(size(900, 200), later);
        assert!(too_large.has_refused_at(size(900, 100), later));
        assert!(!too_large.has_refused_at(size(900, 100), now + REMEMBERED));
        too_large.note_at(size(2000, 200), now + REMEMBERED);
        assert!(!too_large.has_refused_at(size(1000, 100), now + REMEMBERED));
    }
}
