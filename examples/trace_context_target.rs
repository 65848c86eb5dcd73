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
use backend_actix::propagation::{Kind, propagator};
use backend_actix::server_span::Middleware;
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

/// One call that the suite asks for: `arguments`, posted to `url`.
#[derive(serde::Deserialize)]
struct Call {
    url: String,
    arguments: serde_json::Value,
}

/// What a call needs.
struct Caller {
    client: reqwest::Client,
    tracer: SdkTracer,
    propagator: TextMapCompositePropagator,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").map_or(Ok(5000), |port| port.parse())?;
    let provider = SdkTracerProvider::builder().build();
    let middleware = Middleware::new(&provider);
    let caller = web::Data::new(Caller {
        client: reqwest::Client::builder().no_proxy().build()?,
        tracer: provider.tracer("trace_context_target"),
        propagator: propagator(&[Kind::TraceContext]),
    });

    HttpServer::new(move || {
        App::new()
            .app_data(caller.clone())
            .route("/test", web::post().to(test))
            .wrap(middleware.clone())
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}

async fn test(
    caller: web::Data<Caller>,
    calls: web::Json<Vec<Call>>,
) -> actix_web::Result<HttpResponse> {
    for call in calls.into_inner() {
        caller.post(call).await.map_err(ErrorBadGateway)?;
    }
    Ok(HttpResponse::Ok().json(()))
}

impl Caller {
    /// Makes one call, in a CLIENT span: each of them has a parent id of its own.
    async fn post(&self, call: Call) -> Result<(), reqwest::Error> {
        let span = self.tracer.span_builder("POST").with_kind(SpanKind::Client).start(&self.tracer);
        let cx = Context::current_with_span(span);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.propagator.inject_context(&cx, &mut HeaderInjector(&mut headers));
        let request = self.client.post(call.url).headers(headers).body(call.arguments.to_string());
        request.send().await?.error_for_status()?;
        cx.span().end();
        Ok(())
    }
}
