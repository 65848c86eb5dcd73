//! How long a receiver is waited for that is away, or does not take our key: as long as the process
//! lives, and not much longer.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::account::Account;
use super::end::End;

/// The wait before the second try; it doubles up to [`LONGEST_DELAY`], which is how long after its return
/// a receiver may have to wait for us.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(100);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(5);
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

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Did the last try end without an answer?
    is_away: bool,
    paused_until: Option<Instant>,
}

impl Patience {
    pub(super) fn new(account: Account, end: End) -> Self {
        Self { account, end, state: Mutex::default() }
    }

    /// Notes whether the last try was answered at all.
    pub(super) fn answered(&self, is_answered: bool) {
        self.set_state(|state| state.is_away = !is_answered);
    }

    /// Notes that the receiver does not take our key.
    pub(super) fn pause(&self) {
        let until = Instant::now() + PAUSE_AFTER_A_WRONG_KEY;
        self.set_state(|state| state.paused_until = Some(until));
    }

    /// Is there no use in trying, for now?
    pub(super) fn is_paused(&self) -> bool {
        self.state().paused_until.is_some_and(|until| Instant::now() < until)
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
        Some(if self.state().is_away { ending.deadline.min(soon) } else { ending.deadline })
    }

    /// Waits before the next try, and no longer than there is time for one.
    pub(super) fn wait(&self, delay: Duration) {
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

    fn state(&self) -> State {
        self.state.lock().map(|state| *state).unwrap_or_default()
    }

    fn set_state(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.state.lock() {
            change(&mut state);
        }
    }
}
