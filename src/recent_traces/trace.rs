//! One trace: its spans that have ended, and, in an answer, those that run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::inbox::Arrived;
use super::summary::Summary;
use super::waterfall::Waterfall;

/// How many spans of one trace are kept: a caller that sends the same `traceparent` for ever would
/// else make one trace of everything.
pub(super) const MAX_SPANS: usize = 1000;

/// A trace.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    ended: Vec<Arc<SpanData>>,
    running: Vec<Arc<SpanData>>,
    bytes: usize,
    left_out: usize,
    is_partial: bool,
}

impl Trace {
    pub(super) fn new(id: TraceId) -> Self {
        let (ended, running) = (Vec::new(), Vec::new());
        Self { id, ended, running, bytes: 0, left_out: 0, is_partial: false }
    }

    /// One of spans that have ended, of which [`MAX_SPANS`] are kept.
    pub(crate) fn of(id: TraceId, spans: Vec<SpanData>) -> Self {
        let mut trace = Self::new(id);
        spans.into_iter().for_each(|span| trace.add(Arrived::new(span), usize::MAX));
        trace
    }

    /// Adds a span that has ended, unless the trace has too many, or would take more than `max_bytes`.
    pub(super) fn add(&mut self, arrived: Arrived, max_bytes: usize) {
        let Arrived { span, bytes, is_alone } = arrived;
        self.is_partial |= is_alone;
        if self.ended.len() >= MAX_SPANS || self.bytes + bytes > max_bytes {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.ended.push(span);
    }

    /// Adds a span that runs. It may have ended since it was looked up.
    pub(super) fn run(&mut self, span: Arc<SpanData>) {
        let id = span.span_context.span_id();
        if !self.ended.iter().any(|ended| ended.span_context.span_id() == id) {
            self.running.push(span);
        }
    }

    /// Its id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// The memory that its spans take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of its spans are not kept, because it has so many.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Came it too fast, so that of its spans, or of those of one request in it, only some were taken in: those
    /// that failed or took longest, or that started when there was room again?
    pub fn is_partial(&self) -> bool {
        self.is_partial || self.left_out == 0 && self.lacks_a_parent()
    }

    /// Has one of its spans a parent in this process that is not among them?
    fn lacks_a_parent(&self) -> bool {
        let ids: HashSet<_> = self.spans().map(|span| span.span_context.span_id()).collect();
        self.spans().any(|span| {
            let parent = span.parent_span_id;
            parent != SpanId::INVALID && !span.parent_span_is_remote && !ids.contains(&parent)
        })
    }

    /// Its spans: those that have ended, in that order, then those that run.
    pub fn spans(&self) -> impl Iterator<Item = &SpanData> {
        self.ended.iter().chain(&self.running).map(AsRef::as_ref)
    }

    /// Its spans that have ended.
    pub fn ended(&self) -> impl Iterator<Item = &SpanData> {
        self.ended.iter().map(AsRef::as_ref)
    }

    pub(super) fn is_running(&self, span: &SpanData) -> bool {
        self.running.iter().any(|running| running.span_context == span.span_context)
    }

    /// Does a span run that has started before `time`?
    pub(super) fn runs_since(&self, time: SystemTime) -> bool {
        self.running.iter().any(|span| span.start_time <= time)
    }

    pub(super) fn runs(&self) -> bool {
        !self.running.is_empty()
    }

    /// Has one of its spans ended in error?
    pub(super) fn has_failed(&self) -> bool {
        self.ended.iter().any(|span| matches!(span.status, Status::Error { .. }))
    }

    /// The span that the trace is named after: the first request in it; where there is none, the first
    /// span without a parent here.
    pub(super) fn entry(&self) -> Option<&SpanData> {
        let first = |spans: &mut dyn Iterator<Item = &SpanData>| -> Option<SpanId> {
            let first = spans.min_by_key(|span| span.start_time)?;
            Some(first.span_context.span_id())
        };
        let id = first(&mut self.spans().filter(|span| span.span_kind == SpanKind::Server))
            .or_else(|| first(&mut self.spans().filter(|span| self.parent_of(span).is_none())))?;
        self.spans().find(|span| span.span_context.span_id() == id)
    }

    /// The parent of one of its spans, if it is here.
    pub(super) fn parent_of(&self, span: &SpanData) -> Option<&SpanData> {
        let parent = span.parent_span_id;
        if parent == SpanId::INVALID || parent == span.span_context.span_id() {
            return None;
        }
        self.spans().find(|other| other.span_context.span_id() == parent)
    }

    /// Its row in a list.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// Its spans as a tree in time.
    pub fn waterfall(&self) -> Waterfall<'_> {
        Waterfall::of(self)
    }
}
