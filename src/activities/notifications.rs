//! `GET /api/activities/notifications`: what happened to the signed-in user.

use actix_web::web::Json;
use opentelemetry::KeyValue;

use super::activity::Activity;
use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers with the one notification.
pub(crate) async fn handler(tracer: HandlerTracer) -> Json<Vec<Activity>> {
    Json(tracer.in_span("notifications-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = vec![Activity::mock_with_reply(
            now,
            ["coco", "I am white unicorn"],
            ["worf", "this post has no honor!"],
        )];
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.result_length", activities.len() as i64),
            ]);
        }
        activities
    }))
}
