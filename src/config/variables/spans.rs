//! Which spans are made, what they hold, and which exporters get them.

use serde_json::{Map, Value, json};

use super::{Section, Variable, milliseconds};
use crate::config::{Config, ConsoleFormat, RootSampler, SamplerConfig};

pub(super) const SECTION: Section = Section {
    title: "Spans",
    variables: &[
        Variable::shown(
            "OTEL_SDK_DISABLED",
            "`false`",
            "`true`: no spans, and log records on stderr alone",
            |config| json!(config.telemetry.disabled),
        ),
        Variable::shown(
            "OTEL_SERVICE_NAME",
            "`backend-actix`",
            "the service, and the dataset in Honeycomb; wins over `service.name` in `OTEL_RESOURCE_ATTRIBUTES`",
            |config| json!(config.telemetry.service_name),
        ),
        Variable::shown(
            "OTEL_RESOURCE_ATTRIBUTES",
            "",
            "`key=value` pairs, separated by commas, the values percent-encoded",
            |config| {
                let attributes = config.telemetry.resource_attributes.iter();
                attributes
                    .map(|(key, value)| (key.clone(), json!(value)))
                    .collect::<Map<_, _>>()
                    .into()
            },
        ),
        Variable::shown(
            "OTEL_TRACES_EXPORTER",
            "`console`, `otlp` where an endpoint or a key is set, and `xray` where a daemon's address is",
            "a list of `console`, `otlp`, `xray`; or `none`",
            exporters,
        ),
        Variable::shown(
            "TRACE_CONSOLE",
            "`dump`",
            "how `console` prints spans: `dump`, all that each says; `tree`, each trace that has ended, a line a span; or `opentelemetry-stdout`, the text of `dump` printed by that crate itself, line by line, at several times the cost",
            |config| json!(console_format(config.telemetry.console_format)),
        ),
        Variable::shown(
            "OTEL_TRACES_SAMPLER",
            "`parentbased_always_on`",
            "`always_on`, `always_off`, `traceidratio`, and their `parentbased_` forms, see [sampling.md](sampling.md); `xray`: by the rules that the X-Ray daemon tells, see [aws.md](aws.md#sampling)",
            |config| json!(sampler(config.telemetry.sampler)),
        ),
        Variable::shown(
            "OTEL_TRACES_SAMPLER_ARG",
            "`1`",
            "the ratio of `traceidratio`, from 0 to 1. One that is no 1/N is warned about, and the nearest 1/N is used; so is one beside a sampler that takes none, and it is ignored",
            |config| match config.telemetry.sampler.root {
                RootSampler::OneIn(n) => json!((n.get() as f64).recip()),
                _ => Value::Null,
            },
        ),
        Variable::shown(
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "`32768`",
            "spans that wait for export, about 0.4 kB each on their way to a receiver of OTLP, 1.4 kB to the X-Ray daemon; beyond it spans are dropped and counted; 1048576 at most",
            |config| json!(config.telemetry.batch.max_queue_size),
        ),
        Variable::shown(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "`2048`",
            "spans in one export, no more than the queue holds",
            |config| json!(config.telemetry.batch.max_export_batch_size),
        ),
        Variable::shown(
            "OTEL_BSP_SCHEDULE_DELAY",
            "`1000`",
            "milliseconds that a span waits at most for company",
            |config| milliseconds(config.telemetry.batch.schedule_delay),
        ),
        Variable::shown(
            "OTEL_BSP_EXPORT_TIMEOUT",
            "`30000`",
            "how long one export may take, in milliseconds; see `OTEL_EXPORTER_OTLP_TIMEOUT`",
            |config| milliseconds(config.telemetry.batch.export_timeout),
        ),
        Variable::indirect(
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "`128`",
            "how many attributes are kept on a span, an event, a link, or a log record, where their own limit below is not set",
        ),
        Variable::shown("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "`128`", "of a span", |config| {
            json!(config.telemetry.limits.max_attributes_per_span)
        }),
        Variable::shown("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "`128`", "of an event", |config| {
            json!(config.telemetry.limits.max_attributes_per_event)
        }),
        Variable::shown("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "`128`", "of a link", |config| {
            json!(config.telemetry.limits.max_attributes_per_link)
        }),
        Variable::shown(
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "`128`",
            "how many events are kept on a span",
            |config| json!(config.telemetry.limits.max_events_per_span),
        ),
        Variable::shown(
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "`128`",
            "how many links are kept on a span",
            |config| json!(config.telemetry.limits.max_links_per_span),
        ),
        Variable::indirect(
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "`4096`",
            "how many characters of a value are kept, and of each text in an array. The specification has no limit by default; here a stranger's request line must not decide how large a span is",
        ),
        Variable::shown(
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "`4096`",
            "the same, for spans, their events and their links; wins",
            |config| json!(config.telemetry.value_length_limit),
        ),
    ],
};

fn exporters(config: &Config) -> Value {
    let telemetry = &config.telemetry;
    let all = [
        ("console", telemetry.console),
        ("otlp", telemetry.otlp.is_some()),
        #[cfg(feature = "aws")]
        ("xray", telemetry.xray.exports),
    ];
    let used: Vec<_> = all.into_iter().filter(|(_, used)| *used).map(|(name, _)| name).collect();
    if used.is_empty() || telemetry.disabled { json!(["none"]) } else { json!(used) }
}

fn console_format(format: ConsoleFormat) -> &'static str {
    match format {
        ConsoleFormat::Dump => "dump",
        ConsoleFormat::Tree => "tree",
        ConsoleFormat::OpentelemetryStdout => "opentelemetry-stdout",
    }
}

fn sampler(sampler: SamplerConfig) -> String {
    let root = match sampler.root {
        RootSampler::AlwaysOn => "always_on",
        RootSampler::AlwaysOff => "always_off",
        RootSampler::OneIn(_) => "traceidratio",
        // Has no other form.
        #[cfg(feature = "aws")]
        RootSampler::Xray => return "xray".to_owned(),
    };
    if sampler.parent_based { format!("parentbased_{root}") } else { root.to_owned() }
}
