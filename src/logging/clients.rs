//! What Actix says of its clients. To it, it is an error that one sends what is no HTTP, or is gone, with a
//! line each: who sends nonsense would fill the log, and wake whom errors wake. But nothing of ours is wrong
//! then, so it counts as debug. But a head that is too large may be meant well, and no span tells of it: that
//! is said, once a minute with the count.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

use crate::telemetry::account::RateLimit;

/// Who says it.
const TARGET: &str = "actix_http::h1::dispatcher";

/// How its message begins, by the `DispatchError` of `actix-http` that it is of.
const OF_CLIENTS: [&str; 2] = ["stream error: request parse error: ", "stream error: I/O error: "];

/// What it says of a head that is too large, and is answered with 431.
const TOO_LARGE: &str = "stream error: request parse error: message head is too large";

/// Lets that through where a filter asks for it, and everything else always.
pub(super) struct Clients {
    are_told_of: bool,
    too_large: RateLimit,
}

impl Clients {
    /// `filter` is in the form of `RUST_LOG`.
    pub(super) fn new(filter: &str) -> Self {
        // One that speaks of spans cannot be read as targets: there are no spans that it could mean.
        let targets = filter.parse::<Targets>();
        let are_told_of = targets.is_ok_and(|it| it.would_enable(TARGET, &Level::DEBUG));
        Self { are_told_of, too_large: RateLimit::default() }
    }
}

impl<S: Subscriber> Layer<S> for Clients {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if event.metadata().target() != TARGET {
            return true;
        }
        let mut message = Message::default();
        event.record(&mut message);
        if message.0 == TOO_LARGE
            && let Some(count) = self.too_large.note(1)
        {
            tracing::warn!(
                "{count} requests were answered with 431: their heads had more than 128 KiB, or more than 96 fields; have cookies grown?"
            );
        }
        self.are_told_of || !OF_CLIENTS.iter().any(|beginning| message.0.starts_with(beginning))
    }
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
