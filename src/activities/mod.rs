//! Activities ("cruds"): the feeds, one activity, and the making of activities and replies.
//!
//! One file per handler, all of one shape: parse into types that hold only valid values, then make
//! the answer inside one child span. The data are mock data, as in the reference.

pub(crate) mod create;
pub(crate) mod home;
pub(crate) mod notifications;
pub(crate) mod reply;
pub(crate) mod search;
pub(crate) mod show;
pub(crate) mod user;

use chrono::TimeDelta;
use serde::Serialize;
use uuid::Uuid;

use crate::error::ApiError;
use crate::timestamp::Timestamp;

/// An activity or a reply. The reference's endpoints differ in which fields they give; what is
/// `None` is left out of the JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Activity {
    /// Its id.
    pub uuid: Uuid,
    /// What the author is called; given for what the signed-in user just wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'static str>,
    /// Who wrote it.
    pub handle: &'static str,
    /// What was written.
    pub message: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it vanishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What this is a reply to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_activity_uuid: Option<Uuid>,
    /// Likes, under the name that the reference uses for two of its mock activities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likes: Option<u32>,
    /// Likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likes_count: Option<u32>,
    /// Replies, counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies_count: Option<u32>,
    /// Reposts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reposts_count: Option<u32>,
    /// The replies themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<Vec<Activity>>,
}

impl Activity {
    /// An activity with the fields that every endpoint gives.
    fn new(uuid: Uuid, handle: &'static str, message: impl Into<String>, at: Timestamp) -> Self {
        Self {
            uuid,
            display_name: None,
            handle,
            message: message.into(),
            created_at: at,
            expires_at: None,
            reply_to_activity_uuid: None,
            likes: None,
            likes_count: None,
            replies_count: None,
            reposts_count: None,
            replies: None,
        }
    }

    /// The mock activity of two days ago that the home feed and the notifications have in common,
    /// with its reply; only who wrote what differs.
    fn mock_with_reply(
        now: Timestamp,
        author: [&'static str; 2],
        reply: [&'static str; 2],
    ) -> Self {
        let created_at = now - TimeDelta::days(2);
        let reply = Self {
            reply_to_activity_uuid: Some(MOCK_ACTIVITY),
            likes_count: Some(0),
            replies_count: Some(0),
            reposts_count: Some(0),
            ..Self::new(MOCK_REPLY, reply[0], reply[1], created_at)
        };
        Self {
            expires_at: Some(now + TimeDelta::days(5)),
            likes_count: Some(5),
            replies_count: Some(1),
            reposts_count: Some(0),
            replies: Some(vec![reply]),
            ..Self::new(MOCK_ACTIVITY, author[0], author[1], created_at)
        }
    }
}

/// The activity that the home feed, the notifications and its own page show, with its reply.
const MOCK_ACTIVITY: Uuid = uuid::uuid!("68f126b0-1ceb-4a33-88be-d90fa7109eee");
const MOCK_REPLY: Uuid = uuid::uuid!("26e12864-1c26-5c3a-9658-97a10f8fea67");
/// Garek's activity in the home feed; the reference gives the user's feed and the search the same.
const GAREKS_ACTIVITY: Uuid = uuid::uuid!("248959df-3079-4947-b847-9e0892d1bab4");

/// How long an activity is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ttl {
    /// `30-days`
    Days30,
    /// `7-days`
    Days7,
    /// `3-days`
    Days3,
    /// `1-day`
    Day1,
    /// `12-hours`
    Hours12,
    /// `3-hours`
    Hours3,
    /// `1-hour`
    Hour1,
}

impl Ttl {
    /// Reads the form that the frontend sends; `None` for any other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "30-days" => Self::Days30,
            "7-days" => Self::Days7,
            "3-days" => Self::Days3,
            "1-day" => Self::Day1,
            "12-hours" => Self::Hours12,
            "3-hours" => Self::Hours3,
            "1-hour" => Self::Hour1,
            _ => return None,
        })
    }

    /// The form that the frontend sends.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Days30 => "30-days",
            Self::Days7 => "7-days",
            Self::Days3 => "3-days",
            Self::Day1 => "1-day",
            Self::Hours12 => "12-hours",
            Self::Hours3 => "3-hours",
            Self::Hour1 => "1-hour",
        }
    }

    /// The length of time it stands for.
    pub(crate) fn duration(self) -> TimeDelta {
        match self {
            Self::Days30 => TimeDelta::days(30),
            Self::Days7 => TimeDelta::days(7),
            Self::Days3 => TimeDelta::days(3),
            Self::Day1 => TimeDelta::days(1),
            Self::Hours12 => TimeDelta::hours(12),
            Self::Hours3 => TimeDelta::hours(3),
            Self::Hour1 => TimeDelta::hours(1),
        }
    }
}

/// Reads the `{activity_uuid}` of a path.
///
/// # Errors
/// 400 where it is no uuid; 404 for `@`, which is a user's feed without a user: the route
/// `/@{handle}` needs a handle, so `/@` falls through to `/{activity_uuid}`.
fn parse_uuid(segment: &str) -> Result<Uuid, ApiError> {
    match segment {
        "@" => Err(ApiError::NotFound),
        other => Uuid::try_parse(other).map_err(|_| ApiError::InvalidUuid),
    }
}
