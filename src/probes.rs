//! `GET /health/live` and `GET /health/ready`: what an orchestrator asks, and what a balancer asks.
//!
//! The first is answered with 200 as long as anything is: who gets no answer restarts the service. The
//! second turns 503 when the end begins, while requests are still served: who reads it sends new ones
//! elsewhere. Neither is traced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};
use serde_json::json;

/// Where it is asked whether the process lives.
pub(crate) const LIVE: &str = "/health/live";
/// Where it is asked whether new requests are welcome.
pub(crate) const READY: &str = "/health/ready";

/// Are new requests welcome? Clones say the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness {
    is_ending: Arc<AtomicBool>,
}

impl Readiness {
    /// Says from now on that they are not.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}

/// Answers that the process lives.
pub(crate) async fn live() -> impl Responder {
    Json(json!({"status": "ok"}))
}

/// Answers 200 until the end begins, then 503.
pub(crate) async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    if readiness.is_ending() {
        HttpResponse::ServiceUnavailable().json(json!({"status": "shutting down"}))
    } else {
        HttpResponse::Ok().json(json!({"status": "ok"}))
    }
}
