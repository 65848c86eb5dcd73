//! Holds a batch until the receiver has it, refuses it for good, or the process ends. What comes in
//! meanwhile waits before the processor.

use opentelemetry_http::Bytes;

use super::answer::Answer;
use super::client::Client;
use super::too_large::{Size, TooLarge};
use crate::config::otlp::OtlpConfig;
use crate::rate_limit::RateLimit;
use crate::telemetry::StartError;
use crate::telemetry::account::Account;
use crate::telemetry::end::End;
use crate::telemetry::patience::Patience;

/// Sends requests to one receiver, one at a time.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    account: Account,
    patience: Patience,
    advice: RateLimit,
    too_large: TooLarge,
    /// What to change where the receiver does not take the key.
    wrong_key: String,
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
    /// Sends to the receiver of `config`, and enters into `account` what came of it.
    ///
    /// # Errors
    /// There is no way to make its requests.
    pub(super) fn new(config: &OtlpConfig, account: Account, end: End) -> Result<Self, StartError> {
        Ok(Self {
            client: Client::new(config)?,
            patience: Patience::new(account.clone(), end),
            account,
            advice: RateLimit::default(),
            too_large: TooLarge::default(),
            wrong_key: match config.key_variable {
                Some(variable) => format!("check {variable}"),
                None if config.is_honeycomb => "no key is sent; set HONEYCOMB_API_KEY".to_owned(),
                None => "no key is sent; set OTEL_EXPORTER_OTLP_HEADERS".to_owned(),
            },
        })
    }

    /// Delivers a `request` that carries `count` items. Blocks while the receiver is away.
    pub(super) fn send(&self, count: u64, request: &Bytes) -> Sent {
        if let Some(reason) = self.patience.refusal() {
            self.account.failed(count, &reason);
            return Sent::Settled;
        }
        let body = self.client.body(request);
        let size = Size { items: count, request: request.len(), body: body.len() };
        if self.too_large.has_refused(size) {
            return self.too_large(count);
        }
        let mut reason = "the receiver is away".to_owned();
        for tries in 0_u32.. {
            let Some(timeout) = self.patience.time_for_a_try(self.client.timeout()) else { break };
            let answer = self.client.post(body.clone(), timeout);
            self.patience.answered(!matches!(answer, Answer::Later { status: None, .. }));
            self.account.refused_with(answer.refusal());
            match answer {
                Answer::Accepted { rejected, advice } => {
                    self.accepted(count, rejected.min(count), &advice);
                    return Sent::Settled;
                }
                Answer::TooLarge => {
                    self.too_large.note(size);
                    return self.too_large(count);
                }
                Answer::WrongKey { reason, .. } => {
                    let reason = format!("{reason}; {}", self.wrong_key);
                    self.account.failed(count, &reason);
                    self.patience.refused(reason);
                    return Sent::Settled;
                }
                Answer::Rejected { reason, .. } => {
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

    /// What is to be done with a request that is too large: of several items a smaller one can be made.
    fn too_large(&self, count: u64) -> Sent {
        if count > 1 {
            return Sent::TooLarge;
        }
        self.account.failed(count, "the receiver answers 413: it is too large");
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
