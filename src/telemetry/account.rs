//! What becomes of the spans that one exporter is given: created = exported + failed + dropped + not
//! sampled + still queued.
//!
//! The SDK's processors hide what they drop, and their `Ok` at shutdown is no proof of delivery. So each
//! exporter has an `Account`: its pipeline (`pipeline.rs`) enters what comes in, the exporter what
//! it is rid of and how. `GET /health` shows all accounts, and so does the last line of the process. What
//! is lost is warned about too: at once, and then once a minute with the count.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use reqwest::StatusCode;
use serde::Serialize;

use crate::rate_limit::RateLimit;
use crate::timestamp::Timestamp;

/// The account of one exporter; clones write into the same.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    destination: String,
    /// In the plural: `spans`, `log records`.
    items: &'static str,
    queue_capacity: OnceLock<u64>,
    created: AtomicU64,
    /// What is not in the queue any more, or never was.
    taken: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    last_error: Mutex<Option<LastError>>,
    last_refusal: Mutex<Option<StatusCode>>,
    failures: RateLimit,
    drops: RateLimit,
    delays: RateLimit,
    /// Is there a warning that nothing has cleared yet?
    is_in_trouble: AtomicBool,
}

/// What went wrong last, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// A sentence without secrets.
    pub message: String,
    /// When it happened, in RFC 3339.
    pub time: String,
}

impl Account {
    /// An empty account of the `items` that go to `destination`, which must show no secret.
    pub(crate) fn new(destination: impl Into<String>, items: &'static str) -> Self {
        Self(Arc::new(Entries {
            destination: destination.into(),
            items,
            queue_capacity: OnceLock::new(),
            created: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            last_error: Mutex::new(None),
            last_refusal: Mutex::new(None),
            failures: RateLimit::default(),
            drops: RateLimit::default(),
            delays: RateLimit::default(),
            is_in_trouble: AtomicBool::new(false),
        }))
    }

    /// Where the items go.
    pub(crate) fn destination(&self) -> &str {
        &self.0.destination
    }

    /// Notes how many items may wait, for those who look at how full the queue is.
    pub(crate) fn set_queue_capacity(&self, capacity: u64) {
        let _ = self.0.queue_capacity.set(capacity);
    }

    /// Enters an item that comes in. May it go into a queue of this `capacity`? Else it counts as
    /// dropped for this `reason`, and the caller leaves it.
    pub(crate) fn admit(&self, capacity: u64, reason: &str) -> bool {
        // One atomic addition a span: the number that an item gets tells how many came before it, and
        // `taken` how many of those are gone. Read first: afterwards others may be among them that came
        // later and were turned away, which make no room.
        let taken = self.0.taken.load(Ordering::Acquire);
        let number = self.0.created.fetch_add(1, Ordering::AcqRel);
        let is_admitted = number < taken.saturating_add(capacity);
        if !is_admitted {
            self.taken(1);
            self.dropped(1, reason);
        }
        is_admitted
    }

    /// Enters that these items, which were admitted, are out of the queue: there is room for as many.
    pub(crate) fn taken(&self, count: u64) {
        self.0.taken.fetch_add(count, Ordering::AcqRel);
    }

    /// Enters items that the receiver has accepted; after a warning, says that it does so again.
    pub(crate) fn exported(&self, count: u64) {
        // Of a batch that was answered, but rejected as a whole, nothing is accepted again.
        if count == 0 {
            return;
        }
        self.0.exported.fetch_add(count, Ordering::AcqRel);
        if self.0.is_in_trouble.swap(false, Ordering::AcqRel) {
            let Entries { destination, items, .. } = &*self.0;
            tracing::info!(destination, "{items} are accepted again");
        }
    }

    /// Enters items that were tried and could not be delivered, and warns of them.
    pub(crate) fn failed(&self, count: u64, reason: &str) {
        self.0.failed.fetch_add(count, Ordering::AcqRel);
        self.note_error(reason);
        if let Some(count) = self.0.failures.note(count) {
            let Entries { destination, items, is_in_trouble, .. } = &*self.0;
            is_in_trouble.store(true, Ordering::Release);
            tracing::warn!(destination, reason, "{count} {items} could not be sent and are lost");
        }
    }

    /// Enters items that were not even tried, and warns of them.
    pub(crate) fn dropped(&self, count: u64, reason: &str) {
        self.0.dropped.fetch_add(count, Ordering::AcqRel);
        if let Some(count) = self.0.drops.note(count) {
            let Entries { destination, items, .. } = &*self.0;
            self.note_error(&format!("{items} are dropped: {reason}"));
            tracing::warn!(destination, reason, "{count} {items} were dropped");
        }
    }

    /// Warns that `count` items are held back, which are not lost yet.
    pub(crate) fn delayed(&self, count: u64, reason: &str) {
        self.note_error(reason);
        if self.0.delays.note(1).is_some() {
            let Entries { destination, items, is_in_trouble, .. } = &*self.0;
            is_in_trouble.store(true, Ordering::Release);
            let waiting = count + self.queued();
            tracing::warn!(
                destination,
                reason,
                "{items} could not be sent: {waiting} wait for another try"
            );
        }
    }

    /// Enters the status with which the receiver did not take what was just sent; `None` where it did, or
    /// did not answer.
    pub(crate) fn refused_with(&self, status: Option<StatusCode>) {
        if let Ok(mut last) = self.0.last_refusal.lock() {
            *last = status;
        }
    }

    /// How many items are between coming in and being taken.
    pub(crate) fn queued(&self) -> u64 {
        // Read first, so that nothing that comes in meanwhile is subtracted.
        let taken = self.0.taken.load(Ordering::Acquire);
        self.0.created.load(Ordering::Acquire).saturating_sub(taken)
    }

    fn note_error(&self, message: &str) {
        if let Ok(mut last) = self.0.last_error.lock() {
            *last =
                Some(LastError { message: message.to_owned(), time: Timestamp::now().to_string() });
        }
    }

    /// What became of the items so far; `unsampled` were never meant for any exporter.
    pub(crate) fn delivery(&self, unsampled: u64) -> Delivery {
        let entries = &*self.0;
        // An item is created before it is anything else: read last, `created` is no smaller than the sum.
        let exported = entries.exported.load(Ordering::Acquire);
        let failed = entries.failed.load(Ordering::Acquire);
        let dropped = entries.dropped.load(Ordering::Acquire);
        let created = entries.created.load(Ordering::Acquire);
        Delivery {
            destination: entries.destination.clone(),
            items: entries.items,
            created: created + unsampled,
            exported,
            failed,
            dropped,
            unsampled,
            queued: created.saturating_sub(exported + failed + dropped),
            queue_capacity: entries.queue_capacity.get().copied(),
            last_error: entries.last_error.lock().ok().and_then(|last| last.clone()),
            last_refusal: entries.last_refusal.lock().ok().and_then(|last| *last),
        }
    }
}

/// What became of the items of one exporter: `created` is the sum of all that follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Where they were to go.
    pub destination: String,
    /// What they are: `spans` or `log records`.
    pub items: &'static str,
    /// All that were made.
    pub created: u64,
    /// Sent, and accepted by the receiver.
    pub exported: u64,
    /// Tried, and not accepted.
    pub failed: u64,
    /// Left out before that: the queue was full, or the time was up.
    pub dropped: u64,
    /// Of traces that the sampler left out.
    pub unsampled: u64,
    /// Not decided yet: 0 once the queue is drained.
    pub queued: u64,
    /// How many may wait, besides those that are being sent just now.
    pub queue_capacity: Option<u64>,
    /// What went wrong last, if anything did.
    pub last_error: Option<LastError>,
    /// The status with which a receiver of OTLP did not take the last request, if that was so.
    #[serde(skip)]
    pub(crate) last_refusal: Option<StatusCode>,
}

impl Delivery {
    /// The same at the end of the process: what is still queued is dropped.
    pub(crate) fn at_the_end(mut self) -> Self {
        self.dropped += std::mem::take(&mut self.queued);
        self
    }

    /// How many items did not arrive that should have.
    pub fn lost(&self) -> u64 {
        self.failed + self.dropped
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, items, exported, failed, dropped, unsampled, queued, .. } = self;
        write!(
            f,
            "{destination}: {exported} {items} exported, {failed} failed, {dropped} dropped"
        )?;
        for (count, what) in [(unsampled, "not sampled"), (queued, "queued")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_takes_as_many_as_it_has_room_for() {
        let account = Account::new("x", "spans");
        let admitted = |n: usize| (0..n).filter(|_| account.admit(3, "full")).count();
        assert_eq!(admitted(5), 3);
        account.taken(2);
        assert_eq!(admitted(4), 2);
        account.exported(1);
        account.failed(1, "refused");
        let delivery = account.delivery(7);
        assert_eq!(delivery.created, 9 + 7);
        assert_eq!((delivery.exported, delivery.failed, delivery.dropped), (1, 1, 4));
        assert_eq!(delivery.queued, 3);
        assert_eq!(delivery.lost(), 5);
        assert_eq!(
            delivery.at_the_end().to_string(),
            "x: 1 spans exported, 1 failed, 7 dropped, 7 not sampled"
        );
    }

    #[test]
    fn who_accepts_none_of_a_batch_is_still_in_trouble() {
        let account = Account::new("x", "spans");
        let is_in_trouble = || account.0.is_in_trouble.load(Ordering::Acquire);
        account.failed(2, "rejected");
        account.exported(0);
        assert!(is_in_trouble());
        account.exported(1);
        assert!(!is_in_trouble());
    }

    #[test]
    fn threads_never_overfill_a_queue() {
        for capacity in [1, 64] {
            let account = Account::new("x", "spans");
            let (queue, spans) = std::sync::mpsc::sync_channel(capacity);
            let taker = account.clone();
            let taking =
                std::thread::spawn(move || spans.into_iter().inspect(|()| taker.taken(1)).count());
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let (account, queue) = (account.clone(), queue.clone());
                    scope.spawn(move || {
                        for _ in 0..10_000 {
                            if account.admit(capacity as u64, "full") {
                                queue.try_send(()).expect("there is room for what is admitted");
                            }
                        }
                    });
                }
            });
            drop(queue);
            let taken = taking.join().unwrap() as u64;
            let delivery = account.delivery(0);
            assert_eq!(delivery.created, 40_000);
            assert_eq!(taken + delivery.dropped, 40_000);
        }
    }
}
