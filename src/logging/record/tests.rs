//! What is logged while a request is served, as the records that an exporter gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::error::ErrorServiceUnavailable;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing_log::LogTracer;
use tracing_log::log::{self, Log as _};
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::child_span::in_span;
use crate::server_span::Middleware;

/// Keeps what it is given.
#[derive(Clone, Debug, Default)]
struct Kept {
    records: Arc<Mutex<Vec<SdkLogRecord>>>,
    spans: Arc<Mutex<Vec<SpanData>>>,
}

impl LogProcessor for Kept {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.records.lock().unwrap().push(record.clone());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.spans.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

const LIMITS: RecordLimits = RecordLimits { attributes: 128, value_length: 10 };

impl Kept {
    /// A subscriber whose records it keeps.
    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let provider = SdkLoggerProvider::builder().with_log_processor(self.clone()).build();
        let records = Records::default();
        records.go_to(&provider, LIMITS);
        tracing_subscriber::registry().with(records)
    }

    fn record(&self, body: &str) -> SdkLogRecord {
        let records = self.records.lock().unwrap();
        let is_it =
            |record: &&SdkLogRecord| record.body() == Some(&AnyValue::from(body.to_owned()));
        records.iter().find(is_it).unwrap_or_else(|| panic!("{body:?} in {records:#?}")).clone()
    }

    /// The SERVER span, or the other.
    fn span(&self, kind: SpanKind) -> SpanData {
        let spans = self.spans.lock().unwrap();
        spans.iter().find(|span| span.span_kind == kind).expect("such a span").clone()
    }
}

fn attribute(record: &SdkLogRecord, key: &str) -> Option<AnyValue> {
    let mut values = record.attributes_iter().filter(|(k, _)| k.as_str() == key);
    let value = values.next().map(|(_, value)| value.clone());
    assert_eq!(values.next(), None, "{key} is there once");
    value
}

fn assert_ids(record: &SdkLogRecord, span: &SpanData) {
    let ids = record.trace_context().map(|ids| (ids.trace_id, ids.span_id, ids.trace_flags));
    let of_span = &span.span_context;
    let expected = (of_span.trace_id(), of_span.span_id(), Some(of_span.trace_flags()));
    assert_eq!(ids, Some(expected), "{record:#?}");
}

/// Serves one request to `/{x}` by a handler.
async fn serve(kept: &Kept, handler: fn() -> Result<HttpResponse, actix_web::Error>) {
    let _logging = tracing::subscriber::set_default(kept.subscriber());
    let provider = SdkTracerProvider::builder().with_span_processor(kept.clone()).build();
    let tracer = provider.tracer("tests");
    let routes = web::get().to(move || {
        let tracer = tracer.clone();
        async move { in_span(&tracer, "child", |_| handler()) }
    });
    let app = App::new().route("/{x}", routes).wrap(Middleware::new(&provider));
    let service = init_service(app).await;
    let response = call_service(&service, TestRequest::get().uri("/1").to_request()).await;
    drop(response);
}

#[actix_web::test]
async fn what_a_handler_logs_has_the_ids_of_the_active_span() {
    let kept = Kept::default();
    serve(&kept, || {
        tracing::warn!(name: "something.happened", answer = 42, "it happened");
        Ok(HttpResponse::Ok().finish())
    })
    .await;
    let record = kept.record("it happened");
    assert_ids(&record, &kept.span(SpanKind::Internal));
    assert_eq!(record.event_name(), Some("something.happened"));
    assert_eq!(record.severity_number(), Some(Severity::Warn));
    assert_eq!(record.severity_text(), Some("WARN"));
    assert_eq!(record.target().map(AsRef::as_ref), Some(module_path!()));
    assert_eq!(attribute(&record, "answer"), Some(42.into()));
}

#[actix_web::test]
async fn an_exception_is_the_event_of_the_conventions_with_the_ids_of_the_server_span() {
    let kept = Kept::default();
    serve(&kept, || Err(ErrorServiceUnavailable("busy"))).await;
    let record = kept.record("a request failed");
    assert_ids(&record, &kept.span(SpanKind::Server));
    assert_eq!(record.event_name(), Some("http.server.request.exception"));
    assert_eq!(record.severity_number(), Some(Severity::Error));
    let expected: [(&str, AnyValue); 5] = [
        ("exception.type", "actix_web:".into()), // cut at 10 characters
        ("exception.message", "busy".into()),
        ("http.request.method", "GET".into()),
        ("http.route", "/{x}".into()),
        ("http.response.status_code", 503.into()),
    ];
    for (key, value) in &expected {
        assert_eq!(attribute(&record, key).as_ref(), Some(value), "{key}");
    }
    assert_eq!(record.attributes_iter().count(), expected.len(), "{record:#?}");
}

#[actix_web::test]
async fn a_panic_is_an_exception_too() {
    let kept = Kept::default();
    let serving = serve(&kept, || panic!("oh no"));
    // The service answers outside of the middleware, which a test service does not.
    let _ = crate::server_span::catch_panics(async {
        serving.await;
        Ok(())
    })
    .await;
    let record = kept.record("a request failed");
    assert_ids(&record, &kept.span(SpanKind::Server));
    assert_eq!(attribute(&record, "exception.type"), Some("panic".into()));
    assert_eq!(attribute(&record, "exception.message"), Some("oh no".into()));
}

#[test]
fn fields_keep_their_types() {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.subscriber(), || {
        let error = std::io::Error::other("no disk");
        tracing::debug!(
            yes = true,
            small = -1_i64,
            large = u64::MAX,
            ratio = 0.5,
            text = "ü".repeat(11),
            debug = ?Some(1),
            error = &error as &(dyn std::error::Error + 'static),
            trace_id = "of another",
            "all kinds"
        );
    });
    let record = kept.record("all kinds");
    let expected: [(&str, AnyValue); 8] = [
        ("yes", true.into()),
        ("small", (-1).into()),
        ("large", "18446744073709551615".into()),
        ("ratio", 0.5.into()),
        ("text", "ü".repeat(10).into()),
        ("debug", "Some(1)".into()),
        ("error", "no disk".into()),
        // No span is active: the field is what it says.
        ("trace_id", "of another".into()),
    ];
    let attributes: Vec<_> =
        record.attributes_iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
    assert_eq!(attributes, expected);
    assert_eq!(record.trace_context(), None);
    assert_eq!(record.event_name(), None);
    assert_eq!(record.severity_number(), Some(Severity::Debug));
}

#[test]
fn a_record_of_the_log_crate_comes_from_where_it_was_written() {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.subscriber(), || {
        let record = |target: &str| {
            let args = format_args!("as ever");
            let mut builder = log::Record::builder();
            builder.args(args).level(log::Level::Warn).target(target).line(Some(7));
            LogTracer::new().log(&builder.build());
        };
        record("hyper::client");
        record("actix_web::somewhere");
    });
    assert_eq!(kept.records.lock().unwrap().len(), 1, "the first is telemetry's own");
    let record = kept.record("as ever");
    assert_eq!(record.target().map(AsRef::as_ref), Some("actix_web::somewhere"));
    assert_eq!(record.severity_number(), Some(Severity::Warn));
    assert_eq!((record.event_name(), record.attributes_iter().count()), (None, 0), "{record:#?}");
}

#[test]
fn what_telemetry_says_of_itself_is_no_record() {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.subscriber(), || {
        tracing::warn!(target: "backend_actix::telemetry::account", "lost");
        tracing::warn!(target: "opentelemetry_sdk", "lost");
        tracing::warn!(target: "aws_smithy_runtime::client", "lost");
        tracing::warn!(target: "backend_actix::server", "kept");
    });
    let records = kept.records.lock().unwrap();
    assert_eq!(records.len(), 1, "{records:#?}");
}
