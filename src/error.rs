//! What a client is told when a request cannot be served: one enum, one JSON form.
//!
//! ```json
//! {"error": {"code": "not_found", "message": "…", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}}
//! ```
//!
//! The one exception is 422, an array of codes, because the frontend shows it as such. [`as_json`]
//! gives the same form to the errors that Actix and its extractors make.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use serde::Serialize;

use crate::child_span::NoHandlerTracer;
use crate::json_object;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// 422: the fields have the right types, but a value breaks a rule of the contract. Made by
    /// [`invalid`].
    #[error("{0}")]
    Invalid(&'static str),
    /// 400: the body is not JSON.
    #[error("the body is not valid JSON: {0}")]
    InvalidJson(String),
    /// 400: the body is JSON, but no object.
    #[error("the body is {0}, expected a JSON object")]
    NotAnObject(&'static str),
    /// 400: a field of the body has the wrong type.
    #[error("field `{field}` is {found}, expected a string")]
    WrongType {
        /// The field as it is spelt in the body.
        field: &'static str,
        /// What it is instead, with an article: "a number".
        found: &'static str,
    },
    /// 400: a path segment is no uuid.
    #[error(
        "`activity_uuid` is no uuid; expected a form like 68f126b0-1ceb-4a33-88be-d90fa7109eee"
    )]
    InvalidUuid,
    /// 400: the body broke off or could not be read.
    #[error("the body could not be read: {0}")]
    UnreadableBody(String),
    /// 404: there is nothing under this address.
    #[error("there is nothing at this address")]
    NotFound,
    /// 408: the body did not arrive within [`crate::json_object::BodyTimeout`].
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// 413: the body is larger than [`crate::json_object::MAX_BODY_BYTES`].
    #[error("the body is larger than {} KiB", crate::json_object::MAX_BODY_BYTES / 1024)]
    PayloadTooLarge,
    /// 415: the body is not declared to be JSON.
    #[error("the content type must be application/json")]
    UnsupportedMediaType,
}

impl ApiError {
    /// The stable name of the error, for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(code) => code,
            Self::InvalidJson(_) => "invalid_json",
            Self::NotAnObject(_) => "not_a_json_object",
            Self::WrongType { .. } => "wrong_type",
            Self::InvalidUuid => "invalid_uuid",
            Self::UnreadableBody(_) => "unreadable_body",
            Self::NotFound => "not_found",
            Self::BodyTimeout => "request_timeout",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
        }
    }
}

/// The class of an error that is ours, for `error.type`: its code in the JSON.
pub(crate) fn class(error: &actix_web::Error) -> Option<&'static str> {
    let of_the_api = error.as_error::<ApiError>().map(ApiError::code);
    // The one mistake in the making of the service that a request can meet.
    of_the_api.or_else(|| error.as_error::<NoHandlerTracer>().map(|_| "internal_server_error"))
}

/// Rejects a request with a code of the contract (422), and notes the code on the SERVER span as
/// `app.errors`: to be called before the child span is opened. The span's status stays Unset, the
/// client's mistake is no error of ours.
pub(crate) fn invalid(code: &'static str) -> ApiError {
    Context::map_current(|cx| {
        let codes = Value::Array(Array::String(vec![StringValue::from(code)]));
        cx.span().set_attribute(KeyValue::new("app.errors", codes));
    });
    ApiError::Invalid(code)
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::InvalidJson(_)
            | Self::NotAnObject(_)
            | Self::WrongType { .. }
            | Self::InvalidUuid
            | Self::UnreadableBody(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::Invalid(code) => response.json([code]),
            // RFC 9110, section 15.5.9: it will not be waited for any longer.
            Self::BodyTimeout => {
                response.force_close().json(ErrorBody::new(self.code(), &self.to_string()))
            }
            other => response.json(ErrorBody::new(other.code(), &other.to_string())),
        }
    }
}

/// What a client reads of an error whose cause is none of its business.
const INTERNAL_MESSAGE: &str = "the server failed to serve this request";

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorDetail<'a>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    code: &'a str,
    message: &'a str,
    /// Absent where the request is not traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl<'a> ErrorBody<'a> {
    fn new(code: &'a str, message: &'a str) -> Self {
        Self { error: ErrorDetail { code, message, trace_id: trace_id() } }
    }
}

/// The id of the active trace, if there is one.
fn trace_id() -> Option<String> {
    Context::map_current(|cx| {
        let span = cx.span();
        let span_context = span.span_context();
        span_context.is_valid().then(|| span_context.trace_id().to_string())
    })
}

/// Middleware: an error response that is not JSON yet (no route, wrong method, refused preflight, an
/// extractor's complaint) gets the JSON body. Its status, its headers, such as `Allow`, and the error
/// that it was made from stay.
pub(crate) async fn as_json<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let response = next.call(request).await?;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(response.map_into_left_body());
    }
    if is_json(response.headers()) {
        return Ok(response.map_into_left_body());
    }
    let body = describe(status, response.response().error());
    Ok(response.map_body(|head, _| {
        let headers = head.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // They spoke of the body that is not sent.
        headers.remove(CONTENT_ENCODING);
        headers.remove(ETAG);
        EitherBody::right(BoxBody::new(body))
    }))
}

fn describe(status: StatusCode, error: Option<&actix_web::Error>) -> String {
    let code = match status.canonical_reason() {
        Some(reason) => reason.to_ascii_lowercase().replace([' ', '-'], "_"),
        None => status.as_str().to_owned(),
    };
    let message = match (status, error) {
        (status, _) if status.is_server_error() => INTERNAL_MESSAGE.to_owned(),
        (_, Some(error)) => error.to_string(),
        (StatusCode::NOT_FOUND, None) => ApiError::NotFound.to_string(),
        (StatusCode::METHOD_NOT_ALLOWED, None) => {
            "this address does not take this method; see the Allow header".to_owned()
        }
        (_, None) => status.canonical_reason().unwrap_or("error").to_owned(),
    };
    // Strings cannot fail to become JSON.
    serde_json::to_string(&ErrorBody::new(&code, &message)).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(json_object::is_json)
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, middleware::from_fn, web};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::child_span::HandlerTracer;

    #[actix_web::test]
    async fn the_class_of_a_route_without_a_tracer_is_its_code_in_the_json() {
        let route = web::get().to(async |_: HandlerTracer| "");
        let app = init_service(App::new().route("/", route).wrap(from_fn(as_json))).await;
        let response = call_service(&app, TestRequest::get().uri("/").to_request()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let class = response.response().error().and_then(class);
        let body: Json = read_body_json(response).await;
        assert_eq!(body["error"], json!({"code": class, "message": INTERNAL_MESSAGE}));
        assert_eq!(class, Some("internal_server_error"));
    }
}
