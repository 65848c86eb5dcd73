//! What must not be told of a request: values that give access to something, by the names they have.
//! The body is never told at all.
//!
//! The names are those of Rollbar's own libraries and some more, wherever they stand in a name: what is
//! scrubbed in vain costs a value, what is not costs a secret.

use std::borrow::Cow;

use actix_web::http::header::HeaderMap;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::cut::cut;
use crate::redaction::{REDACTED, redact_values};

/// What is in the name of a secret, in lower case and without `-` and `_`.
const PARTS: [&str; 20] = [
    "apikey",
    "accesskey",
    "privatekey",
    "honeycombteam",
    "auth",
    "clientcert",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "oidc",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
    "xsrf",
];

/// Names that are those of a secret as a whole: within others they are common.
const NAMES: [&str; 6] = ["pw", "pass", "pin", "sid", "sig", "key"];

fn names_a_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// All headers, those of the same name as one; at most `limit` characters of each.
pub(super) fn headers(headers: &HeaderMap, limit: usize) -> Map<String, Value> {
    let mut told = Map::new();
    for name in headers.keys() {
        let value = if names_a_secret(name.as_str()) {
            REDACTED.to_owned()
        } else {
            let values: Vec<_> =
                headers.get_all(name).map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
            // URLs have queries: `referer`, and what proxies write.
            values.iter().map(|value| url(value)).collect::<Vec<_>>().join(", ")
        };
        told.insert(name.to_string(), json!(cut(&value, limit)));
    }
    told
}

/// A URL, or whatever has a query as a URL does, with the secrets in that scrubbed.
pub(super) fn url(text: &str) -> Cow<'_, str> {
    match text.split_once('?') {
        Some((before, query)) => {
            Cow::Owned(format!("{before}?{}", redact_values(query, names_a_secret)))
        }
        None => Cow::Borrowed(text),
    }
}

/// The parameters of a query, decoded; one that is there several times has the last value.
pub(super) fn parameters(query: &str, limit: usize) -> Map<String, Value> {
    let query = redact_values(query, names_a_secret);
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (cut(&name, limit).to_owned(), json!(cut(&value, limit))))
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "password",
            "PASSWORD",
            "confirmPassword",
            "password_confirmation",
            "passwd",
            "pw",
            "secret",
            "client_secret",
            "access_token",
            "accessToken",
            "auth",
            "authorization",
            "x-api-key",
            "api_key",
            "ApiKey",
            "X-Honeycomb-Team",
            "cookie",
            "set-cookie",
            "proxy-authorization",
            "x-csrf-token",
            "session_id",
            "sig",
            "X-Amz-Signature",
            "x-forwarded-client-cert",
            "key",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in [
            "host",
            "accept",
            "term",
            "page",
            "user-agent",
            "x-request-id",
            "keyword",
            "traceparent",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
    }

    #[test]
    fn a_query_keeps_its_form() {
        for (query, scrubbed) in [
            ("/a", "/a"),
            ("/a?b=c&d", "/a?b=c&d"),
            ("http://h/a?token=MARKER&b=c", "http://h/a?token=REDACTED&b=c"),
            ("?pass%77ord=MARKER", "?pass%77ord=REDACTED"),
            ("?password=MAR?KER", "?password=REDACTED"),
            ("?password", "?password"),
        ] {
            assert_eq!(url(query), scrubbed);
        }
        let told = parameters("a=b+c&a=d%21&api_key=MARKER&%ff=1&e", 100);
        assert_eq!(
            json!(told),
            json!({"a": "d!", "api_key": "REDACTED", "\u{fffd}": "1", "e": ""})
        );
    }

    #[test]
    fn headers_of_the_same_name_are_one() {
        let received: HeaderMap = [
            ("accept", "a"),
            ("accept", "b"),
            ("cookie", "MARKER"),
            ("referer", "http://h/?token=MARKER"),
            ("x-long", "\u{e4}\u{e4}\u{e4}"),
        ]
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .into_iter()
        .collect();
        assert_eq!(
            json!(headers(&received, 25)),
            json!({
                "accept": "a, b",
                "cookie": "REDACTED",
                "referer": "http://h/?token=REDACTED",
                "x-long": "\u{e4}\u{e4}\u{e4}",
            })
        );
        assert_eq!(headers(&received, 2)["x-long"], "\u{e4}\u{e4}");
    }
}
