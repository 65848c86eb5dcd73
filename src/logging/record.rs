//! What is logged, as OpenTelemetry log records for the exporters.
//!
//! A layer of our own instead of `opentelemetry-appender-tracing`, which names every record after the
//! line of code that wrote it, takes `log` records for events of the target `log`, and repeats the ids
//! that a line shows as attributes.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, InstrumentationScope, Key};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_semantic_conventions::{SCHEMA_URL, attribute as key};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{self, Layer};

use super::is_of_telemetry;
use crate::config::RecordLimits;

/// Where records go, as soon as telemetry runs; clones share it.
#[derive(Clone, Default)]
pub(super) struct Records(Arc<OnceLock<Exporting>>);

struct Exporting {
    logger: SdkLogger,
    limits: RecordLimits,
}

impl Records {
    /// From now on what is logged goes to the exporters of `provider`.
    pub(super) fn go_to(&self, provider: &SdkLoggerProvider, limits: RecordLimits) {
        // Its name gives way to the target of each record.
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_schema_url(SCHEMA_URL)
            .build();
        let logger = provider.logger_with_scope(scope);
        // An error means that it goes somewhere already.
        let _ = self.0.set(Exporting { logger, limits });
    }
}

impl<S: Subscriber> Layer<S> for Records {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let Some(Exporting { logger, limits }) = self.0.get() else { return };
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        // What telemetry says of itself would be sent, and say something of itself, for ever.
        if is_of_telemetry(metadata.target()) {
            return;
        }
        let mut record = logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_target(metadata.target().to_owned());
        let (number, text) = severity(*metadata.level());
        record.set_severity_number(number);
        record.set_severity_text(text);
        if let Some(name) = event_name(event) {
            record.set_event_name(name);
        }
        let mut fields = Fields {
            record: &mut record,
            limits,
            left: limits.attributes,
            // The SDK adds the ids of the active span, and its flags.
            has_ids: Context::map_current(Context::has_active_span),
        };
        event.record(&mut fields);
        logger.emit(record);
    }
}

fn severity(level: Level) -> (Severity, &'static str) {
    let number = match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    };
    (number, level.as_str())
}

/// The name that an event was given; without one it is called after its place, as by `tracing`, or
/// `log event`, as by `tracing-log`.
fn event_name(event: &Event<'_>) -> Option<&'static str> {
    let name = event.metadata().name();
    (!name.starts_with("event ") && name != "log event").then_some(name)
}

/// Makes attributes of an event's fields, and the body of its message.
struct Fields<'a, R> {
    record: &'a mut R,
    limits: &'a RecordLimits,
    /// How many attributes there is room for.
    left: usize,
    has_ids: bool,
}

impl<R: LogRecord> Fields<'_, R> {
    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        let name = match field.name() {
            "trace_id" | "span_id" if self.has_ids => return,
            // As the fields of `log`'s own records: where they were written, and the target again.
            name if name.starts_with("log.") => return,
            "error_type" => key::ERROR_TYPE,
            name => name,
        };
        if self.left > 0 {
            self.left -= 1;
            self.record.add_attribute(Key::from_static_str(name), value);
        }
    }

    fn add_text(&mut self, field: &Field, mut text: String) {
        if field.name() == "message" {
            self.record.set_body(text.into());
        } else {
            // Characters, whatever their length (Common, "Attribute Limits").
            if let Some((end, _)) = text.char_indices().nth(self.limits.value_length) {
                text.truncate(end);
            }
            self.add(field, text);
        }
    }
}

impl<R: LogRecord> Visit for Fields<'_, R> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add_text(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            // There is no larger integer in OpenTelemetry.
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests;
