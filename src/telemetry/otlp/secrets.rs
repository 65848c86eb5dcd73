//! What is sent to the receiver and must not be shown, though the receiver may tell it back: some answer
//! a wrong key with the key in the text.

use reqwest::header::HeaderMap;
use url::Url;

use crate::redaction::REDACTED;

/// Shorter ones are no secrets, and in every other word.
const SHORTEST: usize = 6;

/// The secrets of one receiver. Without `Debug`.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The values of the sensitive `headers`, and of the query of `url`.
    pub(super) fn new(headers: &HeaderMap, url: &str) -> Self {
        let headers = headers.values().filter(|value| value.is_sensitive());
        // Not `to_str`, which knows ASCII alone.
        let headers = headers.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let words = headers.flat_map(|value| {
            let words = value.split_whitespace();
            // `Bearer` is none (RFC 9110, section 11.4).
            words.skip(usize::from(value.trim().contains(char::is_whitespace)))
        });
        let url = Url::parse(url).ok();
        let query = url.as_ref().and_then(Url::query).unwrap_or_default();
        let raw = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
        let decoded = url.iter().flat_map(Url::query_pairs).map(|(_, value)| value.into_owned());
        let mut secrets: Vec<_> = words.chain(raw).map(str::to_owned).chain(decoded).collect();
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // One may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// `text` without them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn sensitive(value: &'static str) -> HeaderValue {
        let mut value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        value.set_sensitive(true);
        value
    }

    #[test]
    fn what_the_receiver_tells_back_is_hidden() {
        let headers = HeaderMap::from_iter([
            (reqwest::header::AUTHORIZATION, sensitive("Bearer abcdefg")),
            (reqwest::header::COOKIE, sensitive("abcdefghij")),
            (reqwest::header::FROM, sensitive("pass phrasé")),
            (reqwest::header::RANGE, sensitive("1")),
            (reqwest::header::HOST, HeaderValue::from_static("a.example")),
        ]);
        let secrets = Secrets::new(&headers, "http://a.example/v1/traces?key=q%20w%20e%20r&b=1");
        for (text, shown) in [
            ("invalid token: abcdefg", "invalid token: REDACTED"),
            ("a Bearer abcdefg, a abcdefghij", "a Bearer REDACTED, a REDACTED"),
            ("/v1/traces?key=q%20w%20e%20r&b=1", "/v1/traces?key=REDACTED&b=1"),
            ("no such key: q w e r", "no such key: REDACTED"),
            ("who is phrasé?", "who is REDACTED?"),
            ("a.example says 1", "a.example says 1"),
        ] {
            assert_eq!(secrets.hide(text), shown);
        }
    }
}
