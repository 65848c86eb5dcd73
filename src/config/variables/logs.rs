//! What is logged, and where to.

use serde_json::{Value, json};

use super::{Section, Variable, milliseconds};
use crate::config::Config;

pub(super) const SECTION: Section = Section {
    title: "Logs",
    variables: &[
        Variable::indirect(
            "OTEL_LOG_LEVEL",
            "`info`",
            "`trace`, `debug`, `info`, `warn`, `error` or `off`",
        ),
        Variable::shown(
            "RUST_LOG",
            "",
            "finer, and wins: `info,access=warn` leaves out the lines of requests that went well",
            |config| json!(config.log_filter),
        ),
        Variable::shown(
            "OTEL_LOGS_EXPORTER",
            "`console`, and `cloudwatch` where a log group is set",
            "a list of `console` (lines on stderr), `otlp` (log records to the receiver that the variables above name, under `/v1/logs`), `cloudwatch`; or `none`. Without `console`, stderr still has the warnings of telemetry that could not be delivered; with `none`, nothing",
            exporters,
        ),
        Variable::shown(
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "`2048`",
            "log records that wait for export; 1048576 at most",
            |config| json!(config.logs.batch.max_queue_size),
        ),
        Variable::shown(
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            "`512`",
            "log records in one export, no more than the queue holds",
            |config| json!(config.logs.batch.max_export_batch_size),
        ),
        Variable::shown(
            "OTEL_BLRP_SCHEDULE_DELAY",
            "`1000`",
            "milliseconds that a log record waits at most for company",
            |config| milliseconds(config.logs.batch.schedule_delay),
        ),
        Variable::shown(
            "OTEL_BLRP_EXPORT_TIMEOUT",
            "`30000`",
            "how long one export may take, in milliseconds",
            |config| milliseconds(config.logs.batch.export_timeout),
        ),
        Variable::shown(
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "`128`",
            "how many attributes are kept on a log record; wins over `OTEL_ATTRIBUTE_COUNT_LIMIT`",
            |config| json!(config.logs.limits.attributes),
        ),
        Variable::shown(
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "`4096`",
            "how many characters of a value are kept; wins over `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`",
            |config| json!(config.logs.limits.value_length),
        ),
    ],
};

fn exporters(config: &Config) -> Value {
    let logs = &config.logs;
    let mut used = Vec::new();
    used.extend(logs.console.then_some("console"));
    used.extend(logs.otlp.as_ref().map(|_| "otlp"));
    #[cfg(feature = "aws")]
    used.extend(logs.cloudwatch.as_ref().map(|_| "cloudwatch"));
    if used.is_empty() { json!(["none"]) } else { json!(used) }
}
