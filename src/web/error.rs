//! Why the page's JSON API does not answer a question.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// An error, as `{"error": {"code", "message"}}`.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageApiError {
    /// 400: the question cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 404: the trace is not here.
    #[error(
        "this trace is not among the last ones: it was not sampled, or others took its place, or the service was started anew"
    )]
    NotKept,
    /// 503: so many pages are open.
    #[error("too many pages are open; close one")]
    TooManyListeners,
}

impl PageApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::NotKept => "not_kept",
            Self::TooManyListeners => "too_many_listeners",
        }
    }
}

impl ResponseError for PageApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotKept => StatusCode::NOT_FOUND,
            Self::TooManyListeners => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let error = json!({"code": self.code(), "message": self.to_string()});
        HttpResponse::build(self.status_code()).json(json!({"error": error}))
    }
}
