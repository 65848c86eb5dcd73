//! Holds a batch until the receiver has it, refuses it for good, or the process ends. What comes in
//! meanwhile waits in the processor's queue.

use opentelemetry_http::Bytes;

use super::answer::Answer;
use super::client::Client;
use crate::telemetry::account::{Account, RateLimit};
use crate::telemetry::end::End;
use crate::telemetry::patience::Patience;

/// Sends requests to one receiver, one at a time.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    account: Account,
    patience: Patience,
    advice: RateLimit,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// What did, is in the account.
    Settled,
    /// The receiver takes no request of this size; it carries several items.
    TooLarge,
}

impl Sender {
    pub(super) fn new(client: Client, account: Account, end: End) -> Self {
        let patience = Patience::new(account.clone(), end);
        Self { client, account, patience, advice: RateLimit::default() }
    }

    /// Delivers a `request` that carries `count` items. Blocks while the receiver is away.
    pub(super) fn send(&self, count: u64, request: &Bytes) -> Sent {
        if let Some(reason) = self.patience.refusal() {
            self.account.failed(count, &reason);
            return Sent::Settled;
        }
        let body = self.client.body(request);
        let mut reason = "the receiver is away".to_owned();
        for tries in 0_u32.. {
            let Some(timeout) = self.patience.time_for_a_try(self.client.timeout()) else { break };
            let answer = self.client.post(body.clone(), timeout);
            self.patience.answered(!matches!(answer, Answer::Later { is_answer: false, .. }));
            match answer {
                Answer::Accepted { rejected, advice } => {
                    self.accepted(count, rejected.min(count), &advice);
                    return Sent::Settled;
                }
                Answer::TooLarge if count > 1 => return Sent::TooLarge,
                Answer::TooLarge => {
                    self.account.failed(count, "the receiver answers 413: it is too large");
                    return Sent::Settled;
                }
                Answer::WrongKey { reason } => {
                    let reason = format!("{reason}; {WRONG_KEY}");
                    self.account.failed(count, &reason);
                    self.patience.refused(reason);
                    return Sent::Settled;
                }
                Answer::Rejected { reason } => {
                    self.account.failed(count, &reason);
                    return Sent::Settled;
                }
                Answer::Later { reason: why, after, .. } => {
                    self.account.delayed(count, &why);
                    reason = why;
                    self.patience.wait(tries, after);
                }
            }
        }
        self.patience.given_up(count, &reason);
        Sent::Settled
    }

    fn accepted(&self, count: u64, rejected: u64, advice: &str) {
        self.account.exported(count - rejected);
        if rejected > 0 {
            self.account.failed(rejected, &format!("the receiver rejects them: {advice}"));
        } else if !advice.is_empty() && self.advice.note(1).is_some() {
            let destination = self.account.destination();
            tracing::warn!(destination, advice, "the receiver has a word of advice");
        }
    }
}

const WRONG_KEY: &str = "check HONEYCOMB_API_KEY, or the key in OTEL_EXPORTER_OTLP_HEADERS";
