//! Direct messages: the groups, one conversation, and the making of a message. Shaped like
//! [`crate::activities`].

pub(crate) mod conversation;
pub(crate) mod create;
pub(crate) mod groups;

use serde::Serialize;
use uuid::Uuid;

use crate::timestamp::Timestamp;

/// A message of the signed-in user.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    /// Its id.
    pub uuid: Uuid,
    /// What the author is called.
    pub display_name: &'static str,
    /// Who wrote it.
    pub handle: &'static str,
    /// What was written.
    pub message: String,
    /// When it was written.
    pub created_at: Timestamp,
}
