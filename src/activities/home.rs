//! `GET /api/activities/home`: what everybody sees.

use actix_web::web::Json;
use chrono::TimeDelta;
use opentelemetry::KeyValue;

use super::{Activity, GAREKS_ACTIVITY};
use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers with the three activities of the home feed.
pub(crate) async fn handler(tracer: HandlerTracer) -> Json<Vec<Activity>> {
    Json(tracer.in_span("home-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = feed(now);
        span.set_attributes([
            KeyValue::new("app.now", now.to_string()),
            KeyValue::new("app.result_length", activities.len() as i64),
        ]);
        activities
    }))
}

/// The home feed as it is at `now`.
pub(super) fn feed(now: Timestamp) -> Vec<Activity> {
    vec![
        Activity::mock_with_reply(
            now,
            ["Andrew Brown", "Cloud is very fun!"],
            ["Worf", "This post has no honor!"],
        ),
        Activity {
            expires_at: Some(now + TimeDelta::days(9)),
            likes: Some(0),
            replies: Some(vec![]),
            ..Activity::new(
                uuid::uuid!("66e12864-8c26-4c3a-9658-95a10f8fea67"),
                "Worf",
                "I am out of prune juice",
                now - TimeDelta::days(7),
            )
        },
        Activity {
            expires_at: Some(now + TimeDelta::hours(12)),
            likes: Some(0),
            replies: Some(vec![]),
            ..Activity::new(
                GAREKS_ACTIVITY,
                "Garek",
                "My dear doctor, I am just simple tailor",
                now - TimeDelta::hours(1),
            )
        },
    ]
}
