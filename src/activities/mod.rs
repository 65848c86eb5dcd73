//! Activities ("cruds"): the feeds, one activity, and the making of activities and replies.
//!
//! One file per handler, all of one shape: parse into types that hold only valid values, then make
//! the answer inside one child span. The data are mock data, as in the reference.

mod activity;
pub(crate) mod create;
pub(crate) mod home;
pub(crate) mod notifications;
pub(crate) mod reply;
pub(crate) mod search;
pub(crate) mod show;
pub(crate) mod user;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::error::ApiError;

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
