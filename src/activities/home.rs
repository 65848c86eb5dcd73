//! `GET /api/activities/home`: what everybody sees.

use actix_web::web::Json;
use opentelemetry::KeyValue;

use super::activity::{Activity, home_feed};
use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers with the three activities of the home feed.
pub(crate) async fn handler(tracer: HandlerTracer) -> Json<Vec<Activity>> {
    Json(tracer.in_span("home-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = home_feed(now);
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.result_length", activities.len() as i64),
            ]);
        }
        activities
    }))
}
