//! What is warned of at each try, rate-limited: by the SDK, and by what verifies certificates.

use std::collections::HashMap;
use std::sync::Mutex;

use tracing::callsite::Identifier;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Filter};

use crate::rate_limit::RateLimit;

/// Who warns so, by the beginning of their targets.
const OF_EACH_TRY: [&str; 2] = ["opentelemetry", "rustls_platform_verifier"];

/// Lets each such warning through once a minute; everything else always. (Those that come by the `log` crate are
/// one for each level.)
#[derive(Default)]
pub(super) struct Repeats {
    warnings: Mutex<HashMap<Identifier, RateLimit>>,
}

fn is_warning(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN
}

fn is_of_a_try(metadata: &Metadata<'_>) -> bool {
    OF_EACH_TRY.iter().any(|prefix| metadata.target().starts_with(prefix))
}

impl<S> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    /// Of all others it is known once and for all: nobody has to ask with each line. Records of the `log`
    /// crate have callsites in common, whose target does not say where they are from.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let is_record = metadata.target() == "log";
        if is_warning(metadata) && (is_record || is_of_a_try(metadata)) {
            Interest::sometimes()
        } else {
            Interest::always()
        }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if !is_warning(event.metadata()) {
            return true;
        }
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if !is_of_a_try(metadata) {
            return true;
        }
        let Ok(mut warnings) = self.warnings.lock() else { return true };
        warnings.entry(metadata.callsite()).or_default().note(1).is_some()
    }
}
