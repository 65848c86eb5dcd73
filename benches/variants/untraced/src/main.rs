//! The service without any tracing: what all others are measured against.

use actix_web::web::Query;
use actix_web::{App, Responder, web};
use service::{Home, Spans};

async fn home() -> impl Responder {
    Home::make().into_response()
}

async fn spans(spans: Query<Spans>) -> impl Responder {
    let sum: i64 = (0..spans.count).flat_map(|_| spans.keys().map(|(_, value)| value)).sum();
    sum.to_string()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    service::serve(|| {
        App::new()
            .route("/api/activities/home", web::get().to(home))
            .route("/spans", web::get().to(spans))
    })
    .await
}
