//! `POST /api/activities/{activity_uuid}/reply`: the signed-in user replies to an activity.

use actix_web::web::{Json, Path};
use opentelemetry::KeyValue;
use uuid::Uuid;

use super::activity::Activity;
use super::parse_uuid;
use crate::child_span::HandlerTracer;
use crate::error::{ApiError, invalid};
use crate::json_object::JsonObject;
use crate::message_text::MessageText;
use crate::signed_in_user;
use crate::timestamp::Timestamp;

/// Answers with the reply. Any uuid can be replied to: activities that were just created are not
/// kept, and the frontend replies to them.
///
/// # Errors
/// 400 where the path has no uuid; 422 `message_blank` or `message_exceed_max_chars`; and what
/// [`JsonObject`] says of the body.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    uuid: Path<String>,
    mut body: JsonObject,
) -> Result<Json<Activity>, ApiError> {
    let reply_to = parse_uuid(&uuid)?;
    let message = MessageText::<1024>::parse(body.text("message")?).map_err(invalid)?;
    Ok(Json(tracer.in_span("reply-create", |span| {
        let now = Timestamp::now();
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.activity_uuid", reply_to.to_string()),
                KeyValue::new("app.user_handle", signed_in_user::HANDLE),
                KeyValue::new("app.message_length", message.length()),
            ]);
        }
        Activity {
            display_name: Some(signed_in_user::DISPLAY_NAME),
            reply_to_activity_uuid: Some(reply_to),
            ..Activity::new(Uuid::new_v4(), signed_in_user::HANDLE, message, now)
        }
    })))
}
