//! `GET /api/activities/notifications`: what happened to the signed-in user.

use actix_web::web::Json;
use chrono::TimeDelta;
use opentelemetry::KeyValue;

use super::{Activity, MOCK_ACTIVITY};
use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers with the one notification.
pub async fn handler(tracer: HandlerTracer) -> Json<Vec<Activity>> {
    Json(tracer.in_span("notifications-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = vec![
            Activity {
                expires_at: Some(now + TimeDelta::days(5)),
                likes_count: Some(5),
                reposts_count: Some(0),
                ..Activity::new(
                    MOCK_ACTIVITY,
                    "coco",
                    "I am white unicorn",
                    now - TimeDelta::days(2),
                )
            }
            .with_mock_reply("worf", "this post has no honor!"),
        ];
        span.set_attributes([
            KeyValue::new("app.now", now.to_string()),
            KeyValue::new("app.result_length", activities.len() as i64),
        ]);
        activities
    }))
}
