//! What Actix says of its clients. To it, it is an error that one sends what is no HTTP, or is gone, with a
//! line each: who sends nonsense would fill the log, and wake whom errors wake. But nothing of ours is wrong
//! then, so it counts as debug.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};

/// Who says it.
pub(super) const TARGET: &str = "actix_http::h1::dispatcher";

/// How its message begins, by the `DispatchError` of `actix-http` that it is of.
const OF_CLIENTS: [&str; 2] = ["stream error: request parse error: ", "stream error: I/O error: "];

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
    let mut message = Message::default();
    event.record(&mut message);
    OF_CLIENTS.iter().any(|beginning| message.0.starts_with(beginning))
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
