//! A service that calls another one, which is itself: `cargo run --example outgoing`, then
//! `curl localhost:8080/outer` shows three spans of one trace: the SERVER span of `/outer`, the
//! CLIENT span of the call, and the SERVER span of `/inner`.

use actix_web::error::ErrorBadGateway;
use actix_web::{App, HttpServer, Result, web};
use backend_actix::http_client::Client;
use backend_actix::server_span::Middleware;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let middleware = Middleware::new(&provider);
    let client = web::Data::new(Client::new(&provider)?);

    HttpServer::new(move || {
        App::new()
            .app_data(client.clone())
            .route("/outer", web::get().to(outer))
            .route("/inner", web::get().to(async || "Hello from the inside!\n"))
            .wrap(middleware.clone())
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    Ok(())
}

async fn outer(client: web::Data<Client>) -> Result<String> {
    let call = client.get("http://127.0.0.1:8080/inner").send();
    let response = call.await.map_err(ErrorBadGateway)?;
    response.text().await.map_err(ErrorBadGateway)
}
