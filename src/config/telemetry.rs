//! The variables that say which spans are made and where they go.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::console::ConsoleFormat;
use super::environment::{ConfigError, Environment};
use super::otlp::OtlpConfig;
use super::sampler::SamplerConfig;

/// What to do with spans.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// `OTEL_SDK_DISABLED`: no spans at all.
    pub disabled: bool,
    /// `OTEL_SERVICE_NAME`, else `service.name` of the resource attributes.
    pub service_name: String,
    /// `OTEL_RESOURCE_ATTRIBUTES`, percent-decoded.
    pub resource_attributes: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub sampler: SamplerConfig,
    /// `console` in `OTEL_TRACES_EXPORTER`: each span to stdout as it ends.
    pub console: bool,
    /// `TRACE_CONSOLE`: what is printed of a span.
    pub console_format: ConsoleFormat,
    /// `otlp` in `OTEL_TRACES_EXPORTER`: spans in batches to an OTLP/HTTP receiver.
    pub otlp: Option<OtlpConfig>,
    /// `OTEL_BSP_*`: the batches.
    pub batch: BatchConfig,
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`: how many
    /// characters of a value are kept.
    pub value_length_limit: usize,
}

/// The batch span processor's queue. The defaults are those at which no span was lost at saturation
/// on two cores: a queue of 32768 and batches of 2048 hold what a busy exporter falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// `OTEL_BSP_MAX_QUEUE_SIZE`, in spans, about 1 kB each.
    pub max_queue_size: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, in spans.
    pub max_export_batch_size: usize,
    /// `OTEL_BSP_SCHEDULE_DELAY`: how long a span waits at most for company.
    pub schedule_delay: Duration,
    /// `OTEL_BSP_EXPORT_TIMEOUT`: how long one export may take.
    pub export_timeout: Duration,
}

impl TelemetryConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// A resource attribute, endpoint, header or certificate that cannot be used.
    pub fn read(env: &mut Environment) -> Result<Self, ConfigError> {
        let mut resource_attributes = read_resource_attributes(env)?;
        let named = resource_attributes
            .iter()
            .position(|(key, _)| key == "service.name")
            .map(|index| resource_attributes.remove(index).1);
        let service_name = env.get("OTEL_SERVICE_NAME").map(str::to_owned).or(named);
        let batch = BatchConfig::read(env);
        let exporters = read_exporters(env);
        let asked_for = |name: &str| exporters.as_ref().map(|list| list.iter().any(|e| e == name));
        let console = asked_for("console").unwrap_or(true);
        let otlp = OtlpConfig::read(env, asked_for("otlp"), batch.export_timeout)?;
        Ok(Self {
            disabled: env.flag("OTEL_SDK_DISABLED"),
            service_name: service_name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
            resource_attributes,
            sampler: SamplerConfig::read(env),
            console,
            console_format: ConsoleFormat::read(env)?,
            otlp,
            batch,
            value_length_limit: read_value_length_limit(env),
        })
    }
}

/// The specification has no limit by default; we have, and say so in docs/environment.md.
fn read_value_length_limit(env: &mut Environment) -> usize {
    const GENERAL: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    const OF_SPANS: &str = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    let variable = if env.get(OF_SPANS).is_some() { OF_SPANS } else { GENERAL };
    usize::try_from(env.number(variable, 4096, 0..=1_048_576)).unwrap_or(usize::MAX)
}

/// The names in `OTEL_TRACES_EXPORTER`; `None` where it does not decide.
fn read_exporters(env: &mut Environment) -> Option<Vec<String>> {
    let names = env.list("OTEL_TRACES_EXPORTER")?;
    let (known, unknown): (Vec<_>, Vec<_>) = names
        .into_iter()
        .map(|name| name.to_ascii_lowercase())
        .partition(|name| ["console", "otlp", "none"].contains(&name.as_str()));
    for name in &unknown {
        env.warn(format!(
            "OTEL_TRACES_EXPORTER has {name:?}: expected console, otlp or none; ignored"
        ));
    }
    if known.len() > 1 && known.iter().any(|name| name == "none") {
        env.warn("OTEL_TRACES_EXPORTER has \"none\" beside other exporters; \"none\" is ignored");
    }
    (!known.is_empty()).then_some(known)
}

/// `key=value` pairs, separated by commas, the values percent-encoded (as in W3C Baggage).
fn read_resource_attributes(env: &Environment) -> Result<Vec<(String, String)>, ConfigError> {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut attributes: Vec<(String, String)> = Vec::new();
    for pair in env.list(VARIABLE).unwrap_or_default() {
        let decoded = pair.split_once('=').and_then(|(key, value)| {
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            Some((key.trim().to_owned(), value.into_owned())).filter(|(key, _)| !key.is_empty())
        });
        let Some((key, value)) = decoded else {
            return Err(env.error(
                VARIABLE,
                "expected key=value pairs, separated by commas, with percent-encoded UTF-8 values",
            ));
        };
        // The last of several wins, as in a map.
        attributes.retain(|(earlier, _)| *earlier != key);
        attributes.push((key, value));
    }
    Ok(attributes)
}

impl BatchConfig {
    fn read(env: &mut Environment) -> Self {
        let max_queue_size = env.number("OTEL_BSP_MAX_QUEUE_SIZE", 32_768, 1..=1_048_576);
        // A batch cannot be larger than the queue; a default that is follows it without a word.
        let default = max_queue_size.min(2_048);
        let batch = env.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", default, 1..=max_queue_size);
        Self {
            max_queue_size: usize::try_from(max_queue_size).unwrap_or(usize::MAX),
            max_export_batch_size: usize::try_from(batch).unwrap_or(usize::MAX),
            schedule_delay: env.milliseconds("OTEL_BSP_SCHEDULE_DELAY", Duration::from_secs(1)),
            export_timeout: env.milliseconds("OTEL_BSP_EXPORT_TIMEOUT", Duration::from_secs(30)),
        }
    }
}
