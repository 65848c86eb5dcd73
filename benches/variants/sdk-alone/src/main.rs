//! The least that spans of the OpenTelemetry SDK cost: as many spans and attributes as ours, all values
//! constants, and nothing else. Nobody's headers are read or written, nothing is looked up, no span leaves.

use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::{App, Responder, web};
use opentelemetry::trace::{
    FutureExt, Span as _, SpanKind, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor};
use service::Home;

/// Takes spans, and that is all.
#[derive(Debug)]
struct Nowhere;

impl SpanProcessor for Nowhere {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

async fn home(tracer: web::Data<SdkTracer>) -> impl Responder {
    let cx = Context::current_with_span(tracer.start("home-activities-mock-data"));
    let _active = cx.clone().attach();
    let home = Home::make();
    if cx.span().is_recording() {
        cx.span().set_attributes([
            KeyValue::new("app.now", "2026-11-23T02:01:56.362990+00:00"),
            KeyValue::new("app.result_length", home.length()),
        ]);
    }
    cx.span().end();
    home.into_response()
}

fn start(tracer: &SdkTracer) -> Context {
    let builder = tracer
        .span_builder("GET /api/activities/home")
        .with_kind(SpanKind::Server)
        // Room for all of them.
        .with_attributes(Vec::with_capacity(16));
    let mut span = tracer.build_with_context(builder, &Context::new());
    if span.is_recording() {
        span.set_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("url.path", "/api/activities/home"),
            KeyValue::new("server.address", "127.0.0.1"),
            KeyValue::new("server.port", 4567),
            KeyValue::new("client.address", "127.0.0.1"),
            KeyValue::new("network.peer.address", "127.0.0.1"),
            KeyValue::new("network.peer.port", 50000),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("user_agent.original", "bench/1.0 (side by side)"),
            KeyValue::new("http.route", "/api/activities/home"),
        ]);
    }
    Context::new().with_span(span)
}

fn end(cx: &Context, status: u16) {
    let span = cx.span();
    if span.is_recording() {
        span.set_attributes([
            KeyValue::new("http.response.status_code", i64::from(status)),
            KeyValue::new("http.response.body.size", 1024),
        ]);
    }
    span.end();
}

fn main() -> std::io::Result<()> {
    // Its sampler is that of OTEL_TRACES_SAMPLER.
    let provider = SdkTracerProvider::builder().with_span_processor(Nowhere).build();
    let tracer = provider.tracer("bench");
    actix_web::rt::System::new().block_on(service::serve(move || {
        let of_requests = tracer.clone();
        App::new()
            .app_data(web::Data::new(tracer.clone()))
            .wrap_fn(move |request, next| {
                let cx = start(&of_requests);
                let response = next.call(request).with_context(cx.clone());
                async move {
                    let response = response.await;
                    if let Ok(response) = &response {
                        end(&cx, response.status().as_u16());
                    }
                    response
                }
            })
            .route("/api/activities/home", web::get().to(home))
    }))
}
