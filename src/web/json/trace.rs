//! A trace, and each of its spans.

use std::time::SystemTime;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::Resource;
use serde::Serialize;

use super::Summary;
use super::attribute::{Attribute, attribute, attributes, sorted};
use super::numbers::{micros, nanos};
use crate::recent_traces::{self as recent, Node, Waterfall};
use crate::span_check::{self, Finding};
use crate::web::links::Link;

#[derive(Serialize)]
pub(in crate::web) struct Trace<'a> {
    #[serde(flatten)]
    summary: Summary,
    /// From the first start to the last end.
    trace_start_us: u64,
    trace_duration_ns: u64,
    /// How long ago the first start was when this was written.
    age_ns: u64,
    spans_left_out: usize,
    partial: bool,
    links: Vec<Link>,
    resource: Vec<Attribute>,
    tree: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Span<'a> {
    span_id: String,
    parent_span_id: Option<String>,
    /// Is the parent outside of this service?
    remote_parent: bool,
    /// Is it inside, but not kept?
    orphan: bool,
    depth: usize,
    children: usize,
    name: &'a str,
    kind: &'static str,
    status: &'static str,
    status_message: Option<&'a str>,
    offset_ns: u64,
    duration_ns: Option<u64>,
    self_ns: u64,
    /// Where in its time none of its children ran: from, to, counted from its start.
    own: Vec<[u64; 2]>,
    slowest_leaf: bool,
    traceparent: String,
    tracestate: Option<String>,
    attributes: Vec<Attribute>,
    dropped_attributes: u32,
    events: Vec<Event<'a>>,
    dropped_events: u32,
    links: Vec<SpanLink>,
    dropped_links: u32,
    scope: Scope<'a>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    offset_ns: u64,
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct SpanLink {
    trace_id: String,
    span_id: String,
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    version: Option<&'a str>,
    schema_url: Option<&'a str>,
}

impl<'a> Trace<'a> {
    pub(in crate::web) fn of(
        trace: &recent::Trace,
        waterfall: &'a Waterfall<'a>,
        resource: Option<&Resource>,
        links: Vec<Link>,
    ) -> Self {
        let pairs = resource.into_iter().flat_map(Resource::iter);
        let age = SystemTime::now().duration_since(waterfall.start).unwrap_or_default();
        Self {
            summary: Summary::of(&trace.summary()),
            trace_start_us: micros(waterfall.start),
            trace_duration_ns: nanos(waterfall.duration),
            age_ns: nanos(age),
            spans_left_out: trace.left_out(),
            partial: trace.is_partial(),
            links,
            resource: sorted(pairs.map(|(key, value)| attribute(key.as_str(), value))),
            tree: waterfall.nodes.iter().map(|node| Span::of(node, waterfall)).collect(),
        }
    }
}

impl<'a> Span<'a> {
    fn of(node: &'a Node<'a>, waterfall: &Waterfall<'_>) -> Self {
        let span = node.span;
        let context = &span.span_context;
        let has_parent = span.parent_span_id != SpanId::INVALID;
        let (trace_id, span_id) = (context.trace_id(), context.span_id());
        let offset =
            |time: SystemTime| nanos(time.duration_since(waterfall.start).unwrap_or_default());
        Self {
            span_id: span_id.to_string(),
            parent_span_id: has_parent.then(|| span.parent_span_id.to_string()),
            remote_parent: has_parent && span.parent_span_is_remote,
            orphan: node.is_orphan,
            depth: node.depth,
            children: node.children,
            name: &span.name,
            kind: kind(&span.span_kind),
            status: match span.status {
                Status::Unset => "unset",
                Status::Ok => "ok",
                Status::Error { .. } => "error",
            },
            status_message: match &span.status {
                Status::Error { description } if !description.is_empty() => Some(description),
                _ => None,
            },
            offset_ns: nanos(node.offset),
            duration_ns: (!node.is_running).then(|| nanos(node.duration)),
            self_ns: nanos(node.self_time()),
            own: node.own.iter().map(|(from, to)| [nanos(*from), nanos(*to)]).collect(),
            slowest_leaf: node.is_slowest_leaf,
            traceparent: format!("00-{trace_id}-{span_id}-{:02x}", context.trace_flags()),
            tracestate: Some(context.trace_state().header()).filter(|state| !state.is_empty()),
            attributes: attributes(&span.attributes),
            dropped_attributes: span.dropped_attributes_count,
            events: span
                .events
                .events
                .iter()
                .map(|event| Event {
                    name: &event.name,
                    offset_ns: offset(event.timestamp),
                    attributes: attributes(&event.attributes),
                })
                .collect(),
            dropped_events: span.events.dropped_count,
            links: span
                .links
                .links
                .iter()
                .map(|link| SpanLink {
                    trace_id: link.span_context.trace_id().to_string(),
                    span_id: link.span_context.span_id().to_string(),
                    attributes: attributes(&link.attributes),
                })
                .collect(),
            dropped_links: span.links.dropped_count,
            scope: Scope {
                name: span.instrumentation_scope.name(),
                version: span.instrumentation_scope.version(),
                schema_url: span.instrumentation_scope.schema_url(),
            },
            findings: span_check::check(span, node.is_running),
        }
    }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
        SpanKind::Internal => "INTERNAL",
    }
}
