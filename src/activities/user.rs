//! `GET /api/activities/@{handle}`: what one user wrote.

use actix_web::web::{Json, Path};
use chrono::TimeDelta;
use opentelemetry::KeyValue;

use super::activity::{Activity, GAREKS_ACTIVITY};
use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers with one activity; every handle has a feed, as in the reference.
pub(crate) async fn handler(tracer: HandlerTracer, handle: Path<String>) -> Json<Vec<Activity>> {
    let handle = handle.into_inner();
    Json(tracer.in_span("user-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = vec![Activity {
            expires_at: Some(now + TimeDelta::days(31)),
            ..Activity::new(
                GAREKS_ACTIVITY,
                "Andrew Brown",
                "Cloud is fun!",
                now - TimeDelta::days(1),
            )
        }];
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.user_handle", handle),
                KeyValue::new("app.result_length", activities.len() as i64),
            ]);
        }
        activities
    }))
}
