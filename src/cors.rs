//! Which web pages may call the API: the configured origins and nobody else, for all of `/api/*`.
//!
//! `actix-cors` decides and answers preflights; [`expose`] adds what a page may read of an answer,
//! for allowed origins only (`actix-cors` would tell it to strangers as well).

use std::collections::BTreeSet;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName, HeaderValue, VARY,
};
use actix_web::middleware::Next;

/// Methods of the API.
const METHODS: [&str; 4] = ["OPTIONS", "GET", "HEAD", "POST"];
/// What a page may send: JSON, conditions, and the trace it is part of.
const REQUEST_HEADERS: [&str; 5] =
    ["content-type", "if-modified-since", "traceparent", "tracestate", "baggage"];
/// What a page may read: the trace that its call became.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("location, link, traceresponse, server-timing");
/// Lets a page see `server-timing` through the browser's Resource Timing API.
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// The allowed origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// `*`, said explicitly.
    Any,
    /// `scheme://host[:port]` each, lower case, without a default port.
    These(BTreeSet<String>),
}

impl Origins {
    /// Is `origin`, as a browser sends it, allowed? Scheme and host have no case.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(origins) => origins.contains(&origin.to_ascii_lowercase()),
        }
    }
}

/// The CORS rules of the API for `origins`.
pub(crate) fn cors(origins: &Origins) -> Cors {
    let origins = origins.clone();
    Cors::default()
        .allowed_origin_fn(move |origin, _| origin.to_str().is_ok_and(|o| origins.allow(o)))
        .allowed_methods(METHODS)
        .allowed_headers(REQUEST_HEADERS)
}

/// Middleware around [`cors`]: tells a page of an allowed origin which headers it may read, and caches
/// that every answer depends on the origin (a refused preflight of `actix-cors` does not say so).
pub(crate) async fn expose<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if let Some(origin) = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned() {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        headers.insert(TIMING_ALLOW_ORIGIN, origin);
    }
    if !headers.contains_key(VARY) {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_whole_or_not_at_all() {
        let origins = Origins::These(BTreeSet::from(["http://localhost:3000".to_owned()]));
        let cases = [
            ("http://localhost:3000", true),
            ("HTTP://LocalHost:3000", true),
            ("https://localhost:3000", false),
            ("http://localhost:30000", false),
            ("http://localhost", false),
            ("http://localhost:3000.evil.example", false),
            ("http://evil.example/http://localhost:3000", false),
            ("null", false),
            ("", false),
        ];
        for (origin, allowed) in cases {
            assert_eq!(origins.allow(origin), allowed, "{origin}");
        }
        assert!(Origins::Any.allow("https://anything.example"));
    }
}
