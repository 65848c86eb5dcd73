//! Everything that is no span is logged: our access log and messages, Actix's `log` records, and the
//! OpenTelemetry SDK's own warnings, which are `tracing` events and vanish where nobody listens.
//!
//! It goes to stderr (`line.rs`), and as log records to the exporters of [`Telemetry`] (`record.rs`);
//! but what telemetry says of itself to stderr alone, what is said of each try there but once a minute
//! (`repeats.rs`), and what Actix says of clients that send nonsense to neither (`clients.rs`).

mod clients;
mod line;
mod record;
mod repeats;

use std::io::IsTerminal;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogsConfig;
use crate::server_span;
use crate::telemetry::{CONSOLE_THREAD, Telemetry};
use clients::{Clients, LargeHeads};
use line::LineFields;
use record::Records;
use repeats::Repeats;

/// Warnings of the SDK about variables that it reads on its own, while [`crate::config`] has judged
/// them already.
const SDK_CONFIG_WARNINGS: [&str; 2] = ["TracerProvider.Config.", "Exporter.Config."];

/// The target of what our telemetry says of itself.
pub const OF_TELEMETRY: &str = "backend_actix::telemetry";

/// Those on whom its delivery stands, by the beginning of their targets.
const BELOW_TELEMETRY: [&str; 7] =
    ["opentelemetry", "reqwest", "hyper", "h2", "rustls", "tower", OF_AWS];
const OF_AWS: &str = "aws_";

/// Does what is logged under `target` come from the delivery of telemetry?
fn is_of_telemetry(target: &str) -> bool {
    target.starts_with(OF_TELEMETRY)
        || BELOW_TELEMETRY.iter().any(|prefix| target.starts_with(prefix))
}

/// A running log. Dropped last: what was logged until then is written.
pub struct Log {
    records: Records,
    _stderr: WorkerGuard,
}

impl Log {
    /// From now on what is logged goes to the log exporters of `telemetry` too.
    pub fn export_to(&self, telemetry: &Telemetry, config: &LogsConfig) {
        if let Some(provider) = telemetry.logger_provider() {
            self.records.go_to(provider, config.limits);
        }
    }
}

/// Starts logging what `filter`, in the form of `RUST_LOG`, lets through, to where `config` says. To be
/// called once, before telemetry starts; later calls change nothing. Lines are written by a thread of
/// their own, so that nobody waits for a stderr that is not read; it ends with the [`Log`].
pub fn start(filter: &str, config: &LogsConfig) -> Log {
    let (stderr, guard) = tracing_appender::non_blocking(std::io::stderr());
    let records = Records::default();
    // An error means that a program which embeds us logs already.
    let _ = subscriber(filter, config, stderr, records.clone()).try_init();
    Log { records, _stderr: guard }
}

fn subscriber(
    filter: &str,
    config: &LogsConfig,
    stderr: NonBlocking,
    records: Records,
) -> impl Subscriber + Send + Sync + use<> {
    let clients = Clients::new(filter);
    let filter = EnvFilter::builder()
        .parse(filter)
        // `Config` has parsed it already and warned; `parse_lossy` would do so with `eprintln!`.
        .unwrap_or_default();
    let (is_on_console, is_exported) = (config.console, config.is_exported());
    let on_stderr = filter_fn(move |event| {
        // There AWS's SDK tells what it sends, session tokens among it.
        if *event.level() == Level::TRACE && event.target().starts_with(OF_AWS) {
            return false;
        }
        let is_judged = SDK_CONFIG_WARNINGS.iter().any(|prefix| event.name().starts_with(prefix));
        // Exporters do not get what telemetry loses: without a line nobody would learn it.
        let is_loss = *event.level() <= Level::WARN && is_of_telemetry(event.target());
        !is_judged && (is_on_console || is_exported && is_loss)
    });
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(LineFields)
        .with_writer(stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Else a closed stderr would be complained about on stderr, which panics.
        .log_internal_errors(false)
        .with_filter(on_stderr.and(clients).and(Repeats::default()));
    tracing_subscriber::registry()
        .with(lines)
        // After the lines: a full queue is warned about while a record is passed on.
        .with(records.with_filter(clients))
        // After both: it says something of its own.
        .with(LargeHeads::default())
        // Outermost, so that all know the highest level that it lets through: what is above costs
        // nothing, neither here nor in the `log` crate.
        .with(filter)
}

/// Logs a panic as one line, like everything else. Of one that breaks a traced request only the place is
/// remembered: the span's own log event tells it. For the binary: the hook is the process's.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // Printing to a stdout that is closed or full panics; that is caught there, and told.
        if std::thread::current().name() == Some(CONSOLE_THREAD) {
            return;
        }
        server_span::remember_panics(panic);
        if Context::map_current(Context::has_active_span) {
            return;
        }
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        // As a field the message is quoted, and stays on its line.
        let message = server_span::panic_message(panic.payload());
        tracing::error!(location, panic = message, "a thread panicked");
    }));
}

#[cfg(test)]
mod tests;
