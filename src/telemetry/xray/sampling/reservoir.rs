//! So many traces a second, whatever comes: a part of what all instances of the service have, given for a
//! while, or one a second that is borrowed meanwhile.

use std::time::Duration;

/// What a reservoir gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    /// A trace of this instance's part.
    Taken,
    /// A trace in advance.
    Borrowed,
    /// Nothing.
    Empty,
}

/// The part that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Traces a second.
    pub(super) traces: u64,
    /// Since 1970.
    pub(super) until: Duration,
}

/// What is left of this second.
#[derive(Clone, Debug)]
pub(super) struct Reservoir {
    /// Is there anything in common to borrow from?
    can_borrow: bool,
    quota: Option<Quota>,
    /// Since 1970.
    second: u64,
    drawn: u64,
}

impl Reservoir {
    /// A reservoir of `size` traces a second in common, of which no part is given yet.
    pub(super) fn of_size(size: u64) -> Self {
        Self { can_borrow: size > 0, quota: None, second: 0, drawn: 0 }
    }

    /// The same reservoir with another size.
    pub(super) fn resized(&self, size: u64) -> Self {
        Self { can_borrow: size > 0, ..self.clone() }
    }

    /// Sets this instance's part.
    pub(super) fn give(&mut self, quota: Quota) {
        self.quota = Some(quota);
    }

    /// Takes one trace out of it.
    pub(super) fn draw(&mut self, now: Duration) -> Draw {
        let second = now.as_secs();
        if second != self.second {
            (self.second, self.drawn) = (second, 0);
        }
        let (limit, drawn) = match self.quota {
            Some(Quota { traces, until }) if now <= until => (traces, Draw::Taken),
            _ => (u64::from(self.can_borrow), Draw::Borrowed),
        };
        if self.drawn >= limit {
            return Draw::Empty;
        }
        self.drawn += 1;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_reservoir_gives_so_many_a_second() {
        let mut reservoir = Reservoir::of_size(50);
        let draws =
            |reservoir: &mut Reservoir, now: f64| [(); 5].map(|()| reservoir.draw(seconds(now)));
        use Draw::{Borrowed, Empty, Taken};
        assert_eq!(draws(&mut reservoir, 100.0), [Borrowed, Empty, Empty, Empty, Empty]);
        assert_eq!(draws(&mut reservoir, 100.9), [Empty; 5]);
        assert_eq!(reservoir.draw(seconds(101.0)), Borrowed);

        reservoir.give(Quota { traces: 3, until: seconds(110.0) });
        assert_eq!(draws(&mut reservoir, 102.0), [Taken, Taken, Taken, Empty, Empty]);
        assert_eq!(draws(&mut reservoir, 110.0), [Taken, Taken, Taken, Empty, Empty]);
        // What was given lasts no longer.
        assert_eq!(draws(&mut reservoir, 111.0), [Borrowed, Empty, Empty, Empty, Empty]);
        // A part of nothing is not a reason to borrow.
        reservoir.give(Quota { traces: 0, until: seconds(200.0) });
        assert_eq!(draws(&mut reservoir, 112.0), [Empty; 5]);
    }

    #[test]
    fn an_empty_reservoir_lends_nothing() {
        assert_eq!(Reservoir::of_size(0).draw(seconds(1.0)), Draw::Empty);
        assert_eq!(Reservoir::of_size(5).resized(0).draw(seconds(1.0)), Draw::Empty);
    }
}
