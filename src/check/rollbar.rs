//! Rollbar: whether it takes an item.

use std::time::{Duration, Instant};

use super::report::Report;
use super::test_span::NO_START;
use crate::config::RollbarConfig;
use crate::report::Rollbar;

const STEP: &str = "test item";
/// The item's text.
const TEXT: &str = "backend-actix check";
/// How long Rollbar is given: twice as long as one try, as there are two.
const PATIENCE: Duration = Duration::from_secs(21);

/// Sends an item, of level info, to the project of `config`.
pub(super) fn check(config: &RollbarConfig, report: &mut Report<'_>) {
    report.heading(&format!("Reports to rollbar {}", config.endpoint));
    let rollbar = match Rollbar::start(config) {
        Ok(rollbar) => rollbar,
        Err(error) => return report.failed(STEP, &error.to_string(), NO_START),
    };
    rollbar.message(TEXT);
    let reports = rollbar.shutdown(Instant::now() + PATIENCE);
    if reports.reported == 1 {
        let environment = &config.environment;
        report.ok(STEP, &format!("accepted: {TEXT:?}, in the environment {environment:?}"));
    } else {
        let reason = reports.last_error.map_or_else(|| "no answer".to_owned(), |last| last.message);
        report.failed(STEP, &reason, "see ROLLBAR_ACCESS_TOKEN and ROLLBAR_ENDPOINT");
    }
}
