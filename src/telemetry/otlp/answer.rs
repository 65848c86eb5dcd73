//! What the receiver's answer means (OTLP specification, "OTLP/HTTP Response").

use std::io::Read;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::secrets::Secrets;
use crate::http_client::retry;

/// No answer says more than this; the rest of a longer one is not read.
const LONGEST_BODY: u64 = 64 * 1024;
/// So much of what a receiver says of an error is shown.
const LONGEST_MESSAGE: usize = 200;

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has arrived, but for `rejected` items.
    Accepted {
        /// How many of its items the receiver does not take.
        rejected: u64,
        /// Why, or what else it has to say.
        advice: String,
    },
    /// It cannot arrive in this size.
    TooLarge,
    /// The receiver does not know us: nothing will arrive.
    WrongKey {
        /// 401 or 403.
        status: StatusCode,
        /// What it said.
        reason: String,
    },
    /// It must not be sent again.
    Rejected {
        /// With which status.
        status: StatusCode,
        /// What the receiver said.
        reason: String,
    },
    /// It may arrive later.
    Later {
        /// What is in the way.
        reason: String,
        /// When to try again, if the receiver says so.
        after: Option<Duration>,
        /// With which status the receiver put it off, if it said anything at all.
        status: Option<StatusCode>,
    },
}

impl Answer {
    /// There is no answer.
    pub(super) fn none(reason: String) -> Self {
        Self::Later { reason, after: None, status: None }
    }

    /// The status with which the receiver did not take the request, or not all that it carries, if it answered.
    pub(super) fn refusal(&self) -> Option<StatusCode> {
        match self {
            Self::Accepted { rejected: 0, .. } => None,
            Self::Accepted { .. } => Some(StatusCode::OK),
            Self::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::WrongKey { status, .. } | Self::Rejected { status, .. } => Some(*status),
            Self::Later { status, .. } => *status,
        }
    }
}

/// Reads an answer, which may tell `secrets` back.
pub(super) fn answer(mut response: Response, secrets: &Secrets) -> Answer {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    // The status alone decides. What is said besides may be broken off: a success stays one, or spans
    // that have arrived would be sent again.
    let _ = (&mut response).take(LONGEST_BODY).read_to_end(&mut body);
    judge(status, &headers, &body, secrets)
}

fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Answer {
    if status.is_success() {
        let (rejected, advice) = partial_success(headers, body, secrets);
        return Answer::Accepted { rejected, advice };
    }
    let reason = match message(headers, body, secrets) {
        Some(message) => format!("the receiver answers {status}: {message}"),
        None => format!("the receiver answers {status}"),
    };
    match status.as_u16() {
        401 | 403 => Answer::WrongKey { status, reason },
        404 => {
            Answer::Rejected { status, reason: format!("{reason}; check the path of the endpoint") }
        }
        413 => Answer::TooLarge,
        _ if retry::is_transient(status) => {
            Answer::Later { reason, after: retry::wanted_delay(headers), status: Some(status) }
        }
        // "All other 4xx or 5xx response status codes MUST NOT be retried."
        _ => Answer::Rejected { status, reason },
    }
}

/// How many items were not taken, and what was said of it. (A receiver of logs answers in the same form.)
fn partial_success(headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> (u64, String) {
    if !is_protobuf(headers) {
        return (0, String::new());
    }
    let response = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let partial = response.partial_success.unwrap_or_default();
    (u64::try_from(partial.rejected_spans).unwrap_or(0), shown(&partial.error_message, secrets))
}

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// What the receiver says of an error: in a `Status`, or as text.
fn message(headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Option<String> {
    let message = if is_protobuf(headers) {
        Status::decode(body).ok()?.message
    } else {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        // A page of a proxy says nothing that its status does not.
        let is_text = content_type.starts_with("text/plain") || content_type.contains("json");
        is_text.then(|| String::from_utf8_lossy(body).into_owned())?
    };
    Some(shown(&message, secrets)).filter(|message| !message.is_empty())
}

/// In any case, and with parameters or without (RFC 9110, section 8.3.1).
fn is_protobuf(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-protobuf")
}

/// One line, of some length at most, without `secrets`: hidden before the cut, which may leave a part of
/// one.
fn shown(message: &str, secrets: &Secrets) -> String {
    let message = secrets.hide(message);
    let line: Vec<_> = message.split_whitespace().collect();
    line.join(" ").chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn an_error_is_told_in_the_receivers_own_words_where_it_has_any() {
        // `google.rpc.Status`: code 3, message "no".
        let status = [0x08, 3, 0x12, 2, b'n', b'o'];
        let long = "x".repeat(1000);
        let cases: [(&str, &[u8], Option<&str>); 8] = [
            ("application/x-protobuf", &status, Some("no")),
            ("application/x-protobuf", b"\xff", None),
            ("text/plain; charset=utf-8", b" two\n lines ", Some("two lines")),
            ("application/json", br#"{"error":"no"}"#, Some(r#"{"error":"no"}"#)),
            ("text/html", b"<h1>Bad Gateway</h1>", None),
            ("text/plain", b"", None),
            ("text/plain", b"\xff", Some("\u{fffd}")),
            ("text/plain", long.as_bytes(), Some(&long[..LONGEST_MESSAGE])),
        ];
        for (content_type, body, said) in cases {
            assert_eq!(
                message(&headers(content_type), body, &Secrets::default()).as_deref(),
                said,
                "{content_type}"
            );
        }
    }

    #[test]
    fn a_partial_success_is_read_however_its_type_is_written() {
        // `partial_success`, field 1: `rejected_spans` 2, `error_message` "no".
        let body = [0x0a, 6, 0x08, 2, 0x12, 2, b'n', b'o'];
        for (content_type, rejected) in [
            ("application/x-protobuf", 2),
            ("Application/X-Protobuf", 2),
            ("application/x-protobuf; charset=utf-8", 2),
            ("application/json", 0),
        ] {
            let (count, _) = partial_success(&headers(content_type), &body, &Secrets::default());
            assert_eq!(count, rejected, "{content_type}");
        }
    }

    #[test]
    fn the_status_decides_what_is_done() {
        for status in 100..=599 {
            let code = StatusCode::from_u16(status).unwrap();
            let mut headers = headers("text/plain");
            headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
            let after = Some(Duration::from_secs(7));
            let answer = judge(code, &headers, b"why", &Secrets::default());
            assert_eq!(answer.refusal(), (!code.is_success()).then_some(code));
            match (answer, status) {
                (Answer::Accepted { rejected: 0, .. }, 200..=299)
                | (Answer::WrongKey { .. }, 401 | 403)
                | (Answer::TooLarge, 413) => {}
                (Answer::Later { after: wanted, .. }, 429 | 502 | 503 | 504) => {
                    assert_eq!(wanted, after, "{status}");
                }
                (Answer::Rejected { reason, .. }, _) => {
                    assert!(!matches!(status, 200..=299 | 401 | 403 | 413 | 429 | 502..=504));
                    assert!(reason.contains(code.as_str()) && reason.contains("why"), "{reason}");
                }
                (other, _) => panic!("{status}: {other:?}"),
            }
        }
    }
}
