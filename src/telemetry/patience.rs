//! How long a receiver is waited for that is away, or does not take our key: as long as the process
//! lives, and not much longer.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::account::Account;
use super::end::End;
use crate::http_client::retry;

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

/// The patience with one receiver.
#[derive(Debug)]
pub(super) struct Patience {
    account: Account,
    end: End,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Did the last try end without an answer?
    is_away: bool,
    /// Until when nothing is sent, as the receiver did not take our key, and what it said.
    refused: Option<(Instant, String)>,
}

impl Patience {
    pub(super) fn new(account: Account, end: End) -> Self {
        Self { account, end, state: Mutex::default() }
    }

    /// Notes whether the last try was answered at all.
    pub(super) fn answered(&self, is_answered: bool) {
        self.set_state(|state| state.is_away = !is_answered);
    }

    /// Notes that the receiver does not take our key, and what it said.
    pub(super) fn refused(&self, reason: String) {
        let until = Instant::now() + PAUSE_AFTER_A_WRONG_KEY;
        self.set_state(|state| state.refused = Some((until, reason)));
    }

    /// What the receiver said of our key, if that was a moment ago: there is no use in trying.
    pub(super) fn refusal(&self) -> Option<String> {
        let state = self.state.lock().ok()?;
        let (until, reason) = state.refused.as_ref()?;
        (Instant::now() < *until).then(|| reason.clone())
    }

    /// How long the next try may take, `timeout` at most; `None` if there is no time for one.
    pub(super) fn time_for_a_try(&self, timeout: Duration) -> Option<Duration> {
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

    /// Waits before the next try, of which there were `tries` before, and no longer than there is time for
    /// one; as long as the receiver has `wanted` it, at least.
    pub(super) fn wait(&self, tries: u32, wanted: Option<Duration>) {
        let delay = retry::with_jitter(retry::backoff(FIRST_DELAY, LONGEST_DELAY, tries));
        // Where the receiver says "at once", or names a time that has passed: no storm of tries either.
        let delay = delay.max(wanted.unwrap_or_default().min(LONGEST_RETRY_AFTER));
        match self.deadline() {
            // The beginning of the end cuts the wait short: there is one more try then.
            None => self.end.wait(delay),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                std::thread::sleep(delay.min(left));
            }
        }
    }

    /// Enters what there is no more time for: dropped where the process ends, failed where it is the
    /// receiver that is not worth the wait.
    pub(super) fn given_up(&self, count: u64, reason: &str) {
        if self.end.ending().is_some_and(|ending| ending.deadline <= Instant::now()) {
            self.account.dropped(count, &format!("the time was up; {reason}"));
        } else {
            self.account.failed(count, reason);
        }
    }

    fn set_state(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.state.lock() {
            change(&mut state);
        }
    }
}
