//! What can be chosen about a client: its builder.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_semantic_conventions::SCHEMA_URL;
use reqwest::{ClientBuilder, Method, Url, redirect, retry};

use super::client::Client;
use super::error::BuildError;
use crate::propagation::{Kind, propagator};
use crate::server_span::standard_method;

/// Makes a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// use backend_actix::http_client::Client;
///
/// # let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// let client = Client::builder(&provider)
///     .max_attempts(2)
///     .timeout(Duration::from_secs(5))
///     .redact_query_keys(["api_key"])
///     .without_propagation_to("api.partner.example")
///     .build()?;
/// # let _ = client;
/// # Ok::<_, backend_actix::http_client::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    http: ClientBuilder,
    propagators: Vec<Kind>,
    settings: Settings,
}

/// What the parts of the client look up.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) tracer: SdkTracer,
    pub(super) max_attempts: u32,
    pub(super) first_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) timeout: Duration,
    pub(super) max_redirects: u32,
    pub(super) redacted_query_keys: Vec<String>,
    /// `None`: the conventions' own list.
    known_methods: Option<Vec<String>>,
    /// In lower case, as a [`Url`] has them.
    outside_hosts: Vec<String>,
}

impl Builder {
    pub(super) fn new(provider: &SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        Self::with_tracer(provider.tracer_with_scope(scope))
    }

    pub(super) fn with_tracer(tracer: SdkTracer) -> Self {
        Self {
            http: ClientBuilder::new(),
            propagators: vec![Kind::TraceContext, Kind::Baggage],
            settings: Settings {
                tracer,
                max_attempts: 3,
                first_delay: Duration::from_millis(100),
                max_delay: Duration::from_secs(10),
                timeout: Duration::from_secs(30),
                max_redirects: 10,
                redacted_query_keys: Vec::new(),
                known_methods: None,
                outside_hosts: Vec::new(),
            },
        }
    }

    /// Builds upon `http`: its certificates, its proxies, its resolver. Its redirects and retries are
    /// switched off, as they would be seen by nobody. Its default headers go to every host, also to
    /// one that a redirect names: no place for credentials.
    pub fn http(mut self, http: ClientBuilder) -> Self {
        self.http = http;
        self
    }

    /// Passes the trace on in these forms; by default W3C trace context and baggage.
    pub fn propagators(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.propagators = kinds.into_iter().collect();
        self
    }

    /// Sends no header of the trace to `host`, which is outside of it: a name, in any case, or an
    /// address, without a port. Its requests have spans all the same.
    pub fn without_propagation_to(mut self, host: impl Into<String>) -> Self {
        let mut host: String = host.into();
        host.make_ascii_lowercase();
        self.settings.outside_hosts.push(host);
        self
    }

    /// Sends a request so many times at the most, redirects not counted; by default 3, and 1 for no
    /// retries. Only idempotent methods (RFC 9110, section 9.2.2) are tried again, when there is no
    /// connection, or the status is 429, 502, 503 or 504.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = attempts;
        self
    }

    /// Waits `first` before the second attempt, then twice as long each time, and never longer than
    /// `most`; by default 100 ms and 10 s. Each wait is shortened at random, to its half at the most, so
    /// that callers who failed together do not come back together. A server's `Retry-After` replaces it,
    /// and if that is more than `most`, there is no other attempt.
    pub fn delays(mut self, first: Duration, most: Duration) -> Self {
        self.settings.first_delay = first;
        self.settings.max_delay = most;
        self
    }

    /// Waits so long for the headers of a response, for each attempt anew; by default 30 s. The body
    /// is the caller's to read, and to wait for.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Follows so many redirects, by default 10; one more is an error. With 0 a redirect is a response
    /// as any other.
    pub fn max_redirects(mut self, redirects: u32) -> Self {
        self.settings.max_redirects = redirects;
        self
    }

    /// Redacts the values of these query keys too, besides the seven that the conventions name.
    /// Case-sensitive.
    pub fn redact_query_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.settings.redacted_query_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Takes these methods, and no others, for known; an unknown one becomes `_OTHER`. By default
    /// those of RFC 9110, PATCH and QUERY.
    pub fn known_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.settings.known_methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// The client.
    ///
    /// # Errors
    /// If what it is built upon cannot be built: there are no root certificates, say.
    pub fn build(self) -> Result<Client, BuildError> {
        // What stays is no second attempt: on a pooled connection that turns out to be closed nothing
        // was sent, and the request goes over another.
        let http = self.http.redirect(redirect::Policy::none()).retry(retry::never());
        let http = http.build().map_err(BuildError)?;
        Ok(Client::new_with(http, propagator(&self.propagators), self.settings))
    }
}

impl Settings {
    /// `http.request.method`; `None` for an unknown one.
    pub(super) fn known_method(&self, method: &Method) -> Option<Cow<'static, str>> {
        let method = method.as_str();
        match &self.known_methods {
            None => standard_method(method).map(Cow::Borrowed),
            Some(known) => {
                known.iter().any(|known| known == method).then(|| Cow::Owned(method.to_owned()))
            }
        }
    }

    /// Is the host of `url` outside of the trace?
    pub(super) fn is_outside(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_matches(['[', ']']);
        self.outside_hosts.iter().any(|outside| outside == host || outside == bare)
    }
}
