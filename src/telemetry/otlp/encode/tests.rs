//! Random spans, encoded by us and posted by opentelemetry-otlp: the same bytes.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceId};
use opentelemetry::{Array, Key, StringValue, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::trace::{SpanEvents, SpanExporter, SpanLinks};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use prost::Message as _;

use super::super::chunk::Chunk;
use super::*;

/// What opentelemetry-otlp posts to a receiver. (Its builder reads `OTEL_EXPORTER_OTLP_COMPRESSION`, which must
/// not be set.)
fn stock(spans: &[SpanData], resource: &Resource) -> Bytes {
    let receiver = Receiver::default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint("http://localhost/v1/traces")
        .with_http_client(receiver.clone())
        .build();
    let mut exporter = exporter.expect("an exporter");
    exporter.set_resource(resource);
    let export = pin!(exporter.export(spans.to_vec()));
    // The receiver answers at once.
    let polled = export.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
    receiver.0.lock().unwrap().take().expect("a request")
}

/// An HTTP client that keeps the body of its request.
#[derive(Clone, Debug, Default)]
struct Receiver(Arc<Mutex<Option<Bytes>>>);

impl HttpClient for Receiver {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        *self.0.lock().unwrap() = Some(request.into_body());
        Box::pin(ready(Ok(Response::new(Bytes::new()))))
    }
}

/// Empty, short, and long enough that lengths take two bytes and more.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        ".{1,20}",
        (100usize..150).prop_map(|length| "x".repeat(length)),
        (16_000usize..17_000).prop_map(|length| "y".repeat(length)),
    ]
}

/// All three forms that the API keeps a text in.
fn string_value() -> impl Strategy<Value = StringValue> {
    prop_oneof![
        text().prop_map(StringValue::from),
        text().prop_map(|text| StringValue::from(std::sync::Arc::<str>::from(text))),
        Just(StringValue::from("static")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), -200i64..200].prop_map(Value::I64),
        // By bits, so that NaN and -0.0 are among them.
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        Just(Value::F64(0.0)),
        string_value().prop_map(Value::String),
        vec(any::<bool>(), 0..200).prop_map(|values| Value::Array(Array::Bool(values))),
        vec(any::<i64>(), 0..20).prop_map(|values| Value::Array(Array::I64(values))),
        vec(any::<f64>(), 0..20).prop_map(|values| Value::Array(Array::F64(values))),
        vec(string_value(), 0..4).prop_map(|values| Value::Array(Array::String(values))),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((text(), value()).prop_map(|(key, value)| KeyValue::new(Key::from(key), value)), 0..5)
}

/// Before 1970 too, and beyond what 64 bits of nanoseconds hold.
fn time() -> impl Strategy<Value = SystemTime> {
    prop_oneof![
        Just(UNIX_EPOCH),
        Just(UNIX_EPOCH - Duration::from_secs(1)),
        (0u64..20_000_000_000, 0u32..1_000_000_000)
            .prop_map(|(seconds, nanos)| UNIX_EPOCH + Duration::new(seconds, nanos)),
    ]
}

fn trace_state() -> impl Strategy<Value = TraceState> {
    vec(("[a-z]{1,5}", "[!-+--<>-~]{1,50}"), 0..4)
        .prop_map(|members| TraceState::from_key_value(members).unwrap_or_default())
}

fn span_context() -> impl Strategy<Value = SpanContext> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>(), any::<bool>(), trace_state()).prop_map(
        |(trace_id, span_id, flags, is_remote, trace_state)| {
            SpanContext::new(
                TraceId::from_bytes(trace_id),
                SpanId::from_bytes(span_id),
                TraceFlags::new(flags),
                is_remote,
                trace_state,
            )
        },
    )
}

/// Few names, so that spans share a scope as often as not.
fn scope() -> impl Strategy<Value = InstrumentationScope> {
    let name = prop_oneof![Just("one"), Just("two"), Just("")];
    let version = proptest::option::of("[0-9]");
    let schema_url = proptest::option::of(Just("https://opentelemetry.io/schemas/1.41.0"));
    (name, version, schema_url, prop_oneof![Just(Vec::new()), attributes()]).prop_map(
        |(name, version, schema_url, attributes)| {
            let mut scope = InstrumentationScope::builder(name).with_attributes(attributes);
            if let Some(version) = version {
                scope = scope.with_version(version);
            }
            if let Some(schema_url) = schema_url {
                scope = scope.with_schema_url(schema_url);
            }
            scope.build()
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    (text(), time(), attributes(), any::<u32>())
        .prop_map(|(name, time, attributes, dropped)| Event::new(name, time, attributes, dropped))
}

fn link() -> impl Strategy<Value = Link> {
    (span_context(), attributes(), any::<u32>())
        .prop_map(|(context, attributes, dropped)| Link::new(context, attributes, dropped))
}

fn span() -> impl Strategy<Value = SpanData> {
    let parent = prop_oneof![Just(SpanId::INVALID), any::<[u8; 8]>().prop_map(SpanId::from_bytes)];
    let kind = prop_oneof![
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
    ];
    let status = prop_oneof![Just(Status::Unset), Just(Status::Ok), text().prop_map(Status::error)];
    let dropped = || prop_oneof![Just(0), any::<u32>()];
    let identity = (span_context(), parent, any::<bool>(), kind, text(), scope());
    let content = (attributes(), vec(event(), 0..3), vec(link(), 0..3), status);
    (identity, content, (time(), time()), (dropped(), dropped(), dropped())).prop_map(
        |(
            (span_context, parent_span_id, parent_span_is_remote, span_kind, name, scope),
            (attributes, recorded, linked, status),
            (start_time, end_time),
            (dropped_attributes_count, dropped_events, dropped_links),
        )| {
            let mut events = SpanEvents::default();
            (events.events, events.dropped_count) = (recorded, dropped_events);
            let mut links = SpanLinks::default();
            (links.links, links.dropped_count) = (linked, dropped_links);
            SpanData {
                span_context,
                parent_span_id,
                parent_span_is_remote,
                span_kind,
                name: name.into(),
                start_time,
                end_time,
                attributes,
                dropped_attributes_count,
                events,
                links,
                status,
                instrumentation_scope: scope,
            }
        },
    )
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), prop_oneof![Just(""), Just("https://opentelemetry.io/schemas/1.41.0")]).prop_map(
        |(attributes, schema_url)| {
            let builder = Resource::builder_empty();
            match schema_url {
                "" => builder.with_attributes(attributes).build(),
                url => builder.with_schema_url(attributes, url).build(),
            }
        },
    )
}

/// What a request carries that is made of chunks of so many spans.
fn ours(spans: &[SpanData], in_a_chunk: usize, resource: &Resource, out: &mut Vec<u8>) {
    let chunks: Vec<Chunk> = spans
        .chunks(in_a_chunk)
        .map(|spans| {
            let mut chunk = Chunk::default();
            spans.iter().for_each(|span| chunk.push(span));
            chunk
        })
        .collect();
    let encoded: Vec<_> = chunks.iter().flat_map(Chunk::spans).collect();
    Encoder::new(resource).encode(&encoded, out);
}

proptest! {
    #[test]
    fn the_bytes_are_those_of_the_stock_exporter(
        resource in resource(),
        spans in vec(span(), 0..8),
        in_a_chunk in 1..8usize,
    ) {
        // What is in the buffer already stays: it may be the header of a frame, say.
        let mut out = b"kept".to_vec();
        ours(&spans, in_a_chunk, &resource, &mut out);
        let stock = stock(&spans, &resource);
        let read = |bytes: &[u8]| ExportTraceServiceRequest::decode(bytes).expect("a valid message");
        // As text, because NaN is not equal to itself.
        prop_assert_eq!(format!("{:?}", read(&out[4..])), format!("{:?}", read(&stock)));
        prop_assert!(out == [b"kept", &stock[..]].concat());
    }
}

/// A request whose parts are larger than expected, so that lengths take four bytes.
#[test]
fn a_batch_of_megabytes_is_encoded_like_any_other() {
    let resource = Resource::builder_empty().build();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut span = span().new_tree(&mut runner).expect("a span").current();
    span.attributes = vec![KeyValue::new("body", "z".repeat(3 << 20))];
    let spans = [span.clone(), span];
    let mut out = Vec::new();
    ours(&spans, 2, &resource, &mut out);
    assert!(out == stock(&spans, &resource));
}
