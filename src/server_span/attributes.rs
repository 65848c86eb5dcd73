//! What a SERVER span says of its request. One function a group of attributes; each key is set once,
//! because the SDK appends and would send both.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Version;
use actix_web::http::header::{HOST, USER_AGENT};
use actix_web::http::uri::{Authority, PathAndQuery};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute as key;

use super::forwarded;
use super::host::parse_host;
use super::last::Last;
use super::method::Method;
use super::settings::Middleware;
use crate::redaction::redact_query;

/// How many attributes a span usually gets, those set after routing included.
pub(super) const USUAL_COUNT: usize = 16;

/// Texts that many requests have in common.
#[derive(Default)]
pub(super) struct CommonTexts {
    peer: Last<IpAddr, Arc<str>>,
    server: Last<str, Option<Server>>,
}

/// `server.address`, and the port if the client named one.
type Server = (Arc<str>, Option<u16>);

/// The attributes that are known when the span opens, so that a sampler can see them.
pub(super) fn at_start(
    request: &ServiceRequest,
    method: &Method,
    settings: &Middleware,
    common: &CommonTexts,
) -> Vec<KeyValue> {
    let peer = request.peer_addr();
    let forwarded = peer
        .map(|peer| forwarded::resolve(request.headers(), peer.ip(), &settings.trusted_proxies))
        .unwrap_or_default();
    let scheme = match forwarded.scheme {
        Some(scheme) => scheme.as_str(),
        None if request.app_config().secure() => "https",
        None => "http",
    };
    let mut attributes = Vec::with_capacity(USUAL_COUNT);
    push_method(&mut attributes, request, method);
    push_url(&mut attributes, request, scheme, settings);
    push_server(&mut attributes, request, scheme, forwarded.host.as_deref(), common);
    push_client(&mut attributes, peer, forwarded.client.map(|client| client.ip), common);
    if let Some(version) = protocol_version(request.version()) {
        attributes.push(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
    }
    if let Some(user_agent) = request.headers().get(USER_AGENT) {
        let text = match user_agent.to_str() {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(user_agent.as_bytes()).into_owned(),
        };
        attributes.push(KeyValue::new(key::USER_AGENT_ORIGINAL, text));
    }
    attributes.extend(settings.request_headers.attributes(request.headers()));
    attributes
}

fn push_method(attributes: &mut Vec<KeyValue>, request: &ServiceRequest, method: &Method) {
    attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD, method.attribute()));
    if !method.is_known() {
        let original = request.method().as_str().to_owned();
        attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD_ORIGINAL, original));
    }
}

fn push_url(
    attributes: &mut Vec<KeyValue>,
    request: &ServiceRequest,
    scheme: &'static str,
    settings: &Middleware,
) {
    attributes.push(KeyValue::new(key::URL_SCHEME, scheme));
    attributes.push(KeyValue::new(key::URL_PATH, request.path().to_owned()));
    if let Some(query) = request.uri().path_and_query().and_then(PathAndQuery::query) {
        let query = redact_query(query, &settings.redacted_query_keys);
        attributes.push(KeyValue::new(key::URL_QUERY, query));
    }
}

/// The host that the client named: as trusted proxies tell it, else in the request target (RFC 9112,
/// section 3.2.2: it wins over `Host`), else in `Host`.
fn push_server(
    attributes: &mut Vec<KeyValue>,
    request: &ServiceRequest,
    scheme: &str,
    forwarded: Option<&str>,
    common: &CommonTexts,
) {
    let target = || request.uri().authority().map(Authority::as_str);
    let header = || request.headers().get(HOST)?.to_str().ok();
    // The first that is there counts, also where it is no host: another one is not what was meant.
    let Some(authority) = forwarded.or_else(target).or_else(header) else { return };
    let parse = |authority: &str| parse_host(authority).map(|(host, port)| (Arc::from(host), port));
    let Some((host, port)) = common.server.get(authority, parse) else { return };
    let default_port = if scheme == "https" { 443 } else { 80 };
    attributes.push(KeyValue::new(key::SERVER_ADDRESS, host));
    attributes.push(KeyValue::new(key::SERVER_PORT, i64::from(port.unwrap_or(default_port))));
}

/// The client, as trusted proxies tell it, else the socket's peer; and the peer in any case.
fn push_client(
    attributes: &mut Vec<KeyValue>,
    peer: Option<SocketAddr>,
    forwarded: Option<IpAddr>,
    common: &CommonTexts,
) {
    // An IPv4 client of a dual-stack socket shows up as ::ffff:a.b.c.d.
    let text = |ip: &IpAddr| Arc::from(ip.to_canonical().to_string());
    let peer = peer.map(|peer| (common.peer.get(&peer.ip(), text), peer.port()));
    let client = forwarded.map(|client| text(&client));
    if let Some(client) = client.or_else(|| peer.as_ref().map(|(address, _)| Arc::clone(address))) {
        attributes.push(KeyValue::new(key::CLIENT_ADDRESS, client));
    }
    if let Some((address, port)) = peer {
        attributes.push(KeyValue::new(key::NETWORK_PEER_ADDRESS, address));
        attributes.push(KeyValue::new(key::NETWORK_PEER_PORT, i64::from(port)));
    }
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
