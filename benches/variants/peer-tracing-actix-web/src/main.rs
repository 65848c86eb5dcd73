//! The service traced by tracing-actix-web and tracing-opentelemetry, with the stock OTLP exporter;
//! queue and endpoint are set by the SDK's variables.

use actix_web::web::Query;
use actix_web::{App, Responder, web};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service::{Home, Spans};
use tracing::field::Empty;
use tracing_actix_web::TracingLogger;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

async fn home() -> impl Responder {
    let span = tracing::info_span!(
        "home-activities-mock-data",
        app.now = Empty,
        app.result_length = Empty
    );
    span.in_scope(|| {
        let home = Home::make();
        span.record("app.now", home.now());
        span.record("app.result_length", home.length());
        home
    })
    .into_response()
}

async fn spans(spans: Query<Spans>) -> impl Responder {
    let one = |_| {
        let span = tracing::info_span!("one");
        span.in_scope(|| {
            spans
                .keys()
                .inspect(|(key, value)| span.set_attribute(*key, *value))
                .map(|(_, value)| value)
                .sum::<i64>()
        })
    };
    (0..spans.count).map(one).sum::<i64>().to_string()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(opentelemetry_otlp::SpanExporter::builder().with_http().build()?)
        .with_resource(Resource::builder().build())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tracing"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    actix_web::rt::System::new().block_on(service::serve(|| {
        App::new()
            .wrap(TracingLogger::default())
            .route("/api/activities/home", web::get().to(home))
            .route("/spans", web::get().to(spans))
    }))?;
    provider.shutdown()?;
    Ok(())
}
