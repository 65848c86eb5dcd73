//! What Actix says of its clients. To it, it is an error that one sends what is no HTTP, or is gone, with a
//! line each: who sends nonsense would fill the log, and wake whom errors wake. But nothing of ours is wrong
//! then, so it counts as debug. A head that is too large may be meant well, though, and no span tells of it: that
//! is said, once a minute with the count.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter, Layer};

use crate::rate_limit::RateLimit;

/// Who says it.
pub(super) const TARGET: &str = "actix_http::h1::dispatcher";

/// How its message begins, by the `DispatchError` of `actix-http` that it is of.
const OF_CLIENTS: [&str; 2] = ["stream error: request parse error: ", "stream error: I/O error: "];

/// What it says of a head that is too large, and is answered with 431.
const TOO_LARGE: &str = "stream error: request parse error: message head is too large";

/// Lets that through where a filter asks for it, and everything else always.
///
/// A filter of each output, not a layer before them all: a layer that drops an event in `event_enabled` leaves
/// the thread with what the outputs' own filters said of it, by which they would drop the next event too.
#[derive(Clone, Copy)]
pub(super) struct Clients {
    are_told_of: bool,
}

impl Clients {
    /// `filter` is in the form of `RUST_LOG`.
    pub(super) fn new(filter: &str) -> Self {
        // One that speaks of spans cannot be read as targets: there are no spans that it could mean.
        let targets = filter.parse::<Targets>();
        Self { are_told_of: targets.is_ok_and(|it| it.would_enable(TARGET, &Level::DEBUG)) }
    }

    fn may_drop(self, metadata: &Metadata<'_>) -> bool {
        !self.are_told_of && metadata.target() == TARGET
    }
}

impl<S> Filter<S> for Clients {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    /// `always` must hold for `event_enabled` too: without `enabled` before it, a refusal there fails a
    /// debug assertion of `tracing-subscriber` (`FilterState::event_enabled`).
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.may_drop(metadata) { Interest::sometimes() } else { Interest::always() }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        !self.may_drop(event.metadata()) || !is_of_a_client(event)
    }
}

fn is_of_a_client(event: &Event<'_>) -> bool {
    let message = Message::of(event);
    OF_CLIENTS.iter().any(|beginning| message.starts_with(beginning))
}

/// Says that there were heads that are too large, whatever becomes of Actix's own line.
#[derive(Default)]
pub(super) struct LargeHeads(RateLimit);

impl<S: Subscriber> Layer<S> for LargeHeads {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == TARGET
            && Message::of(event) == TOO_LARGE
            && let Some(count) = self.0.note(1)
        {
            tracing::warn!(
                "{count} requests were answered with 431: their heads had more than 128 KiB, or more than 96 fields; have cookies grown?"
            );
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Message {
    fn of(event: &Event<'_>) -> String {
        let mut message = Self::default();
        event.record(&mut message);
        message.0
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
