//! `GET /api/activities/{activity_uuid}`: one activity of the home feed, with its replies.

use actix_web::web::{Json, Path};
use opentelemetry::KeyValue;

use super::activity::{Activity, home_feed};
use super::parse_uuid;
use crate::child_span::HandlerTracer;
use crate::error::ApiError;
use crate::timestamp::Timestamp;

/// Answers with an array of the one activity.
///
/// # Errors
/// 400 where the path has no uuid, 404 where the uuid is none of ours.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    uuid: Path<String>,
) -> Result<Json<[Activity; 1]>, ApiError> {
    let uuid = parse_uuid(&uuid)?;
    tracer
        .in_span("show-activity-mock-data", |span| {
            let now = Timestamp::now();
            let found = home_feed(now).into_iter().find(|activity| activity.uuid == uuid);
            if span.is_recording() {
                span.set_attributes([
                    KeyValue::new("app.now", String::from(now)),
                    KeyValue::new("app.activity_uuid", uuid.to_string()),
                    KeyValue::new("app.result_length", i64::from(found.is_some())),
                ]);
            }
            found
        })
        .map(|activity| Json([activity]))
        .ok_or(ApiError::NotFound)
}
