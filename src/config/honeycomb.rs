//! Honeycomb's short form, in which a key alone is enough, and the mistakes that are made with it.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::endpoint::parse_url;
use super::environment::{ConfigError, Environment};
use super::headers::sensitive;

/// The API key.
pub(super) const KEY: &str = "HONEYCOMB_API_KEY";
const ENDPOINT: &str = "HONEYCOMB_API_ENDPOINT";
const DATASET: &str = "HONEYCOMB_DATASET";
/// The header that carries the key.
pub(crate) const TEAM_HEADER: HeaderName = HeaderName::from_static("x-honeycomb-team");
/// The header that names the dataset, for classic keys.
pub(crate) const DATASET_HEADER: HeaderName = HeaderName::from_static("x-honeycomb-dataset");

/// Where Honeycomb takes a signal, by its `path`.
pub(super) fn endpoint(env: &Environment, path: &str) -> Result<Url, ConfigError> {
    let value = env.get(ENDPOINT).unwrap_or("https://api.honeycomb.io");
    let mut url = parse_url(env, ENDPOINT, value)?;
    url.set_path(path);
    Ok(url)
}

/// Is this one of Honeycomb's own hosts?
pub(super) fn is_host_of(endpoint: &Url) -> bool {
    endpoint
        .host_str()
        .is_some_and(|host| host == "honeycomb.io" || host.ends_with(".honeycomb.io"))
}

/// The key, if there is one.
pub(super) fn key(env: &Environment) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(key) = env.get(KEY) else { return Ok(None) };
    if key.starts_with(['"', '\'']) {
        // As `docker run --env-file` passes it, which takes quotes as they are.
        return Err(env.secret_error(KEY, "it begins with a quotation mark; leave quotes out"));
    }
    // A header may have others: blanks, as of a comment that `docker run --env-file` passes with the
    // value, and the quotation marks of a word processor.
    let is_key = key.bytes().all(|byte| byte.is_ascii_graphic());
    HeaderValue::try_from(key)
        .ok()
        .filter(|_| is_key)
        .map(|key| Some(sensitive(key)))
        .ok_or_else(|| env.secret_error(KEY, "it has characters that no key has"))
}

/// The dataset, if one is named.
pub(super) fn dataset(env: &Environment) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(dataset) = env.get(DATASET) else { return Ok(None) };
    // Honeycomb takes the header as it is: a name that is encoded would be another name.
    let is_ascii = dataset.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let expected =
        "expected a name of ASCII characters, as it is sent in a header; rename the dataset";
    HeaderValue::try_from(dataset)
        .ok()
        .filter(|_| is_ascii)
        .map(Some)
        .ok_or_else(|| env.error(DATASET, expected))
}

/// Is Honeycomb left out on purpose, as by a compose file that passes on what is not set? Says so, once.
/// `endpoint` is what the specification's variables name.
pub(super) fn is_left_out(
    env: &mut Environment,
    headers: &mut HeaderMap,
    endpoint: Option<&Url>,
) -> bool {
    let has_key = env.get(KEY).is_some();
    let empty_header = headers.get(&TEAM_HEADER).is_some_and(HeaderValue::is_empty);
    let empty_key = env.is_empty(KEY) && endpoint.is_none_or(is_host_of);
    if empty_header && has_key {
        headers.remove(&TEAM_HEADER); // the key says it
        return false;
    }
    let left_out = empty_header || (empty_key && !headers.contains_key(&TEAM_HEADER));
    if left_out {
        let what = if empty_header { "the header x-honeycomb-team" } else { KEY };
        env.warn(format!(
            "{what} is empty: Honeycomb is not configured and gets nothing; set {KEY}"
        ));
    }
    left_out
}

/// The headers that Honeycomb wants, where they are not there already: what is set by hand wins.
pub(super) fn add_headers(
    key: Option<HeaderValue>,
    dataset: Option<HeaderValue>,
    headers: &mut HeaderMap,
) {
    if headers.contains_key(&TEAM_HEADER) {
        return;
    }
    if let Some(key) = key {
        headers.insert(TEAM_HEADER, key);
        headers.extend(dataset.map(|dataset| (DATASET_HEADER, dataset)));
    }
}

/// Says what is wrong with what would be sent to Honeycomb.
pub(super) fn warn_of_mistakes(env: &mut Environment, endpoint: &Url, headers: &HeaderMap) {
    if is_host_of(endpoint) && endpoint.scheme() != "https" {
        env.warn("the address of Honeycomb is http://: the key travels unencrypted; use https://");
    }
    let Some(key) = headers.get(&TEAM_HEADER) else {
        env.warn(format!(
            "Honeycomb takes nothing without a key; set {KEY}, or x-honeycomb-team=… in OTEL_EXPORTER_OTLP_HEADERS"
        ));
        return;
    };
    let is_classic = is_classic(key.as_bytes());
    if is_classic && !headers.contains_key(&DATASET_HEADER) {
        env.warn(format!(
            "the key is one of Honeycomb Classic, which wants the name of a dataset; set {DATASET}"
        ));
    } else if !is_classic && env.get(DATASET).is_some() {
        env.warn(format!(
            "{DATASET} is set, but the key is none of Honeycomb Classic: the dataset is named after OTEL_SERVICE_NAME"
        ));
    }
}

/// Says what is set for Honeycomb, while nothing goes there for want of a key.
pub(super) fn warn_of_missing_key(env: &mut Environment) {
    if env.get(KEY).is_none() {
        for variable in [ENDPOINT, DATASET] {
            if env.get(variable).is_some() {
                env.warn(format!("{variable} is set, but {KEY} is not; ignored"));
            }
        }
    }
}

/// A key of Honeycomb Classic: 32 hexadecimal digits, or an ingest key `hc?ic_…` of 64 characters.
pub(super) fn is_classic(key: &[u8]) -> bool {
    match key.len() {
        32 => key.iter().all(u8::is_ascii_hexdigit),
        64 => key.starts_with(b"hc") && key[3..].starts_with(b"ic_"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_keys_are_known_by_their_form() {
        for (key, classic) in [
            ("0123456789abcdef0123456789abcdef", true),
            ("0123456789abcdef0123456789abcdeg", false),
            ("hcaic_1234567890123456789012345678901234567890123456789012345678", true),
            ("hcaik_1234567890123456789012345678901234567890123456789012345678", false),
            ("abcdefghijklmnopqrstuv", false),
            ("", false),
        ] {
            assert_eq!(is_classic(key.as_bytes()), classic, "{key}");
        }
    }
}
