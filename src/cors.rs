//! Which web pages may call the API: the configured origins and nobody else, for all of `/api/*`.
//!
//! `actix-cors` decides and answers preflights; [`expose`] adds what a page may read of an answer,
//! for allowed origins only (`actix-cors` would tell it to strangers as well).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_cors::Cors;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::middleware::Next;

use crate::server_span::catch_panics;

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
    These(Arc<BTreeSet<String>>),
}

impl Origins {
    /// These, and `others` besides, in the form of [`Origins::These`].
    #[must_use]
    pub fn and(&self, others: impl IntoIterator<Item = String>) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::These(origins) => {
                Self::These(Arc::new(origins.iter().cloned().chain(others).collect()))
            }
        }
    }

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

/// Middleware around [`cors`]: tells a page of an allowed origin which headers it may read, also of
/// the answer to a request that panicked; and says that every answer depends on the origin (a refused
/// preflight of `actix-cors` does not).
pub(crate) async fn expose<B: MessageBody>(
    origins: Origins,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let origin = request.headers().get(ORIGIN).cloned();
    let origin = origin.filter(|origin| origin.to_str().is_ok_and(|text| origins.allow(text)));
    match catch_panics(next.call(request)).await {
        Ok(mut response) => {
            let is_granted = response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN);
            grant(response.headers_mut(), origin.as_ref().filter(|_| is_granted));
            Ok(response)
        }
        // A panic unwinds through `actix-cors`, which then grants nothing.
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                grant(response.headers_mut(), origin.as_ref());
                response
            });
            Err(error)
        }
    }
}

fn grant(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        headers.insert(TIMING_ALLOW_ORIGIN, origin.clone());
    }
    let varies = |value: &HeaderValue| value.to_str().is_ok_and(|list| list.contains("Origin"));
    if !headers.get_all(VARY).any(varies) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::dev::Service;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, web};

    use super::*;

    #[test]
    fn an_origin_is_allowed_whole_or_not_at_all() {
        let origins =
            Origins::These(Arc::new(BTreeSet::from(["http://localhost:3000".to_owned()])));
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

    #[actix_web::test]
    async fn a_page_may_read_the_answer_to_a_request_that_panicked() {
        let origins =
            Origins::These(Arc::new(BTreeSet::from(["http://localhost:3000".to_owned()])));
        let expose_to = origins.clone();
        let app = init_service(
            App::new()
                .wrap(cors(&origins))
                .wrap(from_fn(move |request, next| expose(expose_to.clone(), request, next)))
                .route("/", web::get().to(async || -> &'static str { panic!("on purpose") })),
        )
        .await;
        for (origin, granted) in [("http://localhost:3000", true), ("http://evil.example", false)] {
            let request = TestRequest::get().insert_header((ORIGIN, origin)).to_request();
            let Err(error) = app.call(request).await else { panic!("an error") };
            let response = error.error_response();
            assert_eq!(response.status(), 500);
            let headers = response.headers();
            assert_eq!(headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), granted, "{origin}");
            assert_eq!(headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS), granted, "{origin}");
            assert!(headers.contains_key(VARY), "{origin}");
        }
    }
}
