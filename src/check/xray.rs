//! The X-Ray daemon: whether it takes a span, as far as UDP can tell.

use super::report::Report;
use super::test_span::{NO_START, STEP, send};
use crate::config::telemetry::TelemetryConfig;

/// Sends a span to the daemon of `config`, its one exporter.
pub(super) fn check(config: &TelemetryConfig, report: &mut Report<'_>) {
    report.heading(&format!("Spans to xray {}", config.xray.daemon.udp));
    match send(config) {
        Err(error) => report.failed(STEP, &error.to_string(), NO_START),
        Ok((trace_id, None)) => report.ok(
            STEP,
            &format!("handed over, trace {trace_id}; UDP tells no more, the daemon's log does"),
        ),
        Ok((_, Some(loss))) => {
            report.failed(STEP, &loss.reason, "see AWS_XRAY_DAEMON_ADDRESS and the daemon's log");
        }
    }
}
