//! A service of one's own with the page: `cargo run --example own_page`, then open
//! <http://localhost:3000/traces> and `curl localhost:8080/order/7`.
//!
//! Each route makes another kind of trace: `/order/{id}` nested spans, `/many` more children than fit,
//! `/fails` an error, `/slow` a span that runs for some seconds, `/careless` spans that do not keep to
//! the conventions.

use std::error::Error;
use std::time::{Duration, Instant};

use actix_web::web::{Data, Path};
use actix_web::{App, HttpServer, rt, web};
use backend_actix::child_span::{in_span, in_span_async};
use backend_actix::config::Config;
use backend_actix::server_span::Middleware;
use backend_actix::telemetry::Telemetry;
use backend_actix::web::{Page, Service};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracer;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    let page = Page::bind(&config.web)?;
    let recent = page.as_ref().map(Page::recent_traces);
    let telemetry = Telemetry::start_with(&config.telemetry, recent)?;
    let middleware = Middleware::new(telemetry.tracer_provider());
    let tracer = Data::new(telemetry.tracer_provider().tracer("shop"));
    let app = move || {
        App::new()
            .app_data(tracer.clone())
            .route("/order/{id}", web::get().to(order))
            .route("/many", web::get().to(many))
            .route("/fails", web::get().to(fails))
            .route("/slow", web::get().to(slow))
            .route("/careless", web::get().to(careless))
            .wrap(middleware.clone())
    };
    let port = std::env::var("PORT").map_or(Ok(8080), |port| port.parse())?;
    rt::System::new().block_on(async {
        let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", port))?;
        let api = server.addrs()[0];
        eprintln!("listening on http://{api}");
        let page = page.map(|page| {
            eprintln!("the page is at {}", page.origins()[0]);
            page.serve(Service { api, accounts: telemetry.accounts(), telemetry: config.telemetry })
        });
        let page = page.transpose()?;
        server.run().await?;
        page.into_iter().for_each(|page| page.stop());
        Ok::<_, Box<dyn Error>>(())
    })?;
    telemetry.shutdown(Instant::now() + Duration::from_secs(5));
    Ok(())
}

async fn order(tracer: Data<SdkTracer>, id: Path<u32>) -> String {
    in_span(&**tracer, "load-order", |span| {
        span.set_attribute(KeyValue::new("app.order_id", i64::from(*id)));
        in_span(&**tracer, "read-lines", |_| std::thread::sleep(Duration::from_millis(3)));
        in_span(&**tracer, "read-prices", |_| {
            std::thread::sleep(Duration::from_millis(1));
            in_span(&**tracer, "convert-currency", |_| {
                std::thread::sleep(Duration::from_millis(8))
            });
        });
    });
    in_span(&**tracer, "add-up", |_| std::thread::sleep(Duration::from_millis(2)));
    format!("order {id}\n")
}

async fn many(tracer: Data<SdkTracer>) -> &'static str {
    for number in 0..150 {
        in_span(&**tracer, format!("part-{number}"), |_| ());
    }
    "many\n"
}

async fn fails(tracer: Data<SdkTracer>) -> Result<&'static str, actix_web::Error> {
    in_span(&**tracer, "charge-card", |span| span.add_event("card declined", vec![]));
    Err(actix_web::error::ErrorInternalServerError("no money"))
}

async fn slow(tracer: Data<SdkTracer>) -> &'static str {
    in_span_async(&**tracer, "wait-for-stock", async |_| {
        rt::time::sleep(Duration::from_secs(3)).await
    })
    .await;
    "slow\n"
}

async fn careless(tracer: Data<SdkTracer>) -> &'static str {
    in_span(&**tracer, "careless", |span| {
        span.set_attributes([
            // Deprecated; of the wrong type; without a namespace.
            KeyValue::new("http.status_code", 200),
            KeyValue::new("server.port", "8080"),
            KeyValue::new("user", "worf"),
        ]);
    });
    "careless\n"
}
