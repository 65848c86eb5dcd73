//! The `http` block: the request that was served or made, from today's semantic conventions.

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::document::{Http, Request, Response};
use super::values::{number, text};
use crate::authority::authority;
use crate::cut::cut;

/// Longer texts are refused; the whole of one that is cut is in the metadata.
const MAX_CHARACTERS: usize = 250;

/// The block of a span that is about HTTP, and the attributes that it says in full.
pub(super) fn block(span: &SpanData) -> (Option<Http>, Vec<&'static str>) {
    let method = text(span, key::HTTP_REQUEST_METHOD);
    let status = number(span, key::HTTP_RESPONSE_STATUS_CODE);
    if method.is_none() && status.is_none() {
        return (None, Vec::new());
    }
    let mut said = Vec::new();
    let mut whole = |key: &'static str| {
        let value = text(span, key)?;
        let kept = cut(value, MAX_CHARACTERS);
        if kept.len() == value.len() {
            said.push(key);
        }
        Some(kept.to_owned())
    };
    let original = whole(key::HTTP_REQUEST_METHOD_ORIGINAL);
    let method = original.or_else(|| whole(key::HTTP_REQUEST_METHOD));
    let user_agent = whole(key::USER_AGENT_ORIGINAL);
    let client_ip = whole(key::CLIENT_ADDRESS);
    let peer = text(span, key::NETWORK_PEER_ADDRESS);
    let url = match span.span_kind {
        SpanKind::Client => called_url(span, &mut said),
        _ => served_url(span, &mut said),
    };
    let content_length = number(span, key::HTTP_RESPONSE_BODY_SIZE);
    said.extend([key::HTTP_RESPONSE_STATUS_CODE, key::HTTP_RESPONSE_BODY_SIZE]);
    let x_forwarded_for = peer.is_some() && client_ip.is_some() && client_ip.as_deref() != peer;
    let request = Request { method, url, user_agent, client_ip, x_forwarded_for };
    (Some(Http { request, response: Response { status, content_length } }), said)
}

/// Scheme, host and path, as AWS wants it: the query stays in the metadata.
fn served_url(span: &SpanData, said: &mut Vec<&'static str>) -> Option<String> {
    let path = text(span, key::URL_PATH)?;
    let scheme = text(span, key::URL_SCHEME).unwrap_or("http");
    // A request that names no host has but a path.
    let url = text(span, key::SERVER_ADDRESS).map_or_else(
        || path.to_owned(),
        |host| {
            format!("{scheme}://{}{path}", authority(scheme, host, number(span, key::SERVER_PORT)))
        },
    );
    let kept = cut(&url, MAX_CHARACTERS);
    if kept.len() == url.len() {
        said.extend([key::URL_PATH, key::URL_SCHEME]);
    }
    Some(kept.to_owned())
}

fn called_url(span: &SpanData, said: &mut Vec<&'static str>) -> Option<String> {
    let full = text(span, key::URL_FULL)?;
    let url = full.split_once(['?', '#']).map_or(full, |(url, _)| url);
    let kept = cut(url, MAX_CHARACTERS);
    if kept.len() == full.len() {
        said.push(key::URL_FULL);
    }
    Some(kept.to_owned())
}
