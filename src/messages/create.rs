//! `POST /api/messages`: the signed-in user writes to another.

use actix_web::web::Json;
use opentelemetry::KeyValue;
use uuid::Uuid;

use super::Message;
use crate::child_span::HandlerTracer;
use crate::error::{ApiError, invalid};
use crate::handle::Handle;
use crate::json_object::JsonObject;
use crate::message_text::MessageText;
use crate::signed_in_user;
use crate::timestamp::Timestamp;

/// A request for a message, valid by its type.
struct NewMessage {
    message: MessageText<1024>,
    receiver: Handle,
}

impl NewMessage {
    fn parse(mut body: JsonObject) -> Result<Self, ApiError> {
        let (message, receiver) = (body.text("message")?, body.text("user_receiver_handle")?);
        let message = MessageText::parse(message).map_err(invalid)?;
        // The contract spells the code so.
        let receiver =
            Handle::parse(receiver).ok_or_else(|| invalid("user_reciever_handle_blank"))?;
        Ok(Self { message, receiver })
    }
}

/// Answers with the message created.
///
/// # Errors
/// 422 `message_blank`, `message_exceed_max_chars` or `user_reciever_handle_blank`, in this order;
/// and what [`JsonObject`] says of the body.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    body: JsonObject,
) -> Result<Json<Message>, ApiError> {
    let NewMessage { message, receiver } = NewMessage::parse(body)?;
    Ok(Json(tracer.in_span("message-create", |span| {
        let now = Timestamp::now();
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.user_handle", String::from(receiver)),
                KeyValue::new("app.message_length", message.length()),
            ]);
        }
        Message {
            uuid: Uuid::new_v4(),
            display_name: signed_in_user::DISPLAY_NAME,
            handle: signed_in_user::HANDLE,
            message: message.into(),
            created_at: now,
        }
    })))
}
