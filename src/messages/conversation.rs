//! `GET /api/messages/@{handle}`: the messages between the signed-in user and another.

use actix_web::web::{Json, Path};
use opentelemetry::KeyValue;

use super::Message;
use crate::child_span::HandlerTracer;
use crate::signed_in_user;
use crate::timestamp::Timestamp;

/// Answers with the two messages. The reference reads `user_reciever_handle` from the query and does
/// nothing with it; the frontend does not send it, so it is not read here.
pub(crate) async fn handler(tracer: HandlerTracer, handle: Path<String>) -> Json<Vec<Message>> {
    let handle = handle.into_inner();
    Json(tracer.in_span("messages-mock-data", |span| {
        let now = Timestamp::now();
        let message = |uuid, message: &str| Message {
            uuid,
            display_name: signed_in_user::DISPLAY_NAME,
            handle: signed_in_user::HANDLE,
            message: message.to_owned(),
            created_at: now,
        };
        let messages = vec![
            message(uuid::uuid!("4e81c06a-db0f-4281-b4cc-98208537772a"), "Cloud is fun!"),
            message(uuid::uuid!("66e12864-8c26-4c3a-9658-95a10f8fea67"), "This platform is great!"),
        ];
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.user_handle", handle),
                KeyValue::new("app.result_length", messages.len() as i64),
            ]);
        }
        messages
    }))
}
