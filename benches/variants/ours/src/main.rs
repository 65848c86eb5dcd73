//! The service traced as backend-actix traces itself; all is set by its variables.

use std::error::Error;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use actix_web::web::Query;
use actix_web::{App, Responder, web};
use backend_actix::child_span::HandlerTracer;
use backend_actix::config::Config;
use backend_actix::server_span::Middleware;
use backend_actix::telemetry::Telemetry;
use backend_actix::telemetry::account::Delivery;
use backend_actix::web::{Page, Service};
use backend_actix::{access_log, logging};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use service::{Home, Spans};

async fn home(tracer: HandlerTracer) -> impl Responder {
    tracer
        .in_span("home-activities-mock-data", |span| {
            let home = Home::make();
            if span.is_recording() {
                span.set_attributes([
                    KeyValue::new("app.now", home.now()),
                    KeyValue::new("app.result_length", home.length()),
                ]);
            }
            home
        })
        .into_response()
}

async fn spans(tracer: HandlerTracer, spans: Query<Spans>) -> impl Responder {
    let one = |_| {
        tracer.in_span("one", |span| {
            spans
                .keys()
                .inspect(|(key, value)| span.set_attribute(KeyValue::new(*key, *value)))
                .map(|(_, value)| value)
                .sum::<i64>()
        })
    };
    (0..spans.count).map(one).sum::<i64>().to_string()
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    let _log = logging::start(&config.log_filter, &config.logs);
    let page = Page::bind(&config.web)?;
    let recent = page.as_ref().map(Page::recent_traces).cloned();
    let telemetry = Telemetry::start_with(&config.telemetry, recent.as_ref())?;
    let middleware = Middleware::new(telemetry.tracer_provider())
        .sampler_reads_attributes(false)
        .on_end(access_log::write);
    let middleware = match recent.clone() {
        Some(recent) => middleware.on_start(move |span| recent.refresh(span)),
        None => middleware,
    };
    let provider = telemetry.tracer_provider().clone();
    let page = match page {
        Some(page) => {
            // No browser calls the API.
            let (api, accounts) = (page.address(), telemetry.accounts());
            eprintln!("the page is at http://{}", page.address());
            Some(page.serve(Service { api, accounts, telemetry: config.telemetry.clone() })?)
        }
        None => None,
    };
    System::new().block_on(service::serve(move || {
        let tracer = |scope| HandlerTracer::new(provider.tracer(scope));
        App::new()
            .wrap(middleware.clone())
            .service(
                web::resource("/api/activities/home")
                    .app_data(tracer("home.activities"))
                    .route(web::get().to(home)),
            )
            .service(web::resource("/spans").app_data(tracer("spans")).route(web::get().to(spans)))
    }))?;
    if let Some(page) = page {
        page.stop();
    }
    let left_out = recent.map_or(0, |recent| recent.left_out());
    // Long: under callgrind all takes fifty times as long.
    let deliveries = telemetry.shutdown(Instant::now() + Duration::from_secs(60));
    let lost = left_out + deliveries.iter().map(Delivery::lost).sum::<u64>();
    let may_lose = std::env::var("LOSES_NOTHING").unwrap_or_default().is_empty();
    if lost > 0 && !may_lose {
        return Err(format!("{lost} spans were lost").into());
    }
    Ok(())
}
