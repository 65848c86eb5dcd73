//! Rollbar: whether it takes an item.

use std::time::{Duration, Instant};

use super::reach::Place;
use super::report::Report;
use crate::config::Config;
use crate::config::RollbarConfig;
use crate::report::Rollbar;

const STEP: &str = "test item";
/// The item's text.
const TEXT: &str = "backend-actix check";
/// How long Rollbar is given: twice as long as one try, as there are two.
const PATIENCE: Duration = Duration::from_secs(21);

/// Sends an item, of level info, to the project of `rollbar`.
pub(super) fn check(config: &Config, rollbar: &RollbarConfig, report: &mut Report<'_>) {
    report.heading(&format!("Reports to rollbar {}", rollbar.endpoint));
    let origin = rollbar.endpoint.to_string();
    let scheme = if rollbar.endpoint.is_https() { "https" } else { "http" };
    let place = Place {
        origin: &origin,
        who: "the endpoint",
        variable: "ROLLBAR_ENDPOINT",
        proxy: config.proxy.on_the_way(scheme, rollbar.endpoint.host()),
    };
    if !place.is_reached(report) || !place.is_trusted_by_the_system(report) {
        return;
    }
    let client = match Rollbar::start(rollbar) {
        Ok(client) => client,
        Err(error) => return report.cannot_start(STEP, &error),
    };
    client.message(TEXT);
    let reports = client.shutdown(Instant::now() + PATIENCE);
    if reports.reported == 1 {
        let environment = &rollbar.environment;
        report.ok(STEP, &format!("accepted: {TEXT:?}, in the environment {environment:?}"));
        return;
    }
    let reason = reports.last_error.map_or_else(|| "no answer".to_owned(), |last| last.message);
    match change(&reason, &place) {
        Some(change) => report.failed(STEP, &reason, &change),
        None => report.explained(STEP, &reason),
    }
}

/// What to change, by what became of the item, where that has not been said.
fn change(reason: &str, place: &Place<'_>) -> Option<String> {
    if reason.contains("rate limit") {
        return Some("try again then, or raise the limit of ROLLBAR_ACCESS_TOKEN".to_owned());
    }
    match reason.split("Rollbar answers ").nth(1) {
        Some(answer) if answer.contains("ROLLBAR_") => None,
        Some(answer) if answer.starts_with('5') => {
            Some("it is not up to it now: try again".to_owned())
        }
        Some(_) => Some(format!("see what listens at {}: it is not Rollbar", place.variable)),
        None => Some(place.way()),
    }
}
