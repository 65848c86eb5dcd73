//! The service traced by opentelemetry-instrumentation-actix-web, set up as its examples are, with the
//! stock OTLP exporter; queue and endpoint are set by the SDK's variables.

use actix_web::web::Query;
use actix_web::{App, Responder, web};
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{KeyValue, global};
use opentelemetry_instrumentation_actix_web::RequestTracing;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service::{Home, Spans};

async fn home() -> impl Responder {
    global::tracer("home.activities")
        .in_span("home-activities-mock-data", |cx| {
            let home = Home::make();
            cx.span().set_attributes([
                KeyValue::new("app.now", home.now()),
                KeyValue::new("app.result_length", home.length()),
            ]);
            home
        })
        .into_response()
}

async fn spans(spans: Query<Spans>) -> impl Responder {
    let tracer = global::tracer("spans");
    let one = |_| {
        tracer.in_span("one", |cx| {
            spans
                .keys()
                .inspect(|(key, value)| cx.span().set_attribute(KeyValue::new(*key, *value)))
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
    global::set_tracer_provider(provider.clone());
    actix_web::rt::System::new().block_on(service::serve(|| {
        App::new()
            .wrap(RequestTracing::new())
            .route("/api/activities/home", web::get().to(home))
            .route("/spans", web::get().to(spans))
    }))?;
    provider.shutdown()?;
    Ok(())
}
