//! The exporters of spans, each tried with one span of its own.

use super::report::Report;
use super::{otlp, test_span};
use crate::config::telemetry::TelemetryConfig;
use crate::config::{Config, RootSampler};

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    let telemetry = &config.telemetry;
    if telemetry.disabled {
        report.heading("Spans");
        report.warning("OTEL_SDK_DISABLED is true: none are made; unset it");
        return;
    }
    if telemetry.sampler.root == RootSampler::AlwaysOff {
        report.heading("Spans");
        report.warning(
            "OTEL_TRACES_SAMPLER makes none of traces that begin here; the test span is made anyway",
        );
    }
    match &telemetry.otlp {
        Some(receiver) => {
            report.heading(&format!("Spans to otlp {}", receiver.endpoint));
            if otlp::check(config, receiver, report) {
                let alone = TelemetryConfig { console: false, ..telemetry.clone() };
                test_span::check(&alone, &otlp::endpoint_variable(config), report);
            }
        }
        None => {
            report.heading("Spans");
            let where_to = if telemetry.console { "on stdout only" } else { "nowhere" };
            report.say(&format!(
                "go {where_to}; for Honeycomb set HONEYCOMB_API_KEY, for another receiver OTEL_EXPORTER_OTLP_ENDPOINT"
            ));
        }
    }
}
