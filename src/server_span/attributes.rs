//! What a SERVER span says of its request. One function a group of attributes; each key is set once,
//! because the SDK appends and would send both.

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HOST, HeaderMap, USER_AGENT};
use actix_web::http::uri::{Authority, PathAndQuery};
use actix_web::http::{Method, Version};
use opentelemetry::KeyValue;
use opentelemetry::propagation::Extractor;
use opentelemetry_semantic_conventions::attribute as key;

/// `error.type` of a request whose client went away before it was answered.
pub(super) const CLIENT_DISCONNECTED: &str = "client_disconnected";
/// `error.type` of a response whose body could not be made to its end.
pub(super) const RESPONSE_BODY: &str = "response_body";

/// How many attributes a span usually gets, those set after routing included.
const USUAL_COUNT: usize = 16;

/// The value of `http.request.method` for a method that is not a known one.
const OTHER: &str = "_OTHER";

/// Query keys whose values give access to something; the conventions name them.
const REDACTED_QUERY_KEYS: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];

/// The attributes that are known when the span opens, so that a sampler sees them.
pub(super) fn at_start(request: &ServiceRequest) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(USUAL_COUNT);
    push_method(&mut attributes, request.method());
    push_url(&mut attributes, request);
    push_server(&mut attributes, request);
    push_peer(&mut attributes, request);
    if let Some(version) = protocol_version(request.version()) {
        attributes.push(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
    }
    if let Some(user_agent) = request.headers().get(USER_AGENT) {
        let text = String::from_utf8_lossy(user_agent.as_bytes()).into_owned();
        attributes.push(KeyValue::new(key::USER_AGENT_ORIGINAL, text));
    }
    attributes
}

/// The known method as `http.request.method` has it; [`OTHER`] for what strangers make up, so that
/// they cannot blow up the number of span names.
pub(super) fn method_name(method: &Method) -> &'static str {
    // RFC 9110, PATCH (RFC 5789) and QUERY; case-sensitive.
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "QUERY" => "QUERY",
        "TRACE" => "TRACE",
        "CONNECT" => "CONNECT",
        _ => OTHER,
    }
}

/// The span's name: `{method} {route}`, without a route `{method}`, and `HTTP` for an unknown method.
pub(super) fn span_name(method: &'static str, route: Option<&str>) -> Cow<'static, str> {
    let method = if method == OTHER { "HTTP" } else { method };
    match route {
        Some(route) => Cow::Owned([method, " ", route].concat()),
        None => Cow::Borrowed(method),
    }
}

fn push_method(attributes: &mut Vec<KeyValue>, method: &Method) {
    let name = method_name(method);
    attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD, name));
    if name == OTHER {
        let original = method.as_str().to_owned();
        attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD_ORIGINAL, original));
    }
}

fn scheme(request: &ServiceRequest) -> &'static str {
    if request.app_config().secure() { "https" } else { "http" }
}

fn push_url(attributes: &mut Vec<KeyValue>, request: &ServiceRequest) {
    attributes.push(KeyValue::new(key::URL_SCHEME, scheme(request)));
    attributes.push(KeyValue::new(key::URL_PATH, request.path().to_owned()));
    if let Some(query) = request.uri().path_and_query().and_then(PathAndQuery::query) {
        attributes.push(KeyValue::new(key::URL_QUERY, redact(query)));
    }
}

fn redact(query: &str) -> String {
    let secret = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, _)| REDACTED_QUERY_KEYS.contains(&name))
    };
    if !query.split('&').any(secret) {
        return query.to_owned();
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if secret(pair) => Cow::Owned(format!("{name}=REDACTED")),
        _ => Cow::Borrowed(pair),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The host that the client named: in the request target (RFC 9112, section 3.2.2: it wins), else in
/// `Host`.
fn push_server(attributes: &mut Vec<KeyValue>, request: &ServiceRequest) {
    let from_host = || -> Option<Authority> {
        let host = request.headers().get(HOST)?;
        host.to_str().ok()?.parse().ok()
    };
    let Some(authority) = request.uri().authority().cloned().or_else(from_host) else { return };
    let address = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let default_port = if scheme(request) == "https" { 443 } else { 80 };
    let port = authority.port_u16().unwrap_or(default_port);
    attributes.push(KeyValue::new(key::SERVER_ADDRESS, address));
    attributes.push(KeyValue::new(key::SERVER_PORT, i64::from(port)));
}

fn push_peer(attributes: &mut Vec<KeyValue>, request: &ServiceRequest) {
    let Some(peer) = request.peer_addr() else { return };
    // An IPv4 client of a dual-stack socket shows up as ::ffff:a.b.c.d.
    let address = peer.ip().to_canonical().to_string();
    attributes.push(KeyValue::new(key::CLIENT_ADDRESS, address.clone()));
    attributes.push(KeyValue::new(key::NETWORK_PEER_ADDRESS, address));
    attributes.push(KeyValue::new(key::NETWORK_PEER_PORT, i64::from(peer.port())));
}

fn protocol_version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

/// Hands the request's headers to propagators, all values of each.
pub(super) struct HeaderExtractor<'a>(pub(super) &'a HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }

    fn get_all(&self, name: &str) -> Option<Vec<&str>> {
        let values: Vec<_> = self.0.get_all(name).filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_the_query_are_redacted_and_nothing_else() {
        let cases = [
            ("term=cloud", "term=cloud"),
            ("a=1&sig=abc&b=2", "a=1&sig=REDACTED&b=2"),
            ("sig=", "sig=REDACTED"),
            ("sig", "sig"),
            ("SIG=abc", "SIG=abc"),
            ("signature=abc", "signature=abc"),
            ("Signature=a=b&&x", "Signature=REDACTED&&x"),
            (
                "X-Amz-Credential=a&X-Amz-Signature=b",
                "X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED",
            ),
            (
                "X-Goog-Signature=a&X-Amz-Security-Token=b",
                "X-Goog-Signature=REDACTED&X-Amz-Security-Token=REDACTED",
            ),
            ("AWSAccessKeyId=a", "AWSAccessKeyId=REDACTED"),
            ("", ""),
        ];
        for (query, redacted) in cases {
            assert_eq!(redact(query), redacted, "{query}");
        }
    }
}
