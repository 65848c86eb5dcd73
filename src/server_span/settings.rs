//! What can be chosen about SERVER spans: the builder that `App::wrap` takes.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpRequest};
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use opentelemetry_semantic_conventions::SCHEMA_URL;

use super::body::SpanBody;
use super::captured_headers::{CapturedHeaders, HeaderNames};
use super::failure::{Failure, Kept, ReceivedRequest};
use super::in_flight::InFlight;
use super::middleware::TracedService;
use super::open_span::Ended;
use super::panic::catch;
use super::parties::CommonTexts;
use super::routes::Routes;
use super::trusted_proxies::TrustedProxies;
use crate::propagation::{self, Kind};

/// Opens a SERVER span for each request: `App::wrap` it outside of everything that should be inside
/// the span; once, or a request has two.
///
/// ```
/// # use backend_actix::server_span::{HeaderNames, Middleware};
/// # let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// let middleware = Middleware::new(&provider)
///     .exclude("/health")
///     .trust_proxies("10.0.0.0/8".parse().unwrap())
///     .capture_request_headers(HeaderNames::new(["x-request-id"]).unwrap());
/// # let _ = middleware;
/// ```
#[derive(Clone)]
pub struct Middleware {
    pub(super) tracer: SdkTracer,
    pub(super) propagators: Vec<Kind>,
    pub(super) excluded_paths: Vec<String>,
    pub(super) trusted_proxies: TrustedProxies,
    /// `None`: the conventions' own list.
    pub(super) known_methods: Option<Vec<String>>,
    pub(super) redacted_query_keys: Vec<String>,
    pub(super) request_headers: CapturedHeaders,
    pub(super) response_headers: CapturedHeaders,
    pub(super) public_endpoint: bool,
    pub(super) sampler_reads_attributes: bool,
    pub(super) exception_events: bool,
    pub(super) classify_error: fn(&Error) -> Option<&'static str>,
    pub(super) in_flight: InFlight,
    on_start: Option<Arc<OnStart>>,
    on_end: Option<Arc<OnEnd>>,
    on_failure: Option<Arc<OnFailure>>,
}

type OnStart = dyn Fn(&mut Span) + Send + Sync;
type OnEnd = dyn Fn(&Ended<'_>) + Send + Sync;
type OnFailure = dyn Fn(Failure<'_>) + Send + Sync;

impl Middleware {
    /// A middleware whose spans go to `provider`, under a scope named after this crate, with the
    /// version of the semantic conventions as its schema.
    pub fn new(provider: &SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        Self {
            tracer: provider.tracer_with_scope(scope),
            propagators: vec![Kind::TraceContext, Kind::Baggage],
            excluded_paths: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            known_methods: None,
            redacted_query_keys: Vec::new(),
            request_headers: CapturedHeaders::default(),
            response_headers: CapturedHeaders::default(),
            public_endpoint: false,
            sampler_reads_attributes: true,
            exception_events: true,
            classify_error: |_| None,
            in_flight: InFlight::default(),
            on_start: None,
            on_end: None,
            on_failure: None,
        }
    }

    /// Reads the caller's context in these forms; by default W3C trace context and baggage.
    pub fn propagators(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.propagators = kinds.into_iter().collect();
        self
    }

    /// Does not trace `path` and what is under it: `/health` also excludes `/health/live`.
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        self.excluded_paths.push(path.trim_end_matches('/').to_owned());
        self
    }

    /// Believes what these proxies say of the client, the host and the scheme (`Forwarded`,
    /// `X-Forwarded-*`); by default nobody.
    pub fn trust_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Takes these methods, and no others, for known; an unknown one becomes `_OTHER`, so that
    /// strangers cannot make up span names. By default those of RFC 9110, PATCH and QUERY.
    pub fn known_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.known_methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// Redacts the values of these query keys too, besides the seven that the conventions name.
    /// Case-sensitive.
    pub fn redact_query_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.redacted_query_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Records these headers of requests as `http.request.header.<name>`, as they are: nothing in them
    /// is redacted, not even the query of a `referer`.
    pub fn capture_request_headers(mut self, names: HeaderNames) -> Self {
        self.request_headers = CapturedHeaders::new("http.request.header.", names);
        self
    }

    /// Records these headers of responses as `http.response.header.<name>`: those that handlers and the
    /// middlewares inside of this one set.
    pub fn capture_response_headers(mut self, names: HeaderNames) -> Self {
        self.response_headers = CapturedHeaders::new("http.response.header.", names);
        self
    }

    /// For a service that strangers call: their context becomes a link and the trace starts here, so
    /// that they can neither force sampling nor choose ids.
    pub fn public_endpoint(mut self, public: bool) -> Self {
        self.public_endpoint = public;
        self
    }

    /// Says whether the provider's sampler looks at a span's attributes; by default it may. One that
    /// decides by the trace id or the name alone need not have them, and requests that it leaves out are
    /// spared their making.
    pub fn sampler_reads_attributes(mut self, reads: bool) -> Self {
        self.sampler_reads_attributes = reads;
        self
    }

    /// Records exceptions as span events (the default) besides the log event, which is always
    /// written.
    pub fn exception_events(mut self, events: bool) -> Self {
        self.exception_events = events;
        self
    }

    /// Names the class of a handler's error, for `error.type`; of few values, all known beforehand.
    /// Where it says nothing, the status code stands for it.
    pub fn classify_errors(mut self, classify: fn(&Error) -> Option<&'static str>) -> Self {
        self.classify_error = classify;
        self
    }

    /// Counts requests, and lets those that are cut off when the service stops say so, as
    /// `error.type=shutdown`.
    pub fn in_flight(mut self, in_flight: InFlight) -> Self {
        self.in_flight = in_flight;
        self
    }

    /// Calls `on_start` with each recorded span when it has the attributes that it starts with, which a span
    /// processor sees only where the [sampler](Self::sampler_reads_attributes) does. A panic in it is
    /// caught.
    pub fn on_start(mut self, on_start: impl Fn(&mut Span) + Send + Sync + 'static) -> Self {
        self.on_start = Some(Arc::new(on_start));
        self
    }

    /// Calls `on_end` with each span when it has ended, on the thread that ended it. An access log can
    /// be written so. A panic in it is caught.
    pub fn on_end(mut self, on_end: impl Fn(&Ended<'_>) + Send + Sync + 'static) -> Self {
        self.on_end = Some(Arc::new(on_end));
        self
    }

    /// Calls `on_failure` with each request that fails on our side, with a 5xx or a panic, while its span
    /// is open, on the thread of the request: it must not wait. A panic in it is caught.
    pub fn on_failure(mut self, on_failure: impl Fn(Failure<'_>) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Arc::new(on_failure));
        self
    }

    /// What a failure would tell of `request`: who asked, as trusted proxies tell it, and the URL, with
    /// its query redacted.
    pub fn received(&self, request: &HttpRequest) -> ReceivedRequest {
        Kept::of(request).told(self)
    }

    pub(super) fn excludes(&self, path: &str) -> bool {
        self.excluded_paths.iter().any(|excluded| {
            path.strip_prefix(excluded.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    pub(super) fn tell_end<'a>(&self, ended: impl FnOnce() -> Ended<'a>) {
        if let Some(on_end) = &self.on_end {
            // It may run while the request is dropped, where a second panic would end the process.
            let _ = catch(|| on_end(&ended()));
        }
    }

    pub(super) fn tell_start(&self, span: &mut Span) {
        if let Some(on_start) = &self.on_start {
            let _ = catch(|| on_start(span));
        }
    }

    /// What is to be kept of `request` in case it fails; nothing where nobody wants to be told.
    pub(super) fn keep(&self, request: &HttpRequest) -> Option<Box<Kept>> {
        self.on_failure.is_some().then(|| Box::new(Kept::of(request)))
    }

    pub(super) fn tell_failure<'a>(&self, failure: impl FnOnce() -> Failure<'a>) {
        if let Some(on_failure) = &self.on_failure {
            let _ = catch(|| on_failure(failure()));
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Middleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<SpanBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = TracedService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let propagator = propagation::propagator(&self.propagators);
        ready(Ok(TracedService {
            service,
            propagator,
            settings: Rc::new(self.clone()),
            common: CommonTexts::default(),
            routes: Routes::default(),
        }))
    }
}
