//! Everything that is no span goes to stderr: our access log and messages, Actix's `log` records, and
//! the OpenTelemetry SDK's own warnings, which are `tracing` events and vanish where nobody listens.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Warnings of the SDK about variables that it reads on its own, while [`crate::config`] has judged
/// them already.
const SDK_CONFIG_WARNINGS: &str = "TracerProvider.Config.";

/// What `println!` panics with when stdout is closed or full; [`crate::telemetry`] catches it and says
/// so in its own words.
const STDOUT_PANIC: &str = "failed printing to stdout";

/// Starts logging what `filter`, in the form of `RUST_LOG`, lets through. To be called once, before
/// telemetry starts; later calls change nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::builder()
        .parse_lossy(filter)
        .and(filter_fn(|event| !event.name().starts_with(SDK_CONFIG_WARNINGS)));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Else a closed stderr would be complained about on stderr, which panics.
        .log_internal_errors(false)
        .with_filter(filter);
    // An error means that a program which embeds us logs already.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Logs a panic as one line, like everything else, with the backtrace where `RUST_BACKTRACE` asks for
/// it. For the binary: the hook is the process's.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a value that is no text");
        if message.starts_with(STDOUT_PANIC) {
            return;
        }
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => {
                tracing::error!(location, "panicked: {message}\n{backtrace}");
            }
            _ => tracing::error!(location, "panicked: {message}"),
        }
    }));
}
