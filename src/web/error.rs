//! Why the page's JSON API does not answer a question. What is not even asked of it, an unknown address or a
//! wrong method, gets the same form by [`crate::error::as_json`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// An error, as `{"error": {"code", "message"}}`.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageApiError {
    /// 400: the question cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 401: there is a token, and it was not shown.
    #[error("this page asks for a token: open it once as /?token=… with the value of WEB_TOKEN")]
    NoToken,
    /// 403: it was asked under a host that is not the page's.
    #[error(
        "this page is not known under this host: open it as http://localhost, with its port, or name the address in WEB_URL"
    )]
    UnknownHost,
    /// 403: another page has asked.
    #[error("only the page itself may ask for this")]
    ForeignOrigin,
    /// 404: the trace is not here.
    #[error(
        "this trace is not among the last ones: it was not sampled, too many came at once, others took its place, or the service was started anew"
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
            Self::NoToken => "no_token",
            Self::UnknownHost => "unknown_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::NotKept => "not_kept",
            Self::TooManyListeners => "too_many_listeners",
        }
    }
}

impl ResponseError for PageApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::UnknownHost | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotKept => StatusCode::NOT_FOUND,
            Self::TooManyListeners => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let error = json!({"code": self.code(), "message": self.to_string()});
        HttpResponse::build(self.status_code()).json(json!({"error": error}))
    }
}
