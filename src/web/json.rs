//! The shapes of the JSON. Times are whole microseconds since 1970, durations and offsets whole
//! nanoseconds: both are exact as numbers in a browser.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::Resource;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::links::Link;
use crate::recent_traces::{self as recent, Node, Waterfall};
use crate::span_check::{self, Finding};

/// The largest whole number that is exact in a browser.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

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

#[derive(Serialize)]
pub(super) struct Trace<'a> {
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

#[derive(Serialize)]
struct Attribute {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Json,
}

impl<'a> Trace<'a> {
    pub(super) fn of(
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

fn attributes(attributes: &[KeyValue]) -> Vec<Attribute> {
    sorted(attributes.iter().map(|pair| attribute(pair.key.as_str(), &pair.value)))
}

fn sorted(attributes: impl Iterator<Item = Attribute>) -> Vec<Attribute> {
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes
}

fn attribute(key: &str, value: &Value) -> Attribute {
    let list = |kind, values: Vec<Json>| (kind, Json::from(values));
    let (kind, value) = match value {
        Value::Bool(value) => ("bool", json!(value)),
        Value::I64(value) => ("int", integer(*value)),
        Value::F64(value) => ("double", double(*value)),
        Value::String(text) => ("string", json!(text.as_str())),
        Value::Array(Array::Bool(values)) => {
            list("bool[]", values.iter().map(|v| json!(v)).collect())
        }
        Value::Array(Array::I64(values)) => {
            list("int[]", values.iter().map(|v| integer(*v)).collect())
        }
        Value::Array(Array::F64(values)) => {
            list("double[]", values.iter().map(|v| double(*v)).collect())
        }
        Value::Array(Array::String(texts)) => {
            list("string[]", texts.iter().map(|text| json!(text.as_str())).collect())
        }
        other => ("string", json!(other.as_str())),
    };
    Attribute { key: key.to_owned(), kind, value }
}

/// A number, or, where a browser would round it, its digits.
fn integer(value: i64) -> Json {
    if value.unsigned_abs() <= MAX_SAFE_INTEGER { json!(value) } else { json!(value.to_string()) }
}

/// JSON has no numbers that are none.
fn double(value: f64) -> Json {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

#[derive(Serialize)]
pub(super) struct Routes {
    from_us: u64,
    to_us: u64,
    routes: Vec<RouteFigures>,
    heatmap: Heatmap,
}

#[derive(Serialize)]
struct RouteFigures {
    route: String,
    count: usize,
    errors: usize,
    rate: f64,
    average_ns: u64,
    p50_ns: u64,
    p95_ns: u64,
    p99_ns: u64,
    over_time: Vec<usize>,
}

#[derive(Serialize)]
struct Heatmap {
    step_us: f64,
    steps: usize,
    bounds_ns: Vec<u64>,
    cells: Vec<HeatmapCell>,
}

#[derive(Serialize)]
struct HeatmapCell {
    step: usize,
    row: usize,
    count: usize,
    errors: usize,
}

impl Routes {
    pub(super) fn of(routes: &recent::Routes) -> Self {
        let heatmap = &routes.heatmap;
        let cells = heatmap.cells.iter().map(|&recent::Cell { step, row, count, errors }| {
            HeatmapCell { step, row, count, errors }
        });
        Self {
            from_us: micros(routes.from),
            to_us: micros(routes.to),
            routes: routes.routes.iter().map(RouteFigures::of).collect(),
            heatmap: Heatmap {
                step_us: heatmap.step.as_nanos() as f64 / 1e3,
                steps: heatmap.steps,
                bounds_ns: heatmap.bounds.iter().map(|bound| nanos(*bound)).collect(),
                cells: cells.collect(),
            },
        }
    }
}

impl RouteFigures {
    fn of(figures: &recent::RouteFigures) -> Self {
        Self {
            route: figures.route.clone(),
            count: figures.count,
            errors: figures.errors,
            rate: figures.rate,
            average_ns: nanos(figures.average),
            p50_ns: nanos(figures.p50),
            p95_ns: nanos(figures.p95),
            p99_ns: nanos(figures.p99),
            over_time: figures.over_time.clone(),
        }
    }
}

pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).map_or(MAX_SAFE_INTEGER, |us| us.min(MAX_SAFE_INTEGER))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(MAX_SAFE_INTEGER, |ns| ns.min(MAX_SAFE_INTEGER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type_and_what_a_browser_would_round_its_digits() {
        let cases = [
            (Value::from("<b>"), "string", json!("<b>")),
            (Value::from(true), "bool", json!(true)),
            (Value::from(-3), "int", json!(-3)),
            (Value::from(i64::MIN), "int", json!("-9223372036854775808")),
            (Value::from(1.5), "double", json!(1.5)),
            (Value::from(f64::NAN), "double", json!("NaN")),
            (
                Value::Array(Array::I64(vec![1, 1 << 60])),
                "int[]",
                json!([1, "1152921504606846976"]),
            ),
            (Value::Array(Array::Bool(vec![false])), "bool[]", json!([false])),
            (Value::Array(Array::F64(vec![0.5])), "double[]", json!([0.5])),
            (Value::Array(Array::String(vec!["a".into()])), "string[]", json!(["a"])),
        ];
        for (value, kind, expected) in cases {
            let attribute = attribute("k", &value);
            assert_eq!((attribute.kind, attribute.value), (kind, expected), "{value:?}");
        }
    }

    #[test]
    fn times_are_exact_and_never_overflow() {
        assert_eq!(
            micros(UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789)),
            1_700_000_000_123_456
        );
        assert_eq!(micros(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(nanos(Duration::MAX), MAX_SAFE_INTEGER);
    }
}
