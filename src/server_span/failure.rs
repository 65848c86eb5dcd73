//! What an [`on_failure`](super::Middleware::on_failure) hook is told: reports of errors can be sent so.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use opentelemetry::Context;
use opentelemetry::trace::{SpanRef, TraceContextExt};

use super::panic::HandlerPanic;
use super::parties::{CommonTexts, Parties};
use super::settings::Middleware;
use crate::authority::authority;
use crate::redaction::redact_query;

/// A request that failed on our side, with a 5xx or a panic, while its span is still open.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// What was asked.
    pub request: ReceivedRequest,
    /// `http.route`, if one matched; where there was no response, the one that the path fits.
    pub route: Option<&'a str>,
    /// The response's status.
    pub status: Option<StatusCode>,
    /// `error.type`.
    pub error_type: &'a str,
    /// What the error or the panic said; `None` where the handler answered 5xx without an error.
    pub message: Option<&'a str>,
    /// The panic, if it was one.
    pub panic: Option<&'a HandlerPanic>,
    pub(super) cx: &'a Context,
}

impl<'a> Failure<'a> {
    /// The SERVER span, for attributes of the hook's own.
    pub fn span(&self) -> SpanRef<'a> {
        self.cx.span()
    }
}

/// A request as it came. Its `Debug` shows no headers: there are secrets among them.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The method as it came.
    pub method: Method,
    /// The URL as the client named it, its query redacted as `url.query` is; a mere path where it named
    /// no host.
    pub url: String,
    /// The query, redacted so.
    pub query: Option<String>,
    /// `client.address`.
    pub client_address: Option<IpAddr>,
    /// All headers, as they came.
    pub headers: HeaderMap,
}

impl fmt::Debug for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, .. } = self;
        f.debug_struct("ReceivedRequest")
            .field("method", method)
            .field("url", url)
            .finish_non_exhaustive()
    }
}

/// What is kept of a request in case it fails, as cheaply as can be: most do not. The request itself
/// cannot be kept, Actix wants to have it for itself.
pub(super) struct Kept {
    method: Method,
    target: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    peer: Option<IpAddr>,
    is_secure: bool,
}

impl Kept {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let headers = request.headers().iter();
        Self {
            method: request.method().clone(),
            target: request.uri().clone(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            peer: request.peer_addr().map(|peer| peer.ip()),
            is_secure: request.app_config().secure(),
        }
    }

    pub(super) fn told(self, settings: &Middleware) -> ReceivedRequest {
        let Self { method, target, headers, peer, is_secure } = self;
        let headers: HeaderMap = headers.into_iter().collect();
        let Parties { scheme, server, client } = Parties::of(
            &headers,
            &target,
            peer,
            is_secure,
            &settings.trusted_proxies,
            &CommonTexts::default(),
        );
        let query = target.query().map(|query| redact_query(query, &settings.redacted_query_keys));
        let origin = |(host, port): (Arc<str>, u16)| {
            format!("{scheme}://{}", authority(scheme, &host, Some(port.into())))
        };
        let mut url = server.map(origin).unwrap_or_default();
        url.push_str(target.path());
        if let Some(query) = &query {
            url.push('?');
            url.push_str(query);
        }
        ReceivedRequest { method, url, query, client_address: client, headers }
    }
}
