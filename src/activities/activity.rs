//! What an activity is, and the mock ones that several handlers answer with.

use chrono::TimeDelta;
use serde::Serialize;
use uuid::Uuid;

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
    pub(crate) fn new(
        uuid: Uuid,
        handle: &'static str,
        message: impl Into<String>,
        at: Timestamp,
    ) -> Self {
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
    pub(crate) fn mock_with_reply(
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
pub(crate) const GAREKS_ACTIVITY: Uuid = uuid::uuid!("248959df-3079-4947-b847-9e0892d1bab4");

/// The home feed as it is at `now`.
pub(crate) fn home_feed(now: Timestamp) -> Vec<Activity> {
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
