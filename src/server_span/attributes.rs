//! What a SERVER span says of its request. One function a group of attributes; each key is set once,
//! because the SDK appends and would send both.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Version;
use actix_web::http::header::USER_AGENT;
use actix_web::http::uri::PathAndQuery;
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute as key;

use super::method::Method;
use super::parties::{CommonTexts, Parties};
use super::settings::Middleware;
use crate::redaction::redact_query;

/// How many attributes a span usually gets, those set after routing included.
pub(super) const USUAL_COUNT: usize = 16;

/// The attributes that are known when the span opens, so that a sampler can see them.
pub(super) struct AtStart<'a> {
    pub(super) request: &'a ServiceRequest,
    pub(super) method: &'a Method,
    /// The guess: where it is borrowed it is the path, as a text that need not be copied.
    pub(super) route: Option<&'a Cow<'static, str>>,
    pub(super) settings: &'a Middleware,
    pub(super) common: &'a CommonTexts,
}

impl AtStart<'_> {
    /// Hands each of them to `set`.
    pub(super) fn tell(&self, mut set: impl FnMut(KeyValue)) {
        let Self { request, settings, common, .. } = self;
        let peer = request.peer_addr();
        let parties = Parties::of(
            request.headers(),
            request.uri(),
            peer.map(|peer| peer.ip()),
            request.app_config().secure(),
            &settings.trusted_proxies,
            common,
        );
        self.tell_method(&mut set);
        self.tell_url(parties.scheme, &mut set);
        tell_parties(parties, peer, common, &mut set);
        if let Some(version) = protocol_version(request.version()) {
            set(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
        }
        if let Some(user_agent) = request.headers().get(USER_AGENT) {
            let text = match user_agent.to_str() {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(user_agent.as_bytes()).into_owned(),
            };
            set(KeyValue::new(key::USER_AGENT_ORIGINAL, text));
        }
        settings.request_headers.attributes(request.headers()).for_each(set);
    }

    fn tell_method(&self, set: &mut impl FnMut(KeyValue)) {
        let Self { request, method, .. } = self;
        set(KeyValue::new(key::HTTP_REQUEST_METHOD, method.attribute()));
        if !method.is_known() {
            let original = request.method().as_str().to_owned();
            set(KeyValue::new(key::HTTP_REQUEST_METHOD_ORIGINAL, original));
        }
    }

    fn tell_url(&self, scheme: &'static str, set: &mut impl FnMut(KeyValue)) {
        let Self { request, route, settings, .. } = self;
        set(KeyValue::new(key::URL_SCHEME, scheme));
        set(match route {
            Some(Cow::Borrowed(path)) => KeyValue::new(key::URL_PATH, *path),
            _ => KeyValue::new(key::URL_PATH, request.path().to_owned()),
        });
        if let Some(query) = request.uri().path_and_query().and_then(PathAndQuery::query) {
            let query = redact_query(query, &settings.redacted_query_keys);
            set(KeyValue::new(key::URL_QUERY, query));
        }
    }
}

/// The host that the client named; the client; and the socket's peer in any case.
fn tell_parties(
    parties: Parties,
    peer: Option<SocketAddr>,
    common: &CommonTexts,
    set: &mut impl FnMut(KeyValue),
) {
    if let Some((host, port)) = parties.server {
        set(KeyValue::new(key::SERVER_ADDRESS, host));
        set(KeyValue::new(key::SERVER_PORT, i64::from(port)));
    }
    let peer = peer.map(|peer| (peer.ip().to_canonical(), peer.port()));
    let peer = peer.map(|(ip, port)| (ip, common.peer(ip), port));
    if let Some(client) = parties.client {
        let text = match &peer {
            Some((ip, text, _)) if *ip == client => Arc::clone(text),
            _ => Arc::from(client.to_string()),
        };
        set(KeyValue::new(key::CLIENT_ADDRESS, text));
    }
    if let Some((_, text, port)) = peer {
        set(KeyValue::new(key::NETWORK_PEER_ADDRESS, text));
        set(KeyValue::new(key::NETWORK_PEER_PORT, i64::from(port)));
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
