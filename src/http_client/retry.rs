//! What is worth a second try, and when.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use uuid::Uuid;

/// May `method` be sent again without doing twice what it does (RFC 9110, section 9.2.2)? QUERY may,
/// by its own specification.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" | "QUERY")
}

/// Does `status` say that it may go better soon?
pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// How long the server wants to be left alone: `Retry-After` in seconds or as a date (RFC 9110,
/// section 10.2.3). What is neither counts as absent.
pub(crate) fn wanted_delay(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits alone fail to be a number only by being too many.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = SystemTime::from(value.parse::<HttpDate>().ok()?);
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// `first`, doubled for each of the `retries` that were made, but no longer than `most`.
pub(crate) fn backoff(first: Duration, most: Duration, retries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(retries)).min(most)
}

/// A random time between the half of `delay` and all of it: those who failed together shall not come back
/// together.
pub(crate) fn with_jitter(delay: Duration) -> Duration {
    // The low bits of a random uuid are all random.
    let random = f64::from(Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX);
    delay.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ("0", seconds(0)),
            ("120", seconds(120)),
            ("99999999999999999999999", seconds(u64::MAX)),
            // RFC 9110, section 5.6.7: all three forms are to be accepted; these have passed.
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", seconds(0)),
            ("Sun Nov  6 08:49:37 1994", seconds(0)),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (value, delay) in cases {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(wanted_delay(&headers), delay, "{value}");
        }
        assert_eq!(wanted_delay(&HeaderMap::new()), None);
        let in_an_hour = HttpDate::from(SystemTime::now() + Duration::from_secs(3600)).to_string();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, in_an_hour.parse().unwrap())]);
        let delay = wanted_delay(&headers).unwrap();
        assert!(delay > Duration::from_secs(3500) && delay <= Duration::from_secs(3600));
    }

    #[test]
    fn delays_double_up_to_the_most() {
        let [first, most] = [100, 450].map(Duration::from_millis);
        let delays = [0, 1, 2, 3, 31, 32, u32::MAX].map(|n| backoff(first, most, n).as_millis());
        assert_eq!(delays, [100, 200, 400, 450, 450, 450, 450]);
        assert_eq!(backoff(Duration::ZERO, most, 7), Duration::ZERO);
    }

    #[test]
    fn a_delay_is_somewhere_between_its_half_and_itself() {
        let delay = Duration::from_millis(800);
        let delays: Vec<_> = (0..100).map(|_| with_jitter(delay)).collect();
        assert!(delays.iter().all(|it| (delay / 2..=delay).contains(it)), "{delays:?}");
        assert!(delays.iter().any(|it| *it != delays[0]), "{delays:?}");
        assert_eq!(with_jitter(Duration::ZERO), Duration::ZERO);
    }
}
