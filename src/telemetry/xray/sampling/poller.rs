//! When the daemon is asked: for rules every five minutes, for targets every ten seconds, on a thread of
//! its own. Nothing in a request waits for it, and none of it is traced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::api::{Api, AskError, MAX_STATISTICS, Statistics, Unprocessed};
use super::{Clock, Sampler};
use crate::config::xray::{DaemonAddress, HostPort};

/// How often rules are asked for, and by how much more at most, so that instances that start together do
/// not ask together for ever.
const RULES_EVERY: Duration = Duration::from_secs(300);
const RULES_JITTER: Duration = Duration::from_secs(5);
/// The same for targets.
const TARGETS_EVERY: Duration = Duration::from_secs(10);
const TARGETS_JITTER: Duration = Duration::from_millis(100);
/// How soon a daemon that did not answer is asked for rules again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Asks the daemon for what a [`Sampler`] is to do.
#[derive(Debug)]
pub struct Poller {
    sampler: Sampler,
    clock: Arc<dyn Clock>,
    daemon: HostPort,
    api: Option<Api>,
    /// 24 hexadecimal digits by which X-Ray tells this instance from others.
    client_id: String,
    /// Since 1970.
    rules_due: Duration,
    targets_due: Duration,
    /// When a rule of the account was changed last, by X-Ray's clock.
    changed_at: Option<Duration>,
    /// Has the daemon not answered the last time?
    is_failing: bool,
}

impl Poller {
    /// A poller that asks the TCP side of `daemon` on behalf of `sampler`. It does nothing by itself.
    pub fn new(sampler: &Sampler, daemon: &DaemonAddress) -> Self {
        let clock = Arc::clone(&sampler.0.clock);
        // 96 random bits, as the last ones of a trace id are.
        let id = RandomIdGenerator::default().new_trace_id().to_string();
        Self {
            sampler: sampler.clone(),
            rules_due: clock.now(),
            targets_due: clock.now() + TARGETS_EVERY,
            clock,
            daemon: daemon.tcp.clone(),
            api: None,
            client_id: id[8..].to_owned(),
            changed_at: None,
            is_failing: false,
        }
    }

    /// Polls on a thread of its own, until what is returned is dropped.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(mut self) -> std::io::Result<Polling> {
        let (stop, stopped) = channel();
        std::thread::Builder::new().name("xray-sampling".to_owned()).spawn(move || {
            loop {
                let pause = self.poll();
                match stopped.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return,
                }
            }
        })?;
        Ok(Polling { _stop: stop })
    }

    /// Asks what is due to be asked; how long from now until there is something again. Blocks for as long
    /// as the daemon takes, some seconds at most: call it on a plain thread.
    pub fn poll(&mut self) -> Duration {
        let now = self.clock.now();
        if now >= self.targets_due {
            match self.poll_targets(now) {
                // Nothing was asked, and nothing is known.
                Ok(false) => {}
                told => self.note(told.map(drop)),
            }
            self.targets_due = now + TARGETS_EVERY + jitter(TARGETS_JITTER);
        }
        if now >= self.rules_due {
            let loaded = self.poll_rules(now);
            let pause = match &loaded {
                Ok(()) => RULES_EVERY + jitter(RULES_JITTER),
                Err(_) => RETRY_AFTER,
            };
            self.note(loaded);
            self.rules_due = now + pause;
        }
        self.rules_due.min(self.targets_due).saturating_sub(self.clock.now())
    }

    fn poll_rules(&mut self, now: Duration) -> Result<(), AskError> {
        let rules = self.api()?.rules()?;
        self.sampler.load(rules, now);
        Ok(())
    }

    /// Was there anything to tell?
    fn poll_targets(&mut self, now: Duration) -> Result<bool, AskError> {
        let rules = self.sampler.rules();
        let by_name: BTreeMap<_, _> = rules.iter().map(|rule| (rule.name(), rule)).collect();
        let client_id = self.client_id.clone();
        let mut has_told = false;
        for some in rules.chunks(MAX_STATISTICS) {
            let seen = some.iter().filter_map(|rule| Some((rule.name(), rule.take_seen(now)?)));
            let statistics: Vec<_> =
                seen.map(|(rule, seen)| Statistics::new(&client_id, rule, seen, now)).collect();
            if statistics.is_empty() {
                continue;
            }
            let answer = self.api().and_then(|api| api.targets(&statistics)).inspect_err(|_| {
                for untold in &statistics {
                    by_name[untold.rule_name].give_back(untold.seen);
                }
            })?;
            for target in &answer.targets {
                if let Some(rule) = by_name.get(target.rule_name.as_str()) {
                    rule.follow(target, now);
                }
            }
            for Unprocessed { rule_name, message } in &answer.unprocessed {
                tracing::debug!(rule_name, message, "X-Ray has not taken what a rule has seen");
            }
            self.look_for_changes(answer.rules_changed_at(), now);
            has_told = true;
        }
        Ok(has_told)
    }

    /// Rules that were changed are asked for at once. Whose clock is right does not matter but at first.
    fn look_for_changes(&mut self, changed_at: Option<Duration>, now: Duration) {
        let is_news = match self.changed_at {
            None => changed_at > self.sampler.loaded_at(),
            known => changed_at != known,
        };
        if is_news && changed_at.is_some() {
            self.rules_due = now;
        }
        self.changed_at = changed_at.or(self.changed_at);
    }

    /// Made where it is first used: on the thread that polls.
    fn api(&mut self) -> Result<&Api, AskError> {
        match &mut self.api {
            Some(api) => Ok(api),
            none => Ok(none.insert(Api::new(&self.daemon)?)),
        }
    }

    /// An outage is told once, and its end.
    fn note(&mut self, result: Result<(), AskError>) {
        let daemon = &self.daemon;
        match result {
            Err(error) if !self.is_failing => {
                let consequence = match self.sampler.loaded_at() {
                    Some(_) => "the last ones hold for an hour",
                    None => "one trace a second and 5 % of the others are recorded meanwhile",
                };
                tracing::warn!(%daemon, %error, "X-Ray's sampling rules cannot be had: {consequence}");
                self.is_failing = true;
            }
            Ok(()) if self.is_failing => {
                tracing::info!(%daemon, "X-Ray's sampling rules are there again");
                self.is_failing = false;
            }
            _ => {}
        }
    }
}

/// A poller at work. It stops when this is dropped; a question that is under way ends on its own.
#[derive(Debug)]
pub struct Polling {
    _stop: Sender<()>,
}

/// A random time up to `most`.
fn jitter(most: Duration) -> Duration {
    let [high, low, ..] = RandomIdGenerator::default().new_span_id().to_bytes();
    most * u32::from(u16::from_be_bytes([high, low])) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry_sdk::Resource;

    use super::*;

    #[derive(Debug, Default)]
    struct StoppedClock(Mutex<Duration>);

    impl Clock for StoppedClock {
        fn now(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn an_outage_lasts_until_the_daemon_has_answered() {
        let clock = Arc::new(StoppedClock::default());
        let resource = Resource::builder_empty().build();
        let sampler = Sampler::new(&resource, Arc::clone(&clock) as Arc<dyn Clock>);
        // Nobody listens there.
        let nowhere = HostPort { host: "127.0.0.1".to_owned(), port: 1 };
        let daemon = DaemonAddress { udp: nowhere.clone(), tcp: nowhere };
        let mut poller = Poller::new(&sampler, &daemon);
        for _ in 0..4 {
            poller.poll();
            // Also where there was nothing to tell, so that it was not asked.
            assert!(poller.is_failing);
            *clock.0.lock().unwrap() += Duration::from_secs(5);
        }
    }

    #[test]
    fn jitter_is_some_of_what_it_may_be() {
        let most = Duration::from_secs(5);
        let jitters: Vec<_> = (0..100).map(|_| jitter(most)).collect();
        assert!(jitters.iter().all(|jitter| *jitter <= most));
        assert!(jitters.iter().any(|jitter| *jitter > most / 2));
        assert!(jitters.iter().any(|jitter| *jitter < most / 2));
    }
}
