//! The body of a POST: a JSON object whose fields are taken one by one, so that an error can name
//! the field. Deserializing into a struct would take an array for an object and lose the name.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpRequest};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The largest body that is read, in bytes; a larger one is answered with 413.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;

/// How long a body may take to arrive, in the app's data; a slower one is answered with 408.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTimeout(pub(crate) Duration);

/// A JSON object from a request's body. Extracting it answers 415 for another content type, 413
/// beyond [`MAX_BODY_BYTES`], 408 beyond [`BodyTimeout`], and 400 for what is no JSON object.
#[derive(Debug)]
pub(crate) struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Takes the text of `field`; `None` where it is missing or `null`.
    ///
    /// # Errors
    /// [`ApiError::WrongType`] where it is no string.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Option<String>, ApiError> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(ApiError::WrongType { field, found: describe(&other) }),
        }
    }

    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(other) => Err(ApiError::NotAnObject(describe(&other))),
            Err(error) => Err(ApiError::InvalidJson(error.to_string())),
        }
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `application/json` and `application/*+json`, whatever parameters follow (RFC 9110, section 8.3.1;
/// RFC 6839, section 3.1). Actix's own parser refuses a space before them, which the RFC allows.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

impl FromRequest for JsonObject {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            return Box::pin(async { Err(ApiError::UnsupportedMediaType) });
        }
        // The limit is in the app's `PayloadConfig`.
        let body = Bytes::from_request(request, payload);
        let patience = request.app_data::<BodyTimeout>().map_or(Duration::MAX, |limit| limit.0);
        Box::pin(async move {
            let body = timeout(patience, body).await.map_err(|_| ApiError::BodyTimeout)?;
            Self::parse(&body.map_err(read_error)?)
        })
    }
}

fn read_error(error: Error) -> ApiError {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => ApiError::PayloadTooLarge,
        _ if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::PayloadTooLarge
        }
        _ => ApiError::UnreadableBody(error.to_string()),
    }
}
