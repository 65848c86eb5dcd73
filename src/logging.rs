//! Everything that is no span is logged: our access log and messages, Actix's `log` records, and the
//! OpenTelemetry SDK's own warnings, which are `tracing` events and vanish where nobody listens.
//!
//! It goes to stderr (`line.rs`), and as log records to the exporters of [`Telemetry`] (`record.rs`);
//! but what telemetry says of itself to stderr alone, and what Actix says of clients that send nonsense
//! to neither (`clients.rs`).

mod clients;
mod line;
mod record;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::callsite::Identifier;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_log::NormalizeEvent;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{self, Filter, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogsConfig;
use crate::server_span;
use crate::telemetry::{CONSOLE_THREAD, Telemetry};
use clients::Clients;
use line::LineFields;
use record::Records;

/// Warnings of the SDK about variables that it reads on its own, while [`crate::config`] has judged
/// them already.
const SDK_CONFIG_WARNINGS: [&str; 2] = ["TracerProvider.Config.", "Exporter.Config."];

/// How often a warning of those who speak of each try is repeated; an outage would else fill the log with the
/// same line.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

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
        .with_filter(on_stderr.and(Repeats::default()));
    tracing_subscriber::registry()
        .with(lines)
        // After the lines: a full queue is warned about while a record is passed on.
        .with(records)
        .with(clients)
        // Outermost, so that all know the highest level that it lets through: what is above costs
        // nothing, neither here nor in the `log` crate.
        .with(filter)
}

/// Lets each warning of the SDK, and of what verifies certificates, through once a minute; everything else
/// always.
#[derive(Default)]
struct Repeats {
    last: Mutex<HashMap<Identifier, Instant>>,
}

/// Who warns at each try, by the beginning of their targets.
const OF_EACH_TRY: [&str; 2] = ["opentelemetry", "rustls_platform_verifier"];

impl<S> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        true
    }

    /// What is held back, is so by its event.
    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn event_enabled(&self, event: &Event<'_>, _: &layer::Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::WARN {
            return true;
        }
        // A record of the `log` crate says only here where it is from.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if !OF_EACH_TRY.iter().any(|prefix| metadata.target().starts_with(prefix)) {
            return true;
        }
        let Ok(mut last) = self.last.lock() else { return true };
        let now = Instant::now();
        let is_new = last
            .get(&metadata.callsite())
            .is_none_or(|last| now.duration_since(*last) >= REPEAT_AFTER);
        if is_new {
            last.insert(metadata.callsite(), now);
        }
        is_new
    }
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
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_not_logged_is_not_even_looked_at() {
        let cases = [
            ("warn", LevelFilter::WARN),
            ("info,access=debug", LevelFilter::DEBUG),
            ("off", LevelFilter::OFF),
        ];
        for exporters in ["console", "otlp", "none"] {
            let vars = [("OTEL_LOGS_EXPORTER".to_owned(), exporters.to_owned())];
            let config = Config::from_vars(vars.into()).unwrap();
            for (filter, level) in cases {
                let (nowhere, _guard) = tracing_appender::non_blocking(std::io::sink());
                let subscriber = subscriber(filter, &config.logs, nowhere, Records::default());
                assert_eq!(subscriber.max_level_hint(), Some(level), "{exporters} {filter}");
            }
        }
    }
}
