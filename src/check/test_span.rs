//! One span, through the exporter itself: what becomes of it becomes of all.

use std::time::{Duration, Instant};

use opentelemetry::trace::{Span, SpanKind, TraceId, Tracer, TracerProvider};
use reqwest::StatusCode;

use super::report::Report;
use crate::config::otlp::Signal;
use crate::config::telemetry::TelemetryConfig;
use crate::config::{RootSampler, SamplerConfig};
use crate::telemetry::{StartError, Telemetry};

/// What the report calls it.
pub(super) const STEP: &str = "test span";
/// What follows from an exporter that cannot even start.
pub(super) const NO_START: &str = "the service does not start with it either";
/// The span's name.
const NAME: &str = "backend-actix check";
/// How long an exporter is given, beyond the time for one export.
const MOMENT: Duration = Duration::from_secs(1);

/// The variables to change where a receiver of OTLP does not take the span.
pub(super) struct Variables<'a> {
    /// Where it is.
    pub(super) endpoint: &'a str,
    /// How long it may take.
    pub(super) timeout: &'a str,
    /// Through whom it is reached, if through anybody.
    pub(super) proxy: Option<&'a str>,
}

/// Sends a span to the receiver of OTLP of `config`, its one exporter.
pub(super) fn check(config: &TelemetryConfig, variables: &Variables<'_>, report: &mut Report<'_>) {
    let timeout = timeout(config);
    match send(config) {
        Err(error) => report.failed(STEP, &error.to_string(), NO_START),
        Ok((trace_id, None)) => report.ok(STEP, &format!("accepted, trace {trace_id}")),
        Ok((_, Some(Loss { reason, status }))) => {
            report.failed(STEP, &reason, &change(status, variables, timeout));
        }
    }
}

/// Why a span did not arrive.
pub(super) struct Loss {
    /// As the exporter tells it.
    pub(super) reason: String,
    /// What a receiver of OTLP answered, if it did.
    status: Option<StatusCode>,
}

/// Sends a span to the one exporter of `config`: its trace, and why it did not arrive, if it did not.
pub(super) fn send(config: &TelemetryConfig) -> Result<(TraceId, Option<Loss>), StartError> {
    let sampler = SamplerConfig { parent_based: false, root: RootSampler::AlwaysOn };
    let config = TelemetryConfig { sampler, ..config.clone() };
    let telemetry = Telemetry::start(&config)?;
    let tracer = telemetry.tracer_provider().tracer(env!("CARGO_PKG_NAME"));
    let mut span = tracer.span_builder(NAME).with_kind(SpanKind::Internal).start(&tracer);
    let trace_id = span.span_context().trace_id();
    span.end();
    let deliveries = telemetry.shutdown(Instant::now() + timeout(&config) + MOMENT);
    let lost = deliveries.into_iter().find(|delivery| delivery.lost() > 0);
    let loss = lost.map(|delivery| Loss {
        reason: delivery.last_error.map_or_else(|| "no answer".to_owned(), |error| error.message),
        status: delivery.last_refusal,
    });
    Ok((trace_id, loss))
}

fn timeout(config: &TelemetryConfig) -> Duration {
    config.otlp.as_ref().map_or(config.batch.export_timeout, |otlp| otlp.timeout)
}

/// What to change, by the status that the receiver answered with, if it did.
fn change(status: Option<StatusCode>, variables: &Variables<'_>, timeout: Duration) -> String {
    let Variables { endpoint: variable, timeout: of_timeout, proxy } = *variables;
    match (status.map(|status| status.as_u16()), proxy) {
        (Some(401 | 403), _) => "it lets nobody in without a key that it knows".to_owned(),
        (Some(404), _) if variable == Signal::Traces.endpoint_variable() => {
            format!("{variable} is taken as it is: let it end in {}", Signal::Traces.path())
        }
        (Some(404), _) => format!(
            "{} is appended to {variable}: let it be the receiver's address without",
            Signal::Traces.path()
        ),
        (Some(429 | 502 | 503 | 504), _) => {
            "the receiver is not up to it now: try again, or see to it".to_owned()
        }
        (Some(407), Some(proxy)) => format!("put a user and a password into {proxy}"),
        (Some(_), _) => format!("see what listens at {variable}: it is no receiver of OTLP/HTTP"),
        (None, Some(proxy)) => format!(
            "see to the proxy of {proxy}, and whether it reaches the receiver of {variable}"
        ),
        (None, None) => format!(
            "see what listens at {variable}: OTLP/HTTP is usually on port 4318, gRPC on 4317; a slow receiver wants more than {} ms in {of_timeout}",
            timeout.as_millis()
        ),
    }
}
