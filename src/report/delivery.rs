//! The thread that sends items, one after the other: nothing in a request waits for Rollbar. Its requests
//! are no part of any trace.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use opentelemetry::Context;
use reqwest::{StatusCode, Url, blocking, redirect};

use super::item::Item;
use super::outbox::{LIMITED, Outbox};
use super::rollbar::StartError;
use crate::http_client::{self, BuildError, transport};

/// How long a request to Rollbar may take, and how long of it the connecting.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the thread. It takes items from a queue of this `capacity`, and ends, as the receiver tells,
/// when all are sent and nobody can send more.
pub(super) fn start(
    outbox: Arc<Outbox>,
    capacity: usize,
) -> Result<(SyncSender<Item>, Receiver<()>), StartError> {
    let (queue, items) = sync_channel(capacity);
    let (running, ended) = sync_channel(0);
    let (ready, started) = sync_channel(1);
    let thread = std::thread::Builder::new().name("rollbar".to_owned()).spawn(move || {
        // Also what logs say in here is no item's business.
        let _untraced = Context::enter_telemetry_suppressed_scope();
        // Made here, as a blocking client must not be made on a thread that drives a runtime.
        match client(outbox.endpoint.is_https()) {
            Ok(http) => {
                let _ = ready.send(Ok(()));
                let delivery = Delivery { http, outbox };
                items.into_iter().for_each(|item| delivery.deliver(&item));
            }
            Err(error) => drop(ready.send(Err(StartError::HttpClient(BuildError(error))))),
        }
        drop(running);
    });
    thread.map_err(StartError::Thread)?;
    match started.recv() {
        Ok(started) => started.map(|()| (queue, ended)),
        // It has panicked before it could say anything.
        Err(_) => Err(StartError::Thread(std::io::ErrorKind::Other.into())),
    }
}

fn client(is_https: bool) -> Result<blocking::Client, reqwest::Error> {
    blocking::ClientBuilder::from(transport(is_https))
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry the token to wherever it points.
        .redirect(redirect::Policy::none())
        .build()
}

struct Delivery {
    http: blocking::Client,
    outbox: Arc<Outbox>,
}

impl Delivery {
    fn deliver(&self, item: &Item) {
        let Outbox { process, pause, account, .. } = &*self.outbox;
        // Queued before the limit was known to be reached.
        if pause.is_on() {
            account.taken(1);
            account.dropped(1, LIMITED);
            return;
        }
        let mut answer = self.post(process.payload(item));
        if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE) {
            answer = self.post(process.failsafe(item));
        }
        match answer {
            Ok(answer) => drop(self.outbox.settle(answer.status(), answer.headers())),
            Err(error) => self.outbox.fail(&error),
        }
    }

    /// Posts an item, and does so again where the network failed: by its uuid Rollbar counts it once.
    fn post(&self, payload: Vec<u8>) -> Result<blocking::Response, String> {
        let Outbox { url, headers, .. } = &*self.outbox;
        let send = || self.http.post(url).headers(headers.clone()).body(payload.clone()).send();
        send().or_else(|_| send()).map_err(|error| match Url::parse(url) {
            Ok(url) => http_client::Error::of_exchange(error, &url).to_string(),
            Err(_) => error.without_url().to_string(),
        })
    }
}
