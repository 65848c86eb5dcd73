//! Holds a batch until the receiver has it, refuses it for good, or the process ends. What comes in
//! meanwhile waits in the processor's queue.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use opentelemetry_http::Bytes;

use super::answer::Answer;
use super::client::Client;
use crate::http_client::retry;
use crate::telemetry::account::{Account, RateLimit};
use crate::telemetry::end::End;

/// The wait before the second try; it doubles up to [`LONGEST_DELAY`], which is how long after its return
/// a receiver may have to wait for us. Each is shortened at random: others have lost it at the same time.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// As long as a receiver may keep us waiting by `Retry-After`: a day would be a mistake, or an attack.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// How long nothing is sent to a receiver that does not take our key: it will not take the next batch
/// either, and each try is answered with the same error.
const PAUSE_AFTER_A_WRONG_KEY: Duration = Duration::from_secs(10);
/// How long at the end of the process a receiver is waited for that does not even answer.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(1);

/// Sends requests to one receiver, one at a time.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    account: Account,
    end: End,
    advice: RateLimit,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Did the last try end without an answer?
    is_away: bool,
    /// Until when nothing is sent, as the receiver did not take our key, and what it said.
    refused: Option<(Instant, String)>,
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
        let (advice, state) = (RateLimit::default(), Mutex::default());
        Self { client, account, end, advice, state }
    }

    /// Delivers a `request` that carries `count` items. Blocks while the receiver is away.
    pub(super) fn send(&self, count: u64, request: &Bytes) -> Sent {
        if let Some(reason) = self.refusal() {
            self.account.failed(count, &reason);
            return Sent::Settled;
        }
        let body = self.client.body(request);
        let mut reason = "the receiver is away".to_owned();
        for tries in 0_u32.. {
            let Some(timeout) = self.time_for_a_try() else { break };
            let answer = self.client.post(body.clone(), timeout);
            let is_away = matches!(answer, Answer::Later { is_answer: false, .. });
            self.set_state(|state| state.is_away = is_away);
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
                    let until = Instant::now() + PAUSE_AFTER_A_WRONG_KEY;
                    self.set_state(|state| state.refused = Some((until, reason)));
                    return Sent::Settled;
                }
                Answer::Rejected { reason } => {
                    self.account.failed(count, &reason);
                    return Sent::Settled;
                }
                Answer::Later { reason: why, after, .. } => {
                    self.account.delayed(count, &why);
                    reason = why;
                    let delay = retry::backoff(FIRST_DELAY, LONGEST_DELAY, tries);
                    // Not before the receiver wants it, but where it says "at once", or names a time
                    // that has passed, no storm of tries either.
                    self.wait(retry::with_jitter(delay).max(after.unwrap_or_default()));
                }
            }
        }
        self.given_up(count, &reason);
        Sent::Settled
    }

    /// Enters what there is no more time for: dropped where the process ends, failed where it is the
    /// receiver that is not worth the wait.
    fn given_up(&self, count: u64, reason: &str) {
        if self.end.ending().is_some_and(|ending| ending.deadline <= Instant::now()) {
            self.account.dropped(count, &format!("the time was up; {reason}"));
        } else {
            self.account.failed(count, reason);
        }
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

    /// How long the next try may take; `None` if there is no time for one.
    fn time_for_a_try(&self) -> Option<Duration> {
        let timeout = self.client.timeout();
        match self.deadline() {
            None => Some(timeout),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| left.min(timeout))
            }
        }
    }

    /// Until when this receiver is tried, once the process ends.
    fn deadline(&self) -> Option<Instant> {
        let ending = self.end.ending()?;
        let soon = ending.began + PATIENCE_AT_THE_END;
        let is_away = self.state.lock().is_ok_and(|state| state.is_away);
        Some(if is_away { ending.deadline.min(soon) } else { ending.deadline })
    }

    /// Waits before the next try, and no longer than there is time for one.
    fn wait(&self, delay: Duration) {
        let delay = delay.min(LONGEST_RETRY_AFTER);
        match self.deadline() {
            // The beginning of the end cuts the wait short: there is one more try then.
            None => self.end.wait(delay),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                std::thread::sleep(delay.min(left));
            }
        }
    }

    /// What the receiver said of our key, if that was a moment ago.
    fn refusal(&self) -> Option<String> {
        let state = self.state.lock().ok()?;
        let (until, reason) = state.refused.as_ref()?;
        (Instant::now() < *until).then(|| reason.clone())
    }

    fn set_state(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.state.lock() {
            change(&mut state);
        }
    }
}

const WRONG_KEY: &str = "check HONEYCOMB_API_KEY, or the key in OTEL_EXPORTER_OTLP_HEADERS";
