//! What the SDK warns of, rate-limited: it warns of each export that fails.

use std::collections::HashMap;
use std::sync::Mutex;

use tracing::callsite::Identifier;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use crate::rate_limit::RateLimit;

/// Lets each warning of the SDK through once a minute; everything else always.
#[derive(Default)]
pub(super) struct Repeats {
    warnings: Mutex<HashMap<Identifier, RateLimit>>,
}

fn is_warning_of_sdk(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("opentelemetry") && *metadata.level() <= Level::WARN
}

impl<S> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    /// Of all others it is known once and for all: nobody has to ask with each line.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_warning_of_sdk(metadata) { Interest::sometimes() } else { Interest::always() }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if !is_warning_of_sdk(metadata) {
            return true;
        }
        let Ok(mut warnings) = self.warnings.lock() else { return true };
        warnings.entry(metadata.callsite()).or_default().note(1).is_some()
    }
}
