//! Where spans go when they have ended: a tracer provider with one [pipeline](pipeline::Pipeline) for
//! each exporter that is configured.
//!
//! Exporters are chosen in [`Telemetry::start`]. Nothing here is global: the provider is handed to
//! [`crate::app`], so that tests run side by side in one process.

pub mod otlp;
pub mod pipeline;
mod resource;
mod sampler;
mod stdout;

use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::config::TelemetryConfig;
use otlp::OtlpError;
use pipeline::{Delivery, Pipeline};

/// The running telemetry of the process; to be [shut down](Telemetry::shutdown) before it ends, or
/// what is queued is lost.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    pipelines: Vec<Pipeline>,
}

impl Telemetry {
    /// Starts the exporters that `config` asks for.
    ///
    /// # Errors
    /// An exporter that could never send: see [`OtlpError`].
    pub fn start(config: &TelemetryConfig) -> Result<Self, OtlpError> {
        let resource = resource::resource(config);
        let mut pipelines = Vec::new();
        if !config.disabled {
            // The console first: it is the one that people watch.
            if config.console {
                pipelines.push(stdout::pipeline(&resource));
            }
            if let Some(otlp) = &config.otlp {
                pipelines.push(otlp::pipeline(otlp, &config.batch, &resource)?);
            }
        }
        let builder = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(sampler::sampler(config));
        let provider = pipelines
            .iter()
            .fold(builder, |builder, pipeline| builder.with_span_processor(pipeline.clone()))
            .build();
        Ok(Self { provider, pipelines })
    }

    /// What makes spans.
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// The names and destinations of the exporters, for the start line.
    pub fn destinations(&self) -> Vec<&str> {
        self.pipelines.iter().map(Pipeline::destination).collect()
    }

    /// Sends what is queued, waits `timeout` at most, and says what became of all spans.
    ///
    /// Blocks: call it on a plain thread, after the server has stopped. The pipelines are shut down
    /// side by side, so that a receiver that hangs costs the others nothing; the provider's own
    /// shutdown would give each the whole timeout in turn.
    pub fn shutdown(self, timeout: Duration) -> Vec<Delivery> {
        let deadline = Instant::now() + timeout;
        std::thread::scope(|scope| {
            for pipeline in &self.pipelines {
                let left = deadline.saturating_duration_since(Instant::now());
                scope.spawn(move || pipeline.drain(left));
            }
        });
        self.pipelines.iter().map(Pipeline::delivery).collect()
    }
}
