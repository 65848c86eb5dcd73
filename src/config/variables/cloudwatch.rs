//! Amazon CloudWatch Logs.

use serde_json::json;

use super::{Section, Variable};

pub(super) const SECTION: Section = Section {
    title: "Amazon CloudWatch Logs",
    variables: &[
        Variable::shown(
            "CLOUDWATCH_LOG_GROUP",
            "",
            "the log group that log records go to, unless `OTEL_LOGS_EXPORTER` says otherwise; created when it is missing. It is named in each X-Ray segment too, so that the console finds the log of a trace",
            |config| json!(config.telemetry.xray.log_group),
        ),
        Variable::shown(
            "CLOUDWATCH_LOG_STREAM",
            "`<host.name>/<service.instance.id>`",
            "the stream in it, created when it is missing. Without a name each process has a stream of its own",
            |config| json!(config.logs.cloudwatch.as_ref().and_then(|it| it.stream.as_ref())),
        ),
        Variable::indirect(
            "AWS_ENDPOINT_URL",
            "AWS's own, by the region",
            "another endpoint, such as `http://localhost:5000` for moto",
        ),
        Variable::indirect("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "", "the same, and wins"),
    ],
};
