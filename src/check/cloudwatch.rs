//! Amazon CloudWatch Logs: where it is, by AWS's SDK itself, and whether it takes a record.

use url::{Position, Url};

use super::logs::{STEP, send, without_log_exporters};
use super::reach::Place;
use super::report::Report;
use super::test_span::Loss;
use crate::config::Config;
use crate::config::cloudwatch::{CloudWatchConfig, ENDPOINTS};
use crate::config::telemetry::BatchConfig;
use crate::telemetry::cloudwatch_endpoint;

/// Sends a record to the group of `cloudwatch`.
pub(super) fn check(config: &Config, cloudwatch: &CloudWatchConfig, report: &mut Report<'_>) {
    report.heading(&format!("Log records to cloudwatch {}", cloudwatch.group));
    let endpoint = match cloudwatch_endpoint(cloudwatch) {
        Ok(endpoint) => endpoint,
        Err(unknown) => return report.explained("address", &unknown.to_string()),
    };
    let url = match Url::parse(&endpoint.url) {
        Ok(url) => url,
        // Of a profile: those of the variables have been read.
        Err(error) => {
            let change = "correct endpoint_url in the AWS profile";
            return report.failed("address", &format!("the endpoint is no URL: {error}"), change);
        }
    };
    let place = Place {
        origin: &url[..Position::BeforePath],
        who: "the endpoint",
        variable: if endpoint.is_set {
            ENDPOINTS.iter().find_map(|name| config.source(name)).unwrap_or("the AWS profile")
        } else {
            "AWS_REGION"
        },
        proxy: config.proxy.on_the_way(url.scheme(), url.host_str().unwrap_or_default()),
    };
    if !place.is_reached(report) || !place.is_trusted_by_the_system(report) {
        return;
    }
    let mut alone = without_log_exporters(&config.logs);
    alone.cloudwatch = Some(cloudwatch.clone());
    match send(config, &alone, config.logs.batch.export_timeout) {
        Err(error) => report.cannot_start(STEP, &error),
        Ok(None) => report.ok(STEP, "accepted"),
        Ok(Some(Loss { reason, .. })) => match change(&reason, &place, &config.logs.batch) {
            Some(change) => report.failed(STEP, &reason, &change),
            None => report.explained(STEP, &reason),
        },
    }
}

/// What to change, by what the exporter said, where it has not said that itself.
fn change(reason: &str, place: &Place<'_>, batch: &BatchConfig) -> Option<String> {
    if let Some(answer) = reason.split("AWS answers ").nth(1) {
        let is_passing = answer.starts_with(['5']) || answer.contains("Throttl");
        return Some(if is_passing {
            "it is not up to it now: try again".to_owned()
        } else if answer.contains("no code") {
            format!("see what listens at {}: it is not CloudWatch", place.variable)
        } else {
            "see CLOUDWATCH_LOG_GROUP and CLOUDWATCH_LOG_STREAM".to_owned()
        });
    }
    if reason.contains("no answer") {
        let timeout = batch.export_timeout.as_millis();
        return Some(format!(
            "{}; a slow one wants more than {timeout} ms in OTEL_BLRP_EXPORT_TIMEOUT",
            place.way()
        ));
    }
    reason.contains("cannot be reached").then(|| place.way())
}
