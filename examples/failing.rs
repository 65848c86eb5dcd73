//! A service that fails, and reports it: `ROLLBAR_ACCESS_TOKEN=… cargo run --example failing`, then
//! `curl localhost:8080/guest/2` and `curl localhost:8080/table`. docs/errors.md says where to look.

use std::error::Error;
use std::time::{Duration, Instant};

use actix_web::error::ErrorServiceUnavailable;
use actix_web::{App, HttpServer, web};
use backend_actix::config::RollbarConfig;
use backend_actix::report::Rollbar;
use backend_actix::server_span::{Middleware, remember_panics};
use opentelemetry_sdk::trace::SdkTracerProvider;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // An item tells where a panic was, and the calls that led there.
    std::panic::set_hook(Box::new(|panic| {
        remember_panics(panic);
        eprintln!("{panic}");
    }));
    let mut config = RollbarConfig::new(std::env::var("ROLLBAR_ACCESS_TOKEN")?.parse()?);
    if let Ok(endpoint) = std::env::var("ROLLBAR_ENDPOINT") {
        config.endpoint = endpoint.parse()?;
    }
    config.root = Some(env!("CARGO_MANIFEST_DIR").to_owned());
    let rollbar = Rollbar::start(&config)?;
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let reporter = rollbar.clone();
    let middleware = Middleware::new(&provider).on_failure(move |failure| reporter.report(failure));

    HttpServer::new(move || {
        App::new()
            .route("/guest/{number}", web::get().to(guest))
            .route("/table", web::get().to(table))
            .wrap(middleware.clone())
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    // The server has ended, and with it what this thread had to do: now it may wait.
    eprintln!("{}", rollbar.shutdown(Instant::now() + Duration::from_secs(5)));
    Ok(())
}

/// Who asks for the third guest panics: there are two.
async fn guest(number: web::Path<usize>) -> &'static str {
    let guests = ["Worf\n", "Data\n"];
    guests[*number]
}

async fn table() -> Result<&'static str, actix_web::Error> {
    Err(ErrorServiceUnavailable("all tables are taken\n"))
}
