//! Amazon CloudWatch Logs.

use serde_json::{Value, json};

use super::{Section, Variable};
use crate::config::Config;
use crate::config::cloudwatch::CloudWatchConfig;

pub(super) const SECTION: Section = Section {
    title: "Amazon CloudWatch Logs",
    variables: &[
        Variable::shown(
            "CLOUDWATCH_LOG_GROUP",
            "",
            "the log group that log records go to; created when it is missing",
            |config| of(config, |cloudwatch| json!(cloudwatch.group)),
        ),
        Variable::shown(
            "CLOUDWATCH_LOG_STREAM",
            "`<host.name>/<service.instance.id>`",
            "the stream in it, created when it is missing. Without a name each process has a stream of its own",
            |config| of(config, |cloudwatch| json!(cloudwatch.stream)),
        ),
    ],
};

fn of(config: &Config, value: fn(&CloudWatchConfig) -> Value) -> Value {
    config.logs.cloudwatch.as_ref().map_or(Value::Null, value)
}
