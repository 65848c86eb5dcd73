//! What Rollbar's answers mean: <https://docs.rollbar.com/reference>.

use reqwest::StatusCode;

pub(super) enum Answer {
    Accepted,
    TooLarge,
    /// The project's rate limit is reached.
    Limited,
    /// Not taken, for a reason that somebody has to do something about.
    Refused(String),
}

impl Answer {
    pub(super) fn of(status: StatusCode) -> Self {
        let advice = match status.as_u16() {
            200..=299 => return Self::Accepted,
            413 => return Self::TooLarge,
            429 => return Self::Limited,
            401 | 403 => {
                "; set ROLLBAR_ACCESS_TOKEN to a project access token with the scope post_server_item"
            }
            300..=399 | 404 | 405 => "; check ROLLBAR_ENDPOINT",
            _ => "",
        };
        Self::Refused(format!("Rollbar answers {status}{advice}"))
    }
}
