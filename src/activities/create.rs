//! `POST /api/activities`: the signed-in user writes an activity.

use actix_web::web::Json;
use opentelemetry::KeyValue;
use uuid::Uuid;

use super::Ttl;
use super::activity::Activity;
use crate::child_span::HandlerTracer;
use crate::error::{ApiError, invalid};
use crate::json_object::JsonObject;
use crate::message_text::MessageText;
use crate::signed_in_user;
use crate::timestamp::Timestamp;

/// A request for an activity, valid by its type.
struct NewActivity {
    message: MessageText<280>,
    ttl: Ttl,
}

impl NewActivity {
    fn parse(mut body: JsonObject) -> Result<Self, ApiError> {
        // Types before rules, and the message's rule before the ttl's: the contract's order.
        let (message, ttl) = (body.text("message")?, body.text("ttl")?);
        let message = MessageText::parse(message).map_err(invalid)?;
        let ttl = ttl.as_deref().and_then(Ttl::parse).ok_or_else(|| invalid("ttl_blank"))?;
        Ok(Self { message, ttl })
    }
}

/// Answers with the activity created.
///
/// # Errors
/// 422 `message_blank`, `message_exceed_max_chars` or `ttl_blank`, in this order; and what
/// [`JsonObject`] says of the body.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    body: JsonObject,
) -> Result<Json<Activity>, ApiError> {
    let NewActivity { message, ttl } = NewActivity::parse(body)?;
    Ok(Json(tracer.in_span("activity-create", |span| {
        let now = Timestamp::now();
        let uuid = Uuid::new_v4();
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.activity_uuid", uuid.to_string()),
                KeyValue::new("app.user_handle", signed_in_user::HANDLE),
                KeyValue::new("app.ttl", ttl.as_str()),
                KeyValue::new("app.message_length", message.length()),
            ]);
        }
        Activity {
            display_name: Some(signed_in_user::DISPLAY_NAME),
            expires_at: Some(now + ttl.duration()),
            likes_count: Some(0),
            replies_count: Some(0),
            reposts_count: Some(0),
            replies: Some(vec![]),
            ..Activity::new(uuid, signed_in_user::HANDLE, message, now)
        }
    })))
}
