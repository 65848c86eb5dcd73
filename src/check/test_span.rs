//! One span, through the exporter itself: what becomes of it becomes of all.

use std::time::{Duration, Instant};

use opentelemetry::trace::{Span, SpanKind, Tracer, TracerProvider};

use super::report::Report;
use crate::config::otlp::Signal;
use crate::config::telemetry::TelemetryConfig;
use crate::config::{RootSampler, SamplerConfig};
use crate::telemetry::Telemetry;

/// The span's name.
const NAME: &str = "backend-actix check";
/// How long an exporter is given, beyond the time for one export.
const MOMENT: Duration = Duration::from_secs(1);

/// Sends a span to the exporters of `config`, which should be one. `variable` says where they send to.
pub(super) fn check(config: &TelemetryConfig, variable: &str, report: &mut Report<'_>) {
    let sampler = SamplerConfig { parent_based: false, root: RootSampler::AlwaysOn };
    let config = TelemetryConfig { sampler, ..config.clone() };
    let telemetry = match Telemetry::start(&config) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            let change = "the service does not start with it either";
            report.failed("test span", &error.to_string(), change);
            return;
        }
    };
    let tracer = telemetry.tracer_provider().tracer(env!("CARGO_PKG_NAME"));
    let mut span = tracer.span_builder(NAME).with_kind(SpanKind::Internal).start(&tracer);
    let trace_id = span.span_context().trace_id();
    span.end();
    let timeout = config.otlp.as_ref().map_or(config.batch.export_timeout, |otlp| otlp.timeout);
    for delivery in telemetry.shutdown(Instant::now() + timeout + MOMENT) {
        if delivery.lost() == 0 {
            report.ok("test span", &format!("accepted, trace {trace_id}"));
            continue;
        }
        let reason = delivery.last_error.map_or_else(|| "no answer".to_owned(), |it| it.message);
        report.failed("test span", &reason, &change(&reason, variable, timeout));
    }
}

/// What to change, by what the exporter said.
fn change(reason: &str, variable: &str, timeout: Duration) -> String {
    let status = reason.split("the receiver answers ").nth(1).and_then(|rest| rest.get(..3));
    match status {
        Some("401" | "403") => "the receiver does not let this key in".to_owned(),
        Some("404") if variable == Signal::Traces.endpoint_variable() => {
            format!("{variable} is taken as it is: let it end in {}", Signal::Traces.path())
        }
        Some("404") => format!(
            "{} is appended to {variable}: let it be the receiver's address without",
            Signal::Traces.path()
        ),
        Some("429" | "502" | "503" | "504") => {
            "the receiver is not up to it now: try again, or see to it".to_owned()
        }
        Some(_) => format!("see what listens at {variable}: it is no receiver of OTLP/HTTP"),
        None => format!(
            "see what listens at {variable}: OTLP/HTTP is usually on port 4318, gRPC on 4317; a slow receiver wants more than {} ms in OTEL_EXPORTER_OTLP_TIMEOUT",
            timeout.as_millis()
        ),
    }
}
