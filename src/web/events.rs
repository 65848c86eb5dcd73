//! What is new, as server-sent events: told ten times a second at most, and only while somebody listens.
//!
//! A listener that does not read in time misses events, and is then told to ask for everything anew.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, Data};
use opentelemetry::trace::TraceId;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{self, MissedTickBehavior};

use super::json::Summary;
use super::page::State;
use crate::recent_traces::{Change, RecentTraces};

/// How often what has ended is sorted, and told.
const TICK: Duration = Duration::from_millis(100);
/// How long a span must have run to be told of.
const RUNNING: Duration = Duration::from_millis(200);
/// How many traces one event tells of; a page asks for the others.
const TRACES_PER_EVENT: usize = 100;
/// How many pages may listen.
const LISTENERS: usize = 16;
/// How many events may wait for a page to read them.
const WAITING: usize = 8;
/// In how many ticks something is sent in any case, so that a broken connection is seen.
const HEARTBEAT: u32 = 150;

/// Those who listen.
#[derive(Debug, Default)]
pub(super) struct Hub(Mutex<Vec<Listener>>);

#[derive(Debug)]
struct Listener {
    events: mpsc::Sender<Bytes>,
    has_missed: bool,
}

impl Hub {
    /// What is sent from now on; `None` where too many listen.
    pub(super) fn listen(&self) -> Option<Events> {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.events.is_closed());
        if listeners.len() >= LISTENERS {
            return None;
        }
        let (sender, events) = mpsc::channel(WAITING);
        // So that the page knows at once that it listens.
        let _ = sender.try_send(event("hello", &()));
        listeners.push(Listener { events: sender, has_missed: false });
        Some(Events(events))
    }

    pub(super) fn send(&self, event: &Bytes) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain_mut(|listener| listener.send(event));
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Listener {
    /// Is it still there?
    fn send(&mut self, event: &Bytes) -> bool {
        if self.has_missed {
            self.has_missed = self.events.try_send(missed()).is_err();
        }
        if !self.has_missed {
            self.has_missed = self.events.try_send(event.clone()).is_err();
        }
        !self.events.is_closed()
    }
}

/// The body of an answer that goes on.
#[derive(Debug)]
pub(super) struct Events(mpsc::Receiver<Bytes>);

impl MessageBody for Events {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(task).map(|event| event.map(Ok))
    }
}

/// What has happened to traces.
#[derive(Serialize)]
struct Update {
    changed: Vec<Summary>,
    gone: Vec<String>,
    /// All that run for some time.
    running: Vec<Summary>,
    /// Are there more that changed than are told?
    more: bool,
    left_out: u64,
}

/// What was told last.
#[derive(Default)]
struct Told {
    change: u64,
    running: Vec<(TraceId, usize)>,
}

/// Sorts and tells, for ever.
pub(super) async fn tick(state: Data<State>) {
    let mut interval = time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    let mut quiet = 0;
    loop {
        interval.tick().await;
        let update = told.update(&state.recent, !state.hub.is_empty());
        quiet = if update.is_some() { 0 } else { quiet + 1 };
        if let Some(update) = update {
            state.hub.send(&event("traces", &update));
        } else if quiet % HEARTBEAT == 0 {
            state.hub.send(&Bytes::from_static(b":\n\n"));
        }
    }
}

impl Told {
    /// What is new, if anything is.
    fn update(&mut self, recent: &RecentTraces, is_heard: bool) -> Option<Update> {
        // Also where nobody listens: it is this that sorts what has ended.
        let reading = recent.read();
        if !is_heard {
            self.change = reading.last_change();
            return None;
        }
        let (changes, last) = reading.changes(self.change);
        self.change = last;
        let running = reading.running_for(RUNNING);
        let ids: Vec<_> = running.iter().map(|trace| (trace.trace_id, trace.spans)).collect();
        if changes.is_empty() && ids == self.running {
            return None;
        }
        self.running = ids;
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Changed(id) => changed.push(id),
                Change::Gone(id) => gone.push(id.to_string()),
            }
        }
        let more = changed.len() > TRACES_PER_EVENT;
        let newest = changed.len().saturating_sub(TRACES_PER_EVENT);
        let changed = changed.drain(newest..).filter_map(|id| reading.trace(id));
        Some(Update {
            changed: changed.map(|trace| Summary::of(&trace.summary())).collect(),
            gone,
            running: running.iter().map(Summary::of).collect(),
            more,
            left_out: recent.left_out(),
        })
    }
}

/// Tells that all was forgotten.
pub(super) fn cleared() -> Bytes {
    event("cleared", &())
}

fn missed() -> Bytes {
    event("missed", &())
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    // Of these types nothing fails to become JSON, and JSON has no line breaks.
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(events: &mut Events) -> Vec<String> {
        let mut names = Vec::new();
        while let Ok(event) = events.0.try_recv() {
            let text = String::from_utf8(event.to_vec()).unwrap();
            names.push(text.lines().next().unwrap().replace("event: ", ""));
        }
        names
    }

    #[test]
    fn who_does_not_read_misses_events_and_is_told_so() {
        let hub = Hub::default();
        let (mut fast, mut slow) = (hub.listen().unwrap(), hub.listen().unwrap());
        assert_eq!(names(&mut fast), ["hello"]);
        for n in 0..20 {
            hub.send(&event("traces", &n));
            assert_eq!(names(&mut fast), ["traces"], "{n}");
        }
        assert_eq!(names(&mut slow).len(), WAITING);
        hub.send(&cleared());
        assert_eq!(names(&mut slow), ["missed", "cleared"]);
    }

    #[test]
    fn only_so_many_listen_and_those_who_leave_make_room() {
        let hub = Hub::default();
        let mut events: Vec<_> = (0..LISTENERS).map(|_| hub.listen().unwrap()).collect();
        assert!(hub.listen().is_none());
        events.pop();
        assert!(hub.listen().is_some());
        drop(events);
        hub.send(&cleared());
        assert!(hub.is_empty());
    }
}
