//! The variables that say which spans are made and where they go.

use std::time::Duration;

use opentelemetry_sdk::trace::SpanLimits;
use percent_encoding::percent_decode_str;

use super::WITHOUT_AWS;
use super::console::ConsoleFormat;
use super::environment::{ConfigError, Environment, quote};
use super::limits::{read_span_limits, read_span_value_length};
use super::otlp::{OtlpConfig, Signal};
#[cfg(feature = "aws")]
use super::sampler::RootSampler;
use super::sampler::SamplerConfig;
#[cfg(feature = "aws")]
use super::xray::XrayConfig;
use crate::propagation::Kind;

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
    /// `xray` in `OTEL_TRACES_EXPORTER`, and all else that has to do with X-Ray.
    #[cfg(feature = "aws")]
    pub xray: XrayConfig,
    /// `OTEL_BSP_*`: the batches.
    pub batch: BatchConfig,
    /// `OTEL_SPAN_*_COUNT_LIMIT`, `OTEL_EVENT_…`, `OTEL_LINK_…`: how much a span may hold.
    pub limits: SpanLimits,
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`: how many
    /// characters of a value are kept.
    pub value_length_limit: usize,
}

/// A batch processor's queue. The defaults for spans are those at which none was lost at saturation
/// on two cores: a queue of 32768 and batches of 2048 hold what a busy exporter falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// `OTEL_BSP_MAX_QUEUE_SIZE`, in spans; or `OTEL_BLRP_…`, in log records, and so on.
    pub max_queue_size: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, in spans.
    pub max_export_batch_size: usize,
    /// `OTEL_BSP_SCHEDULE_DELAY`: how long a span waits at most for company.
    pub schedule_delay: Duration,
    /// `OTEL_BSP_EXPORT_TIMEOUT`: how long one export may take.
    pub export_timeout: Duration,
}

/// What `OTEL_TRACES_EXPORTER` may name.
const EXPORTERS: &[&str] = &[
    "console",
    "otlp",
    #[cfg(feature = "aws")]
    XRAY,
];
const XRAY: &str = "xray";

impl TelemetryConfig {
    /// Reads the variables; `propagators` are those of SERVER spans.
    ///
    /// # Errors
    /// A resource attribute, endpoint, header or certificate that cannot be used.
    #[cfg_attr(not(feature = "aws"), allow(unused_variables))]
    pub(super) fn read(env: &mut Environment, propagators: &[Kind]) -> Result<Self, ConfigError> {
        let mut resource_attributes = read_resource_attributes(env)?;
        let named = resource_attributes
            .iter()
            .position(|(key, _)| key == "service.name")
            .map(|index| resource_attributes.remove(index).1);
        if named.is_some() && env.get("OTEL_SERVICE_NAME").is_none() {
            env.decide("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES");
        }
        let service_name = env.get("OTEL_SERVICE_NAME").map(str::to_owned).or(named);
        let batch = BatchConfig::read(env, &BSP);
        let exporters = read_exporters(env, "OTEL_TRACES_EXPORTER", EXPORTERS);
        let asked_for = |name: &str| exporters.as_ref().map(|list| list.iter().any(|e| e == name));
        let console = asked_for("console").unwrap_or(true);
        let otlp = OtlpConfig::read(env, Signal::Traces, asked_for("otlp"), batch.export_timeout)?;
        let sampler = SamplerConfig::read(env);
        #[cfg(feature = "aws")]
        let xray = {
            let in_use = sampler.root == RootSampler::Xray || propagators.contains(&Kind::Xray);
            XrayConfig::read(env, asked_for(XRAY), in_use)?
        };
        #[cfg(feature = "aws")]
        if exporters.is_none() && xray.exports {
            env.decide("OTEL_TRACES_EXPORTER", "AWS_XRAY_DAEMON_ADDRESS");
        }
        if exporters.is_none()
            && otlp.is_some()
            && let Some(by) = env.source(Signal::Traces.endpoint_variable())
        {
            env.decide("OTEL_TRACES_EXPORTER", by);
        }
        Ok(Self {
            disabled: env.flag("OTEL_SDK_DISABLED"),
            service_name: service_name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
            resource_attributes,
            sampler,
            console,
            console_format: ConsoleFormat::read(env)?,
            otlp,
            #[cfg(feature = "aws")]
            xray,
            batch,
            limits: read_span_limits(env),
            value_length_limit: read_span_value_length(env),
        })
    }
}

/// The exporters that a list names, those that are `known` and `none`; `None` where it does not decide.
pub(super) fn read_exporters(
    env: &mut Environment,
    variable: &'static str,
    known: &[&str],
) -> Option<Vec<String>> {
    let names = env.list(variable)?;
    let (mut named, unknown): (Vec<_>, Vec<_>) = names
        .into_iter()
        .map(|name| name.to_ascii_lowercase())
        .partition(|name| name == "none" || known.contains(&name.as_str()));
    for name in &unknown {
        let problem = match name.as_str() {
            XRAY if cfg!(not(feature = "aws")) => WITHOUT_AWS.to_owned(),
            _ => format!("expected {} or none; ignored", known.join(", ")),
        };
        let sentence = format!("{variable} has {}: {problem}", quote(name));
        if named.is_empty() { env.ignore(variable, sentence) } else { env.warn(sentence) }
    }
    if named.len() > 1 && named.iter().any(|name| name == "none") {
        env.warn(format!("{variable} has \"none\" beside other exporters; \"none\" is ignored"));
        named.retain(|name| name != "none");
    }
    (!named.is_empty()).then_some(named)
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

/// The variables of a batch processor, with their defaults.
pub(super) struct BatchVariables {
    max_queue_size: (&'static str, u64),
    max_export_batch_size: (&'static str, u64),
    schedule_delay: (&'static str, Duration),
    export_timeout: (&'static str, Duration),
}

const BSP: BatchVariables = BatchVariables {
    max_queue_size: ("OTEL_BSP_MAX_QUEUE_SIZE", 32_768),
    max_export_batch_size: ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2_048),
    schedule_delay: ("OTEL_BSP_SCHEDULE_DELAY", Duration::from_secs(1)),
    export_timeout: ("OTEL_BSP_EXPORT_TIMEOUT", Duration::from_secs(30)),
};

/// The specification's.
pub(super) const BLRP: BatchVariables = BatchVariables {
    max_queue_size: ("OTEL_BLRP_MAX_QUEUE_SIZE", 2_048),
    max_export_batch_size: ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512),
    schedule_delay: ("OTEL_BLRP_SCHEDULE_DELAY", Duration::from_secs(1)),
    export_timeout: ("OTEL_BLRP_EXPORT_TIMEOUT", Duration::from_secs(30)),
};

impl BatchConfig {
    pub(super) fn read(env: &mut Environment, variables: &BatchVariables) -> Self {
        let (queue, default) = variables.max_queue_size;
        let max_queue_size = env.number(queue, default, 1..=1_048_576);
        // A batch cannot be larger than the queue; a default that is follows it without a word.
        let (batch, default) = variables.max_export_batch_size;
        let batch = env.number(batch, max_queue_size.min(default), 1..=max_queue_size);
        let (delay, default_delay) = variables.schedule_delay;
        let (timeout, default_timeout) = variables.export_timeout;
        Self {
            max_queue_size: usize::try_from(max_queue_size).unwrap_or(usize::MAX),
            max_export_batch_size: usize::try_from(batch).unwrap_or(usize::MAX),
            schedule_delay: env.milliseconds(delay, default_delay),
            export_timeout: env.milliseconds(timeout, default_timeout),
        }
    }
}
