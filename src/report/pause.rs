//! Until when Rollbar takes no more: it says so with a 429, and in its headers for how long.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Where Rollbar does not say it: its own limits begin anew each minute.
const USUAL: Duration = Duration::from_secs(60);

/// A limit may last for a month, but it may also be raised: it is asked again after an hour.
const MOST: Duration = Duration::from_secs(3600);

/// A time in which nothing is sent.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// Is it such a time?
    pub(super) fn is_on(&self) -> bool {
        self.0.lock().is_ok_and(|end| end.is_some_and(|end| Instant::now() < end))
    }

    /// Begins one, for as long as the headers of a 429 say, and tells how long.
    pub(super) fn begin(&self, headers: &HeaderMap) -> Duration {
        let duration = remaining(headers, SystemTime::now()).unwrap_or(USUAL).min(MOST);
        if let Ok(mut end) = self.0.lock() {
            *end = Some(Instant::now() + duration);
        }
        duration
    }
}

/// `X-Rate-Limit-Remaining-Seconds`, else `X-Rate-Limit-Reset`, which is a Unix time.
fn remaining(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let seconds = || number("x-rate-limit-remaining-seconds").map(Duration::from_secs);
    let reset = || {
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(number("x-rate-limit-reset")?))?;
        Some(time.duration_since(now).unwrap_or_default())
    };
    seconds().or_else(reset).or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_say_how_long_the_limit_lasts() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (headers, seconds) in [
            (&[][..], None),
            (&[("x-rate-limit-remaining-seconds", "17")], Some(17)),
            (&[("x-rate-limit-reset", "1030")], Some(30)),
            (&[("x-rate-limit-reset", "30"), ("retry-after", "9")], Some(0)),
            (&[("x-rate-limit-remaining-seconds", "17"), ("x-rate-limit-reset", "1030")], Some(17)),
            (&[("x-rate-limit-remaining-seconds", "soon"), ("retry-after", "9")], Some(9)),
            (&[("x-rate-limit-reset", "18446744073709551615")], None),
            (&[("x-rate-limit-remaining-seconds", "-1")], None),
        ] {
            let map = headers.iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
            });
            let remaining = remaining(&map.collect(), now);
            assert_eq!(remaining, seconds.map(Duration::from_secs), "{headers:?}");
        }
    }

    #[test]
    fn a_pause_ends() {
        let pause = Pause::default();
        assert!(!pause.is_on());
        let headers = |seconds: &str| {
            HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static("x-rate-limit-remaining-seconds"),
                seconds.parse().unwrap(),
            )])
        };
        assert_eq!(pause.begin(&headers("99999999")), MOST);
        assert!(pause.is_on());
        assert_eq!(pause.begin(&headers("0")), Duration::ZERO);
        assert!(!pause.is_on());
    }
}
