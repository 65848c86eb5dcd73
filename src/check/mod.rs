//! `backend-actix check`: why nothing arrives, for somebody who has just set it up.
//!
//! | file | what |
//! |---|---|
//! | `report.rs` | what is printed: a line for each step, and with each failure what to change |
//! | `reach.rs` | what comes first for each destination: its address, a connection, TLS |
//! | `spans.rs` | the exporters of spans, each tried |
//! | `logs.rs` | the exporters of log records, each tried |
//! | `otlp.rs` | an OTLP receiver, of either signal |
//! | `honeycomb.rs` | whose key it is, and where to look |
//! | `xray.rs` | the X-Ray daemon: spans, and sampling rules |
//! | `cloudwatch.rs` | Amazon CloudWatch Logs |
//! | `rollbar.rs` | Rollbar |
//! | `test_span.rs` | one span through the exporter itself |
//!
//! Another destination is another function that is handed the `Report`, and tries a `Place` before it sends.

#[cfg(feature = "aws")]
mod cloudwatch;
pub(crate) mod honeycomb;
mod logs;
mod otlp;
mod reach;
mod report;
mod rollbar;
mod spans;
mod test_span;
#[cfg(feature = "aws")]
mod xray;

use std::io::Write;

use crate::config::{Config, print};
pub use report::CheckError;
use report::Report;

/// Tries all that is configured, and writes to `out` what came of it.
///
/// Blocks, for some seconds where a receiver hangs: to be called outside of any runtime.
///
/// # Errors
/// Something that is configured does not work; what, and what to change, is written.
pub fn run(config: &Config, out: &mut dyn Write) -> Result<(), CheckError> {
    let mut report = Report::new(out);
    report.heading("What is set");
    let changes = print::changes(config);
    if changes.is_empty() {
        report.say("nothing: all is as by default");
    }
    changes.iter().for_each(|change| report.say(change));
    config.warnings.iter().for_each(|warning| report.warning(warning));

    spans::check(config, &mut report);
    logs::check(config, &mut report);
    if let Some(rollbar) = &config.rollbar {
        rollbar::check(config, rollbar, &mut report);
    }
    report.end()
}
