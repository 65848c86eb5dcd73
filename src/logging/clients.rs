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
const TARGET: &str = "actix_http::h1::dispatcher";

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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::super::{OF_TELEMETRY, Records, subscriber};
    use super::*;
    use crate::config::Config;

    /// What is written to it, for whoever has a clone.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is on stderr of what `log` logs, with this `OTEL_LOGS_EXPORTER`.
    fn lines(exporters: &str, log: impl FnOnce()) -> String {
        let vars = [("OTEL_LOGS_EXPORTER".to_owned(), exporters.to_owned())];
        let config = Config::from_vars(vars.into()).unwrap();
        let written = Written::default();
        let (stderr, guard) = tracing_appender::non_blocking(written.clone());
        let subscriber = subscriber("info", &config.logs, stderr, Records::default());
        tracing::subscriber::with_default(subscriber, log);
        // All is written then.
        drop(guard);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn what_is_said_of_a_client_costs_no_line_of_those_that_follow() {
        for exporters in ["console", "console,otlp", "otlp"] {
            let lines = lines(exporters, || {
                for _ in 0..3 {
                    tracing::error!(target: TARGET, "stream error: request parse error: nonsense");
                    tracing::warn!(target: OF_TELEMETRY, "spans were dropped");
                }
            });
            assert_eq!(lines.matches("spans were dropped").count(), 3, "{exporters}: {lines}");
            assert!(!lines.contains(TARGET), "{exporters}: {lines}");
        }
    }
}
