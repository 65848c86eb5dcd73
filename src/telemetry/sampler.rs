//! Which traces are recorded.

use opentelemetry_sdk::trace::Sampler;

use crate::config::TelemetryConfig;
use crate::config::telemetry::RootSampler;

/// The SDK's sampler for what is configured.
pub(super) fn sampler(config: &TelemetryConfig) -> Sampler {
    if config.disabled {
        return Sampler::AlwaysOff;
    }
    let root = match config.sampler.root {
        RootSampler::AlwaysOn => Sampler::AlwaysOn,
        RootSampler::AlwaysOff => Sampler::AlwaysOff,
        RootSampler::TraceIdRatio(ratio) => Sampler::TraceIdRatioBased(ratio),
    };
    if config.sampler.parent_based { Sampler::ParentBased(Box::new(root)) } else { root }
}
