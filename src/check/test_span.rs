//! One span, through the exporter itself: what becomes of it becomes of all.

use std::time::{Duration, Instant};

use opentelemetry::trace::{Span, SpanKind, TraceId, Tracer, TracerProvider};
use reqwest::StatusCode;

use crate::config::telemetry::TelemetryConfig;
use crate::config::{RootSampler, SamplerConfig};
use crate::telemetry::account::Delivery;
use crate::telemetry::{StartError, Telemetry};

/// What the report calls it.
pub(super) const STEP: &str = "test span";
/// The span's name.
const NAME: &str = "backend-actix check";
/// How long an exporter is given, beyond the time for one export.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// Why what was sent did not arrive.
pub(super) struct Loss {
    /// As the exporter tells it.
    pub(super) reason: String,
    /// What a receiver of OTLP answered, if it did.
    pub(super) status: Option<StatusCode>,
}

impl Loss {
    /// The first of these exporters that lost something.
    pub(super) fn among(deliveries: Vec<Delivery>) -> Option<Self> {
        let delivery = deliveries.into_iter().find(|delivery| delivery.lost() > 0)?;
        let reason =
            delivery.last_error.map_or_else(|| "no answer".to_owned(), |error| error.message);
        Some(Self { reason, status: delivery.last_refusal })
    }
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
    let timeout = config.otlp.as_ref().map_or(config.batch.export_timeout, |otlp| otlp.timeout);
    let deliveries = telemetry.shutdown(Instant::now() + timeout + MOMENT);
    Ok((trace_id, Loss::among(deliveries)))
}
