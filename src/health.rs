//! `GET /health`: is the service up? Never traced, or a probe every few seconds would be most of what
//! one sees in a trace list.

use actix_web::web::Json;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

/// Answers `{"status":"ok", …}` with the service's name and version.
pub async fn handler() -> Json<Health> {
    Json(Health {
        status: "ok",
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    })
}
