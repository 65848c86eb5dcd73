//! The shapes of the JSON. Times are whole microseconds since 1970, durations and offsets whole
//! nanoseconds: both are exact as numbers in a browser.
//!
//! The list is here; `trace.rs` has one trace in full, `routes.rs` what they say of the routes,
//! `attribute.rs` and `numbers.rs` what all are made of.

mod attribute;
mod numbers;
mod routes;
mod trace;

use serde::Serialize;

use crate::recent_traces as recent;
use numbers::{micros, nanos};
pub(super) use routes::Routes;
pub(super) use trace::Trace;

#[derive(Serialize)]
pub(super) struct List {
    pub(super) traces: Vec<Summary>,
    /// How many traces are kept, and the memory that they take.
    pub(super) kept: usize,
    pub(super) bytes: usize,
    /// How many spans came too fast to be kept.
    pub(super) left_out: u64,
}

#[derive(Serialize)]
pub(super) struct Summary {
    trace_id: String,
    name: String,
    method: Option<String>,
    route: Option<String>,
    target: Option<String>,
    status: Option<u16>,
    error_type: Option<String>,
    start_us: u64,
    duration_ns: Option<u64>,
    running: bool,
    remote_parent: bool,
    spans: usize,
    errors: usize,
}

impl Summary {
    pub(super) fn of(summary: &recent::Summary) -> Self {
        Self {
            trace_id: summary.trace_id.to_string(),
            name: summary.name.clone(),
            method: summary.method.clone(),
            route: summary.route.clone(),
            target: summary.target.clone(),
            status: summary.status,
            error_type: summary.error_type.clone(),
            start_us: micros(summary.start),
            duration_ns: summary.duration.map(nanos),
            running: summary.is_running,
            remote_parent: summary.has_remote_parent,
            spans: summary.spans,
            errors: summary.errors,
        }
    }
}
