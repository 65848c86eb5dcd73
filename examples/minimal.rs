//! The smallest Actix service traced by this library: `cargo run --example minimal`, then
//! `curl localhost:8080/hello/you`.

use actix_web::{App, HttpServer, web};
use backend_actix::child_span::in_span;
use backend_actix::server_span::Middleware;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let middleware = Middleware::new(&provider);
    let tracer = web::Data::new(provider.tracer("hello"));

    HttpServer::new(move || {
        App::new()
            .app_data(tracer.clone())
            .route("/hello/{name}", web::get().to(hello))
            .wrap(middleware.clone())
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}

async fn hello(
    tracer: web::Data<opentelemetry_sdk::trace::SdkTracer>,
    name: web::Path<String>,
) -> String {
    in_span(tracer.get_ref(), "make-greeting", |span| {
        span.set_attribute(KeyValue::new("app.name_length", name.len() as i64));
        format!("Hello, {name}!\n")
    })
}
