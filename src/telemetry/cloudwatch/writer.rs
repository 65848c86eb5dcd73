//! Holds a batch until CloudWatch has it, refuses it for good, or the process ends. What comes in meanwhile
//! waits in the processor's queue.

use std::time::Duration;

use super::batch::Event;
use super::client::{Client, Rejected};
use super::failure::Failure;
use crate::telemetry::account::Account;
use crate::telemetry::end::End;
use crate::telemetry::patience::Patience;

/// Writes to one stream, one batch at a time.
#[derive(Debug)]
pub(super) struct Writer {
    client: Client,
    account: Account,
    patience: Patience,
    /// How long a try may take, with the SDK's own retries.
    timeout: Duration,
}

impl Writer {
    pub(super) fn new(client: Client, account: Account, end: End, timeout: Duration) -> Self {
        let patience = Patience::new(account.clone(), end);
        Self { client, account, patience, timeout }
    }

    /// Writes a batch that keeps all limits. Blocks while CloudWatch is away.
    pub(super) fn write(&self, events: &[Event]) {
        let count = events.len() as u64;
        if let Some(reason) = self.patience.refusal() {
            self.account.failed(count, &reason);
            return;
        }
        let mut reason = "CloudWatch is away".to_owned();
        for tries in 0_u32.. {
            let Some(timeout) = self.patience.time_for_a_try(self.timeout) else { break };
            let put = self.client.put(events, timeout);
            self.patience.answered(!matches!(put, Err(Failure::Later { is_answer: false, .. })));
            match put {
                Ok(rejected) => {
                    self.accepted(count, &rejected);
                    return;
                }
                Err(Failure::Refused { reason }) => {
                    self.account.failed(count, &reason);
                    self.patience.refused(reason);
                    return;
                }
                Err(Failure::Rejected { reason }) => {
                    self.account.failed(count, &reason);
                    return;
                }
                Err(Failure::Later { reason: why, is_answer }) => {
                    // A try that the end of the process cut short says less than the one before.
                    if is_answer || tries == 0 || timeout == self.timeout {
                        reason = why;
                    }
                    self.account.delayed(count, &reason);
                    self.patience.wait(tries, None);
                }
            }
        }
        self.patience.given_up(count, &reason);
    }

    fn accepted(&self, count: u64, rejected: &[Rejected]) {
        let lost = rejected.iter().map(|rejected| rejected.count).sum::<u64>().min(count);
        self.account.exported(count - lost);
        if lost > 0 {
            let reasons: Vec<_> = rejected.iter().map(|rejected| rejected.reason).collect();
            self.account.failed(lost, &format!("CloudWatch rejects them: {}", reasons.join("; ")));
        }
    }
}
