//! The X-Ray daemon: whether it takes a span, as far as UDP can tell, and whether it hands out sampling
//! rules.

use super::reach::Place;
use super::report::Report;
use super::test_span::{STEP, send};
use crate::config::telemetry::TelemetryConfig;
use crate::config::xray::DaemonAddress;
use crate::telemetry::xray::sampling::{AskError, count_rules};

const ADDRESS: &str = "AWS_XRAY_DAEMON_ADDRESS";

/// Where the daemon listens. It is a neighbour: no proxy is between, whatever variables say.
fn place(origin: &str) -> Place<'_> {
    Place { origin, who: "the daemon", variable: ADDRESS, proxy: None }
}

/// Sends a span to the daemon of `config`, its one exporter.
pub(super) fn check(config: &TelemetryConfig, report: &mut Report<'_>) {
    let udp = &config.xray.daemon.udp;
    report.heading(&format!("Spans to xray {udp}"));
    if place(&format!("udp://{udp}")).addresses(report).is_none() {
        return;
    }
    match send(config) {
        Err(error) => report.cannot_start(STEP, &error),
        Ok((trace_id, None)) => report.ok(
            STEP,
            &format!("handed over, trace {trace_id}; UDP tells no more, the daemon's log does"),
        ),
        Ok((_, Some(loss))) => {
            let change = format!("start the daemon there, or correct {ADDRESS}");
            report.failed(STEP, &loss.reason, &change);
        }
    }
}

/// Asks the daemon for the sampling rules of the account.
pub(super) fn check_sampling(daemon: &DaemonAddress, report: &mut Report<'_>) {
    report.heading(&format!("Sampling rules from xray {}", daemon.tcp));
    let origin = format!("http://{}", daemon.tcp);
    let place = place(&origin);
    if !place.is_reached(report) {
        return;
    }
    let step = "sampling rules";
    match count_rules(daemon) {
        Ok(count) => report.ok(step, &format!("{count} in the account")),
        Err(error @ AskError::Status(_)) => {
            let change = "let the daemon's IAM role allow xray:GetSamplingRules and xray:GetSamplingTargets, and see its log";
            report.failed(step, &error.to_string(), change);
        }
        Err(error) => {
            let change = format!("see what listens at the TCP address of {ADDRESS}");
            report.failed(step, &error.to_string(), &change);
        }
    }
}
