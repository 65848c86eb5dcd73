//! The exporters of log records, each tried with one record of its own.

use std::time::{Duration, Instant};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};

#[cfg(feature = "aws")]
use super::cloudwatch;
use super::otlp::Otlp;
use super::report::Report;
use super::spans::without_exporters;
use super::test_span::{Loss, MOMENT};
use crate::config::otlp::Signal;
use crate::config::{Config, LogsConfig};
use crate::telemetry::{StartError, Telemetry};

/// What the report calls it.
pub(super) const STEP: &str = "test record";
/// What the record says.
const TEXT: &str = "backend-actix check";

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    if config.telemetry.disabled {
        if config.logs.is_exported() {
            report.heading("Log records");
            report.warning("OTEL_SDK_DISABLED is true: none are sent; unset it");
        }
        return;
    }
    if let Some(receiver) = &config.logs.otlp {
        report.heading(&format!("Log records to otlp {}", receiver.endpoint));
        let otlp = Otlp::new(config, receiver, Signal::Logs);
        if otlp.is_there(report) {
            let mut alone = without_log_exporters(&config.logs);
            alone.otlp = Some(receiver.clone());
            match send(config, &alone, receiver.timeout) {
                Err(error) => report.cannot_start(STEP, &error),
                Ok(None) => report.ok(STEP, "accepted"),
                Ok(Some(loss)) => report.failed(STEP, &loss.reason, &otlp.change(loss.status)),
            }
        }
    }
    #[cfg(feature = "aws")]
    if let Some(group) = &config.logs.cloudwatch {
        cloudwatch::check(config, group, report);
    }
}

/// Sends a record to the one exporter of `logs`, which is given `timeout`: why it did not arrive, if it
/// did not.
pub(super) fn send(
    config: &Config,
    logs: &LogsConfig,
    timeout: Duration,
) -> Result<Option<Loss>, StartError> {
    let telemetry = Telemetry::start(&without_exporters(&config.telemetry))?.with_logs(logs)?;
    if let Some(provider) = telemetry.logger_provider() {
        let logger = provider.logger(env!("CARGO_PKG_NAME"));
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Info);
        record.set_body(AnyValue::from(TEXT));
        logger.emit(record);
    }
    Ok(Loss::among(telemetry.shutdown(Instant::now() + timeout + MOMENT)))
}

pub(super) fn without_log_exporters(logs: &LogsConfig) -> LogsConfig {
    LogsConfig {
        console: false,
        otlp: None,
        #[cfg(feature = "aws")]
        cloudwatch: None,
        ..logs.clone()
    }
}
