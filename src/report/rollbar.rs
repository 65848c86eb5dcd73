//! The handle: what happens to a failure, in order.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use opentelemetry::KeyValue;
use serde::Serialize;
use uuid::Uuid;

use super::delivery;
use super::item::{Item, Level, fingerprint};
use super::outbox::{CAPACITY, LIMITED, Outbox};
use super::windows::Windows;
use crate::config::{RollbarConfig, RollbarEndpoint};
use crate::http_client::{BuildError, Client};
use crate::server_span::Failure;
use crate::telemetry::account::{Delivery, LastError};

/// The attribute of a span that has an item: its uuid.
pub(super) const ITEM_UUID: &str = "app.rollbar.item_uuid";

/// Why nothing could ever be reported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no way to make HTTP requests: no CA certificates on the system, as a rule.
    #[error("cannot report to Rollbar: {0}")]
    HttpClient(#[source] BuildError),
    /// The thread that sends items cannot be started.
    #[error("cannot start the thread that reports to Rollbar: {0}")]
    Thread(#[source] std::io::Error),
}

/// Reports to a project of Rollbar. Clones report to the same; the [module](super) shows how it is wired.
#[derive(Clone)]
pub struct Rollbar(Arc<Inner>);

struct Inner {
    outbox: Arc<Outbox>,
    intake: Mutex<Intake>,
    suppressed: AtomicU64,
    /// Closed when all is sent.
    ended: Mutex<Receiver<()>>,
}

/// One lock for both: a fault has a window only when its item is queued.
struct Intake {
    windows: Windows,
    /// `None` at the end.
    queue: Option<SyncSender<Item>>,
}

impl Rollbar {
    /// Starts the thread that sends items.
    ///
    /// # Errors
    /// Nothing could ever be sent.
    pub fn start(config: &RollbarConfig) -> Result<Self, StartError> {
        let outbox = Arc::new(Outbox::new(config));
        let (queue, ended) = delivery::start(Arc::clone(&outbox), CAPACITY)?;
        Ok(Self(Arc::new(Inner {
            outbox,
            intake: Mutex::new(Intake { windows: Windows::default(), queue: Some(queue) }),
            suppressed: AtomicU64::new(0),
            ended: Mutex::new(ended),
        })))
    }

    /// Reports a request that failed, to be called by
    /// [`Middleware::on_failure`](crate::server_span::Middleware::on_failure). Of the same fault (the same
    /// class and route, and place of a panic) there is one item a minute; the others are counted,
    /// and the next item tells how many they were. Where there is an item, the span gets its uuid as
    /// `app.rollbar.item_uuid`.
    ///
    /// It does not wait: an item is queued, and dropped where the queue is full or Rollbar's rate limit
    /// is reached.
    pub fn report(&self, failure: Failure<'_>) {
        let Inner { outbox, intake, suppressed, .. } = &*self.0;
        let (now, fingerprint) = (Instant::now(), fingerprint(&failure));
        let Ok(mut intake) = intake.lock() else { return };
        if intake.windows.leaves_out(&fingerprint, now) {
            suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if !outbox.admits() {
            return;
        }
        let (span, uuid) = (failure.span(), Uuid::new_v4());
        let left_out = intake.windows.left_out(&fingerprint);
        if outbox.queue(&intake.queue, Item::of(failure, uuid, fingerprint.clone(), left_out)) {
            intake.windows.open(fingerprint, now);
            span.set_attribute(KeyValue::new(ITEM_UUID, uuid.to_string()));
        }
    }

    /// Reports `text`, of level info, in the active trace if there is one. Does not wait, as
    /// [`Rollbar::report`] does not.
    pub fn message(&self, text: impl Into<String>) {
        let Inner { outbox, intake, .. } = &*self.0;
        let Ok(intake) = intake.lock() else { return };
        if outbox.admits() {
            outbox.queue(&intake.queue, Item::message(Level::Info, text, None, None));
        }
    }

    pub(super) fn endpoint(&self) -> &RollbarEndpoint {
        &self.0.outbox.endpoint
    }

    /// Sends an item at once, by `client`, and waits for the answer; was it accepted? Counted when it is
    /// there: a request that is cancelled meanwhile leaves nothing behind.
    pub(super) async fn send(&self, client: &Client, item: &Item) -> bool {
        let outbox = &self.0.outbox;
        if outbox.pause.is_on() {
            outbox.account.admit(0, LIMITED);
            return false;
        }
        let payload = outbox.process.payload(item);
        let post = client.post(&outbox.url).headers(outbox.headers.clone()).body(payload);
        let answer = post.send().await;
        // Past the queue: there is always room.
        outbox.account.admit(u64::MAX, "");
        match answer {
            Ok(answer) => outbox.settle(answer.status(), answer.headers()),
            Err(error) => {
                outbox.fail(&error.to_string());
                false
            }
        }
    }

    /// What became of the items so far.
    pub fn reports(&self) -> Reports {
        self.reports_of(self.0.outbox.account.delivery(0))
    }

    /// Takes no more items, and lets those that are queued be sent, while this thread does something else.
    pub fn close(&self) {
        if let Ok(mut intake) = self.0.intake.lock() {
            intake.queue = None;
        }
    }

    /// [Closes](Self::close), waits until all is sent, but not beyond `deadline`, and says what became of
    /// all items. Blocks: call it on a plain thread, after the server has stopped.
    pub fn shutdown(&self, deadline: Instant) -> Reports {
        self.close();
        if let Ok(ended) = self.0.ended.lock() {
            let _ = ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        self.reports_of(self.0.outbox.account.delivery(0).at_the_end())
    }

    fn reports_of(&self, delivery: Delivery) -> Reports {
        Reports {
            destination: delivery.destination,
            reported: delivery.exported,
            failed: delivery.failed,
            dropped: delivery.dropped,
            suppressed: self.0.suppressed.load(Ordering::Relaxed),
            queued: delivery.queued,
            last_error: delivery.last_error,
        }
    }
}

impl fmt::Debug for Rollbar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers: the token is among them.
        f.debug_struct("Rollbar")
            .field("destination", &self.0.outbox.account.destination())
            .finish_non_exhaustive()
    }
}

/// What became of the items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reports {
    /// Where they were to go.
    pub destination: String,
    /// Accepted by Rollbar.
    pub reported: u64,
    /// Tried, and not accepted.
    pub failed: u64,
    /// Left out because the queue was full, the rate limit reached, or the time up.
    pub dropped: u64,
    /// No items at all: there was one of the same fault within the last minute.
    pub suppressed: u64,
    /// On their way.
    pub queued: u64,
    /// What went wrong last, if anything did.
    pub last_error: Option<LastError>,
}

impl Reports {
    /// How many items did not arrive that should have.
    pub fn lost(&self) -> u64 {
        self.failed + self.dropped
    }
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, reported, failed, dropped, suppressed, .. } = self;
        write!(
            f,
            "{destination}: {reported} items reported, {failed} failed, {dropped} dropped, {suppressed} suppressed"
        )
    }
}
