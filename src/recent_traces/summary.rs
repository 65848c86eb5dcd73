//! What a list tells of a trace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::trace::Trace;

/// A trace's row: what its entry span says, the first request in it, and counts of all its spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its id.
    pub trace_id: TraceId,
    /// The name of the entry span.
    pub name: String,
    /// `http.request.method`.
    pub method: Option<String>,
    /// `http.route`.
    pub route: Option<String>,
    /// `url.path`, and `url.query` if there is one.
    pub target: Option<String>,
    /// `http.response.status_code`.
    pub status: Option<u16>,
    /// `error.type`.
    pub error_type: Option<String>,
    /// When the entry span started.
    pub start: SystemTime,
    /// From its start to its end; `None` while it runs.
    pub duration: Option<Duration>,
    /// Does a span of it run?
    pub is_running: bool,
    /// Has the entry span a parent outside of this service?
    pub has_remote_parent: bool,
    /// Its spans.
    pub spans: usize,
    /// Those that ended in error.
    pub errors: usize,
}

impl Summary {
    pub(super) fn of(trace: &Trace) -> Self {
        let entry = trace.entry();
        let text = |key| entry.and_then(|span| text(span, key));
        let target = text(key::URL_PATH).map(|path| match text(key::URL_QUERY) {
            Some(query) => format!("{path}?{query}"),
            None => path,
        });
        let status = entry.and_then(|span| match find(span, key::HTTP_RESPONSE_STATUS_CODE)? {
            Value::I64(status) => u16::try_from(*status).ok(),
            _ => None,
        });
        let ended = entry.filter(|span| !trace.is_running(span));
        let is_error = |span: &&SpanData| matches!(span.status, Status::Error { .. });
        Self {
            trace_id: trace.id(),
            name: entry.map(|span| span.name.to_string()).unwrap_or_default(),
            method: text(key::HTTP_REQUEST_METHOD),
            route: text(key::HTTP_ROUTE),
            target,
            status,
            error_type: text(key::ERROR_TYPE),
            start: entry.map_or(UNIX_EPOCH, |span| span.start_time),
            duration: ended.map(duration),
            is_running: trace.runs(),
            has_remote_parent: entry.is_some_and(|span| {
                span.parent_span_is_remote && span.parent_span_id != SpanId::INVALID
            }),
            spans: trace.spans().count(),
            errors: trace.spans().filter(is_error).count(),
        }
    }
}

/// From a span's start to its end; zero where the clock was set back meanwhile.
pub(super) fn duration(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).unwrap_or_default()
}

/// The value of an attribute. Of several the last counts, as at most receivers.
pub(super) fn find<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let attribute = span.attributes.iter().rev().find(|attribute| attribute.key.as_str() == key);
    attribute.map(|attribute| &attribute.value)
}

pub(super) fn text(span: &SpanData, key: &str) -> Option<String> {
    find(span, key).map(|value| value.as_str().into_owned())
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::super::inbox::Arrived;
    use super::super::test_spans::{at, failed, request, span};
    use super::*;

    fn trace(spans: Vec<SpanData>) -> Trace {
        let mut trace = Trace::new(spans[0].span_context.trace_id());
        spans.into_iter().for_each(|span| trace.add(Arrived::new(span), usize::MAX));
        trace
    }

    #[test]
    fn a_trace_is_named_after_its_first_request() {
        let mut second = request(7, "/b", 50, 90);
        second.span_context = span(7, 99, 0).span_context;
        let mut child = span(7, 100, 8);
        child.start_time = at(10);
        let mut first = failed(request(7, "/a", 10, 40));
        first.attributes.extend([
            KeyValue::new("url.path", "/a"),
            KeyValue::new("url.query", "q=1"),
            KeyValue::new("error.type", "500"),
        ]);
        first.parent_span_id = SpanId::from(4711);
        first.parent_span_is_remote = true;

        let summary = trace(vec![child, second, first]).summary();
        assert_eq!(summary.name, "GET /a");
        assert_eq!(summary.method.as_deref(), Some("GET"));
        assert_eq!(summary.route.as_deref(), Some("/a"));
        assert_eq!(summary.target.as_deref(), Some("/a?q=1"));
        assert_eq!((summary.status, summary.error_type.as_deref()), (Some(200), Some("500")));
        assert_eq!(summary.start, at(10));
        assert_eq!(summary.duration, Some(Duration::from_micros(30)));
        assert_eq!((summary.spans, summary.errors), (3, 1));
        assert!(summary.has_remote_parent && !summary.is_running);
    }

    #[test]
    fn without_a_request_it_is_named_after_its_first_span() {
        let summary = trace(vec![span(1, 2, 1), span(1, 1, 0)]).summary();
        assert_eq!((summary.name.as_str(), summary.status), ("span", None));
        assert_eq!(summary.duration, Some(Duration::from_micros(1000)));
        assert!(!summary.has_remote_parent);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_negative_time() {
        assert_eq!(duration(&request(1, "/", 100, 40)), Duration::ZERO);
    }
}
