//! The way to Rollbar: where an item is posted to, as whom, and the account of what became of it. The
//! thread in the background and the test route both send by it.

use std::sync::mpsc::SyncSender;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::answer::Answer;
use super::item::Item;
use super::pause::Pause;
use super::payload::Process;
use crate::config::{RollbarConfig, RollbarEndpoint};
use crate::telemetry::account::Account;

const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-rollbar-access-token");

/// How many items may wait to be sent: one per fault and minute is not many.
pub(super) const CAPACITY: usize = 128;

/// Why an item is dropped while Rollbar takes no more.
pub(super) const LIMITED: &str = "Rollbar's rate limit is reached";

pub(super) struct Outbox {
    pub(super) endpoint: RollbarEndpoint,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) process: Process,
    pub(super) pause: Pause,
    pub(super) account: Account,
}

impl Outbox {
    pub(super) fn new(config: &RollbarConfig) -> Self {
        let headers = [
            (ACCESS_TOKEN, config.access_token.header()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        Self {
            endpoint: config.endpoint.clone(),
            url: config.endpoint.item_url(),
            headers: headers.into_iter().collect(),
            process: Process::new(config.clone()),
            pause: Pause::default(),
            account: Account::new(format!("rollbar {}", config.endpoint), "items"),
        }
    }

    /// Enters an item that is to be queued; may it?
    pub(super) fn admits(&self) -> bool {
        if self.pause.is_on() {
            return self.account.admit(0, LIMITED);
        }
        self.account.admit(CAPACITY as u64, "the queue is full")
    }

    /// Puts an item that was [admitted](Self::admits) into the queue, if that is still open.
    pub(super) fn queue(&self, queue: &Option<SyncSender<Item>>, item: Item) -> bool {
        let is_queued = queue.as_ref().is_some_and(|queue| queue.try_send(item).is_ok());
        if !is_queued {
            self.account.taken(1);
            self.account.dropped(1, "the service is ending");
        }
        is_queued
    }

    /// Enters what became of an item that Rollbar has answered; was it accepted?
    pub(super) fn settle(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.account.taken(1);
        match Answer::of(status) {
            Answer::Accepted => {
                self.account.exported(1);
                return true;
            }
            Answer::Limited => {
                let seconds = self.pause.begin(headers).as_secs();
                let reason = format!("{LIMITED}; nothing is sent for {seconds} s");
                self.account.dropped(1, &reason);
            }
            Answer::TooLarge => self.account.failed(1, "the item is too large for Rollbar"),
            Answer::Refused(reason) => self.account.failed(1, &reason),
        }
        false
    }

    /// Enters that an item could not be delivered.
    pub(super) fn fail(&self, reason: &str) {
        self.account.taken(1);
        self.account.failed(1, reason);
    }
}
