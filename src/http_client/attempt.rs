//! The span of one attempt, from its opening to its end.
//!
//! It ends when it is dropped: after its response, after its failure, or because the caller has
//! dropped the future, which is a decision and no error.

use std::borrow::Cow;

use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute as key;
use reqwest::{Request, Response, Version};
use url::Host;

use super::error::Error;
use super::full_url::full_url;
use super::settings::Settings;

/// How many attributes a span usually gets, those of the response included.
const USUAL_COUNT: usize = 10;

/// An open CLIENT span, in the context in which it is the active span; or none, where nothing is to
/// be traced.
pub(super) struct Attempt {
    cx: Context,
    is_traced: bool,
}

impl Attempt {
    pub(super) fn open(
        settings: &Settings,
        parent: &Context,
        request: &Request,
        resend_count: u32,
    ) -> Self {
        // An exporter's own request, say: traced, it would be exported by the next.
        if parent.is_telemetry_suppressed() {
            return Self { cx: parent.clone(), is_traced: false };
        }
        let method = settings.known_method(request.method());
        let span = settings.tracer.build_with_context(
            SpanBuilder::from_name(method.clone().unwrap_or(Cow::Borrowed("HTTP")))
                .with_kind(SpanKind::Client)
                .with_attributes(at_start(settings, request, method, resend_count)),
            parent,
        );
        Self { cx: parent.with_span(span), is_traced: true }
    }

    pub(super) fn is_traced(&self) -> bool {
        self.is_traced
    }

    /// The context in which this is the active span; attach it for a poll, never across an await.
    pub(super) fn context(&self) -> &Context {
        &self.cx
    }

    /// Notes what the response's head tells. Unlike a server's span, 4xx is an error here: the request
    /// was ours.
    pub(super) fn on_response(&self, response: &Response) {
        let status = response.status();
        let mut attributes = Vec::with_capacity(5);
        let code = i64::from(status.as_u16());
        attributes.push(KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, code));
        if let Some(peer) = response.remote_addr() {
            // An IPv4 server reached by a dual-stack socket shows up as ::ffff:a.b.c.d.
            let address = peer.ip().to_canonical().to_string();
            attributes.push(KeyValue::new(key::NETWORK_PEER_ADDRESS, address));
            attributes.push(KeyValue::new(key::NETWORK_PEER_PORT, i64::from(peer.port())));
        }
        if let Some(version) = protocol_version(response.version()) {
            attributes.push(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
        }
        if let Some(span) = self.span() {
            span.set_attributes(attributes);
        }
        if status.is_client_error() || status.is_server_error() {
            self.fail(Cow::Owned(status.as_str().to_owned()));
        }
    }

    /// Notes that there is no response, or a redirect that leads nowhere. Not after a response that
    /// is an error itself: its status code says more.
    pub(super) fn on_error(&self, error: &Error) {
        self.fail(Cow::Borrowed(error.class()));
    }

    fn fail(&self, class: Cow<'static, str>) {
        if let Some(span) = self.span() {
            span.set_attribute(KeyValue::new(key::ERROR_TYPE, class));
            // No description: the status code or the error's type says it.
            span.set_status(Status::error(""));
        }
    }

    /// The span; not the caller's, which is the active one where nothing is traced.
    fn span(&self) -> Option<opentelemetry::trace::SpanRef<'_>> {
        self.is_traced.then(|| self.cx.span())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Explicit: clones of the context must not keep the span open.
        if let Some(span) = self.span() {
            span.end();
        }
    }
}

/// The attributes that are known when the span opens, so that a sampler sees them.
fn at_start(
    settings: &Settings,
    request: &Request,
    method: Option<Cow<'static, str>>,
    resend_count: u32,
) -> Vec<KeyValue> {
    let url = request.url();
    let mut attributes = Vec::with_capacity(USUAL_COUNT);
    if method.is_none() {
        let original = request.method().as_str().to_owned();
        attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD_ORIGINAL, original));
    }
    let method = method.unwrap_or(Cow::Borrowed("_OTHER"));
    attributes.push(KeyValue::new(key::HTTP_REQUEST_METHOD, method));
    if let Some(host) = url.host() {
        let host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            // Without the brackets that it has in a URL.
            Host::Ipv6(address) => address.to_string(),
        };
        attributes.push(KeyValue::new(key::SERVER_ADDRESS, host));
    }
    if let Some(port) = url.port_or_known_default() {
        attributes.push(KeyValue::new(key::SERVER_PORT, i64::from(port)));
    }
    let full = full_url(url, &settings.redacted_query_keys);
    attributes.push(KeyValue::new(key::URL_FULL, full));
    if resend_count > 0 {
        let count = i64::from(resend_count);
        attributes.push(KeyValue::new(key::HTTP_REQUEST_RESEND_COUNT, count));
    }
    attributes
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
