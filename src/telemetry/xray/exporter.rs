//! The exporter: each span of a batch becomes a document and is sent on its own, so that one that fails
//! loses none of the others. Into the account goes what became of each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::daemon::{Daemon, SendError};
use super::fit::{Fitted, TooLarge, fit};
use super::segment::Translator;
use crate::rate_limit::RateLimit;
use crate::telemetry::account::Account;

/// How long a batch may wait in all for the system to take its datagrams.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a span did not reach the daemon.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Lost {
    TooLarge(#[from] TooLarge),
    Send(#[from] SendError),
}

/// Sends spans to the daemon.
pub(super) struct Exporter {
    translator: Translator,
    /// Only ever used by the batch processor's thread.
    daemon: Mutex<Daemon>,
    account: Account,
    reductions: RateLimit,
}

impl Exporter {
    pub(super) fn new(translator: Translator, daemon: Daemon, account: Account) -> Self {
        let (daemon, reductions) = (Mutex::new(daemon), RateLimit::default());
        Self { translator, daemon, account, reductions }
    }

    fn send(&self, batch: &[SpanData], daemon: &mut Daemon) {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = 0;
        let mut failures = BTreeMap::<String, u64>::new();
        let mut fail = |reason: String, count| *failures.entry(reason).or_default() += count;
        for span in batch {
            match self.send_one(span, daemon, deadline) {
                Ok(()) => sent += 1,
                Err(error) => fail(error.to_string(), 1),
            }
        }
        let refused = daemon.take_late_refusals().min(sent);
        if refused > 0 {
            sent -= refused;
            fail("the X-Ray daemon's host refuses them".to_owned(), refused);
        }
        self.account.exported(sent);
        for (reason, count) in failures {
            self.account.failed(count, &reason);
        }
    }

    fn send_one(
        &self,
        span: &SpanData,
        daemon: &mut Daemon,
        deadline: Instant,
    ) -> Result<(), Lost> {
        let Fitted { json, is_reduced } = fit(self.translator.document(span))?;
        if is_reduced {
            self.tell_reduction();
        }
        Ok(daemon.send(&json, deadline)?)
    }

    fn tell_reduction(&self) {
        if let Some(count) = self.reductions.note(1) {
            let destination = self.account.destination();
            tracing::warn!(
                destination,
                "{count} segment documents were larger than 64 kB and are sent without all of their metadata"
            );
        }
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("account", &self.account).finish_non_exhaustive()
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.daemon.lock() {
            Ok(mut daemon) => self.send(&batch, &mut daemon),
            // Somebody has panicked with it; the account still has to be right.
            Err(_) => self.account.failed(batch.len() as u64, "the exporter is broken"),
        }
        Ok(())
    }
}
