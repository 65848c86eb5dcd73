//! The service that the validation suite of W3C Trace Context drives
//! (<https://github.com/w3c/trace-context>, `test/`). The suite tells it whom to call, and looks at
//! what arrives there:
//!
//! ```text
//! PORT=5000 cargo run --example trace_context_target
//! STRICT_LEVEL=2 SPEC_LEVEL=2 python3 test.py http://127.0.0.1:5000/test
//! ```

use actix_web::error::ErrorBadGateway;
use actix_web::{App, HttpResponse, HttpServer, web};
use backend_actix::http_client::Client;
use backend_actix::propagation::Kind;
use backend_actix::server_span::Middleware;
use opentelemetry_sdk::trace::SdkTracerProvider;

/// One call that the suite asks for: `arguments`, posted to `url`.
#[derive(serde::Deserialize)]
struct Call {
    url: String,
    arguments: serde_json::Value,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").map_or(Ok(5000), |port| port.parse())?;
    let provider = SdkTracerProvider::builder().build();
    let middleware = Middleware::new(&provider);
    let client = web::Data::new(
        Client::builder(&provider)
            .http(reqwest::Client::builder().no_proxy())
            .propagators([Kind::TraceContext])
            .build()?,
    );

    HttpServer::new(move || {
        App::new()
            .app_data(client.clone())
            .route("/test", web::post().to(test))
            .wrap(middleware.clone())
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}

/// Makes the calls, each in a CLIENT span: each of them has a parent id of its own.
async fn test(
    client: web::Data<Client>,
    calls: web::Json<Vec<Call>>,
) -> actix_web::Result<HttpResponse> {
    for call in calls.into_inner() {
        let call = client.post(call.url).json(&call.arguments).send();
        call.await.map_err(ErrorBadGateway)?.error_for_status().map_err(ErrorBadGateway)?;
    }
    Ok(HttpResponse::Ok().json(()))
}
