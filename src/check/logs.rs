//! The exporters of log records: one record through all of them.

use std::time::{Duration, Instant};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};

use super::report::Report;
use super::spans::without_exporters;
use super::test_span::NO_START;
use crate::config::Config;
use crate::telemetry::account::Delivery;
use crate::telemetry::{StartError, Telemetry};

const STEP: &str = "test record";
/// What the record says.
const TEXT: &str = "backend-actix check";
/// How long an exporter is given, beyond the time for one export.
const MOMENT: Duration = Duration::from_secs(1);

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    if config.telemetry.disabled || !config.logs.is_exported() {
        return;
    }
    report.heading("Log records");
    match send(config) {
        Err(error) => report.failed(STEP, &error.to_string(), NO_START),
        Ok(deliveries) => deliveries.into_iter().for_each(|delivery| tell(delivery, report)),
    }
}

/// Sends a record to all exporters of `config`.
fn send(config: &Config) -> Result<Vec<Delivery>, StartError> {
    let telemetry = Telemetry::start(&without_exporters(&config.telemetry))?;
    let telemetry = telemetry.with_logs(&config.logs)?;
    if let Some(provider) = telemetry.logger_provider() {
        let logger = provider.logger(env!("CARGO_PKG_NAME"));
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Info);
        record.set_body(AnyValue::from(TEXT));
        logger.emit(record);
    }
    let otlp = config.logs.otlp.as_ref().map(|otlp| otlp.timeout).unwrap_or_default();
    let timeout = otlp.max(config.logs.batch.export_timeout);
    Ok(telemetry.shutdown(Instant::now() + timeout + MOMENT))
}

fn tell(delivery: Delivery, report: &mut Report<'_>) {
    let destination = &delivery.destination;
    if delivery.lost() == 0 {
        return report.ok(STEP, &format!("accepted by {destination}"));
    }
    let reason = delivery.last_error.map_or_else(|| "no answer".to_owned(), |last| last.message);
    let change = "see OTEL_LOGS_EXPORTER and where its receivers are: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, AWS_REGION and the credentials for CloudWatch";
    report.failed(STEP, &format!("{destination}: {reason}"), change);
}
