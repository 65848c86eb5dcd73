//! The exporters of spans, each tried with one span of its own.

use super::otlp::Otlp;
use super::report::Report;
use super::test_span::{STEP, send};
#[cfg(feature = "aws")]
use super::xray;
use crate::config::otlp::Signal;
use crate::config::telemetry::TelemetryConfig;
#[cfg(feature = "aws")]
use crate::config::xray::XrayConfig;
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
    if let Some(receiver) = &telemetry.otlp {
        report.heading(&format!("Spans to otlp {}", receiver.endpoint));
        let otlp = Otlp::new(config, receiver, Signal::Traces);
        if otlp.is_there(report) {
            let mut alone = without_exporters(telemetry);
            alone.otlp = Some(receiver.clone());
            match send(&alone) {
                Err(error) => report.cannot_start(STEP, &error),
                Ok((trace_id, None)) => report.ok(STEP, &format!("accepted, trace {trace_id}")),
                Ok((_, Some(loss))) => {
                    report.failed(STEP, &loss.reason, &otlp.change(loss.status));
                }
            }
        }
    }
    #[cfg(feature = "aws")]
    if telemetry.sampler.root == RootSampler::Xray {
        xray::check_sampling(&telemetry.xray.daemon, report);
    }
    #[cfg(feature = "aws")]
    if telemetry.xray.exports {
        let mut alone = without_exporters(telemetry);
        alone.xray.exports = true;
        xray::check(&alone, report);
        return;
    }
    if telemetry.otlp.is_none() {
        report.heading("Spans");
        let where_to = if telemetry.console { "on stdout only" } else { "nowhere" };
        report.say(&format!(
            "go {where_to}; for Honeycomb set HONEYCOMB_API_KEY, for another receiver OTEL_EXPORTER_OTLP_ENDPOINT"
        ));
    }
}

pub(super) fn without_exporters(telemetry: &TelemetryConfig) -> TelemetryConfig {
    TelemetryConfig {
        console: false,
        otlp: None,
        #[cfg(feature = "aws")]
        xray: XrayConfig { exports: false, ..telemetry.xray.clone() },
        ..telemetry.clone()
    }
}
