//! Spans as the SDK hands them over, for the tests of this module.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// Time zero of the tests.
pub(crate) fn at(us: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_micros(us)
}

/// An internal span of the trace `trace`, from 0 to 1 ms; `parent` 0 is none.
pub(crate) fn span(trace: u64, id: u64, parent: u64) -> SpanData {
    let span_context = SpanContext::new(
        TraceId::from(u128::from(trace) + 1),
        SpanId::from(id),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    SpanData {
        span_context,
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "span".into(),
        start_time: at(0),
        end_time: at(1000),
        attributes: vec![],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

/// The only span of its trace: a SERVER span of `route`, from `from` to `to`, in microseconds.
pub(crate) fn request(trace: u64, route: &'static str, from: u64, to: u64) -> SpanData {
    SpanData {
        span_kind: SpanKind::Server,
        name: format!("GET {route}").into(),
        start_time: at(from),
        end_time: at(to),
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", 200),
        ],
        ..span(trace, trace + 1, 0)
    }
}

/// The same, ended in error.
pub(crate) fn failed(span: SpanData) -> SpanData {
    SpanData { status: Status::error(""), ..span }
}
