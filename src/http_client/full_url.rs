//! `url.full`: the URL as a span may tell it.

use reqwest::Url;

use crate::redaction::{REDACTED, redact_query};

/// `url` without its fragment, which is not sent, and without what gives access to something.
pub(super) fn full_url(url: &Url, redacted_keys: &[String]) -> String {
    let mut shown = url.clone();
    shown.set_fragment(None);
    if has_credentials(url) {
        // These fail only for URLs that can have no user, which are no http URLs.
        // In the place of both, where there is one: the conventions want it so.
        let _ = shown.set_username(REDACTED);
        let _ = shown.set_password(Some(REDACTED));
    }
    if let Some(query) = url.query() {
        shown.set_query(Some(&redact_query(query, redacted_keys)));
    }
    shown.into()
}

/// Is there a user's name or a password in `url`?
pub(super) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_span_may_tell() {
        let cases = [
            ("http://a.example", "http://a.example/"),
            ("http://a.example:8080/b?c=d#e", "http://a.example:8080/b?c=d"),
            ("https://a.example:443/", "https://a.example/"),
            ("http://user:pass@a.example/", "http://REDACTED:REDACTED@a.example/"),
            ("http://user@a.example/", "http://REDACTED:REDACTED@a.example/"),
            ("http://:pass@a.example/", "http://REDACTED:REDACTED@a.example/"),
            ("http://@a.example/", "http://a.example/"),
            ("http://[::1]:1/?sig=a&b=%20c", "http://[::1]:1/?sig=REDACTED&b=%20c"),
            ("http://a.example/?token=a&b", "http://a.example/?token=REDACTED&b"),
            ("http://a.example/?", "http://a.example/?"),
        ];
        for (url, shown) in cases {
            assert_eq!(full_url(&url.parse().unwrap(), &["token".to_owned()]), shown, "{url}");
        }
    }
}
