//! `GET /api/message_groups`: whom the signed-in user talks with.

use actix_web::web::Json;
use opentelemetry::KeyValue;
use serde::Serialize;
use uuid::Uuid;

use crate::child_span::HandlerTracer;
use crate::signed_in_user;
use crate::timestamp::Timestamp;

/// One of the user's conversations.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MessageGroup {
    /// Its id.
    pub uuid: Uuid,
    /// What the other side is called.
    pub display_name: &'static str,
    /// The other side.
    pub handle: &'static str,
    /// When it began.
    pub created_at: Timestamp,
}

/// Answers with the two groups.
pub(crate) async fn handler(tracer: HandlerTracer) -> Json<Vec<MessageGroup>> {
    Json(tracer.in_span("message-groups-mock-data", |span| {
        let now = Timestamp::now();
        let groups = vec![
            MessageGroup {
                uuid: uuid::uuid!("24b95582-9e7b-4e0a-9ad1-639773ab7552"),
                display_name: signed_in_user::DISPLAY_NAME,
                handle: signed_in_user::HANDLE,
                created_at: now,
            },
            MessageGroup {
                uuid: uuid::uuid!("417c360e-c4e6-4fce-873b-d2d71469b4ac"),
                display_name: "Worf",
                handle: "worf",
                created_at: now,
            },
        ];
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                KeyValue::new("app.user_handle", signed_in_user::HANDLE),
                KeyValue::new("app.result_length", groups.len() as i64),
            ]);
        }
        groups
    }))
}
