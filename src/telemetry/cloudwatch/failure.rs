//! What an error of AWS means, and what to do about it.

use std::error::Error;
use std::iter;
use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};

use crate::causes::{causes, with_causes};

/// So much of what AWS says of an error is shown.
const LONGEST_MESSAGE: usize = 300;
/// A signature is good for five minutes.
const TOLERATED_SKEW: Duration = Duration::from_secs(5 * 60);

/// Why events were not put.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// AWS does not take who we are: it will not take the next batch either.
    Refused {
        /// A sentence that says what to do.
        reason: String,
    },
    /// It does not take these events.
    Rejected {
        /// What it says.
        reason: String,
    },
    /// It may take them later.
    Later {
        /// What is in the way.
        reason: String,
        /// Did AWS say anything at all?
        is_answer: bool,
    },
}

impl Failure {
    /// Nothing can be sent as things are.
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// There is no answer.
    pub(super) fn away(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), is_answer: false }
    }

    /// Reads the error of an `action`, as IAM calls it.
    pub(super) fn of<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(context) => answered(
                action,
                context.err().code().unwrap_or("no code"),
                &shown(context.err().message().unwrap_or("no message")),
                context.raw().status().as_u16(),
                context.raw().headers().get("date"),
            ),
            SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
                Self::refused(undeliverable(error))
            }
            SdkError::ConstructionFailure(_) => {
                Self::Rejected { reason: shown(&with_causes(error)) }
            }
            _ => {
                Self::away(format!("CloudWatch cannot be reached: {}", shown(&with_causes(error))))
            }
        }
    }
}

/// What is said of a request that could not even be made.
fn undeliverable(error: &(dyn Error + 'static)) -> String {
    let mut errors = iter::once(error).chain(causes(error));
    match errors.find(|cause| cause.is::<CredentialsError>()) {
        Some(cause) => format!(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role ({})",
            shown(&with_causes(cause))
        ),
        None => format!("AWS's SDK cannot make the request: {}", shown(&with_causes(error))),
    }
}

/// `date` is the header of that name: what AWS takes for the time.
fn answered(action: &str, code: &str, message: &str, status: u16, date: Option<&str>) -> Failure {
    match code {
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => Failure::refused(format!(
            "the AWS credentials have expired: renew AWS_SESSION_TOKEN, or the profile, and start again ({code})"
        )),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            Failure::refused(format!(
                "AWS does not know the credentials: check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN ({code})"
            ))
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
            Failure::refused(match date.and_then(|date| skew(date, SystemTime::now())) {
                Some(skew) => format!(
                    "the clock of this machine is {skew}: AWS takes no signature that is more than 5 minutes off; set it right ({code})"
                ),
                None => {
                    format!("AWS does not take the signature: check AWS_SECRET_ACCESS_KEY ({code})")
                }
            })
        }
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" => {
            Failure::refused(format!("the IAM policy does not allow {action}: {message}"))
        }
        _ if status == 429 || status >= 500 || is_throttling(code) => Failure::Later {
            reason: format!("{action}: AWS answers {status} {code}: {message}"),
            is_answer: true,
        },
        _ => Failure::Rejected {
            reason: format!("{action}: AWS answers {status} {code}: {message}"),
        },
    }
}

/// The codes that AWS's SDKs take for "slower", which come with status 400.
fn is_throttling(code: &str) -> bool {
    code.starts_with("Throttl")
        || matches!(
            code,
            "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "RequestThrottled"
                | "RequestThrottledException"
                | "LimitExceededException"
                | "OperationAbortedException"
                | "ServiceUnavailableException"
                | "SlowDown"
        )
}

/// How wrong our clock is by theirs; `None` if it is near enough.
fn skew(date: &str, now: SystemTime) -> Option<String> {
    let date = SystemTime::from(date.parse::<HttpDate>().ok()?);
    let (skew, direction) = match now.duration_since(date) {
        Ok(ahead) => (ahead, "ahead"),
        Err(error) => (error.duration(), "behind"),
    };
    (skew >= TOLERATED_SKEW).then(|| format!("{} minutes {direction}", skew.as_secs() / 60))
}

/// One line, of some length at most.
fn shown(message: &str) -> String {
    let line: Vec<_> = message.split_whitespace().collect();
    line.join(" ").chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_what_is_to_be_done() {
        let refused = |part| (0, part);
        let later = |part| (1, part);
        let rejected = |part| (2, part);
        let cases = [
            (400, "ExpiredTokenException", refused("have expired")),
            (400, "UnrecognizedClientException", refused("AWS_ACCESS_KEY_ID")),
            (400, "InvalidSignatureException", refused("AWS_SECRET_ACCESS_KEY")),
            (400, "AccessDeniedException", refused("does not allow logs:PutLogEvents: why")),
            (400, "ThrottlingException", later("400 ThrottlingException: why")),
            (400, "LimitExceededException", later("LimitExceededException")),
            (429, "Unknown", later("429")),
            (500, "InternalFailure", later("500")),
            (503, "ServiceUnavailableException", later("503")),
            (400, "InvalidParameterException", rejected("400 InvalidParameterException: why")),
            (404, "Unknown", rejected("404")),
        ];
        for (status, code, (kind, part)) in cases {
            let (found, reason) = match answered("logs:PutLogEvents", code, "why", status, None) {
                Failure::Refused { reason } => (0, reason),
                Failure::Later { reason, is_answer: true } => (1, reason),
                Failure::Later { .. } => panic!("{code} is an answer"),
                Failure::Rejected { reason } => (2, reason),
            };
            assert_eq!(found, kind, "{code}: {reason}");
            assert!(reason.contains(part), "{code}: {reason}");
        }
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_five_minutes_is_told() {
        let now = SystemTime::from("Tue, 24 Nov 2026 12:00:00 GMT".parse::<HttpDate>().unwrap());
        let cases = [
            ("Tue, 24 Nov 2026 12:04:59 GMT", None),
            ("Tue, 24 Nov 2026 11:55:01 GMT", None),
            ("Tue, 24 Nov 2026 12:10:30 GMT", Some("10 minutes behind")),
            ("Tue, 24 Nov 2026 10:00:00 GMT", Some("120 minutes ahead")),
            ("yesterday", None),
        ];
        for (date, expected) in cases {
            assert_eq!(skew(date, now).as_deref(), expected, "{date}");
        }
    }

    #[test]
    fn a_message_is_one_line_of_some_length() {
        assert_eq!(shown(" two\n lines\t"), "two lines");
        assert_eq!(shown(&"ü".repeat(1000)).chars().count(), LONGEST_MESSAGE);
    }
}
