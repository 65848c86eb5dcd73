//! The client itself: what happens to a request, in order.

use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::FutureExt;
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, Request, Response, Url};

use super::attempt::Attempt;
use super::error::{BuildError, Error, server};
use super::full_url::has_credentials;
use super::request::RequestBuilder;
use super::resend::{Resends, Spare};
use super::settings::{Builder, Settings};

/// An HTTP client whose requests are traced. Clones share their connections.
///
/// ```
/// use backend_actix::http_client::Client;
///
/// # let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// let client = Client::new(&provider)?;
/// let request = client.get("http://localhost:8080/api/health-check");
/// # let _ = request;
/// # Ok::<_, backend_actix::http_client::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    propagator: TextMapCompositePropagator,
    settings: Settings,
}

impl Client {
    /// A client with the default settings, whose spans go to `provider`.
    ///
    /// # Errors
    /// If the TLS below it cannot start: there are no root certificates, say.
    pub fn new(provider: &SdkTracerProvider) -> Result<Self, BuildError> {
        Self::builder(provider).build()
    }

    /// A builder of a client whose spans go to `provider`, under a scope named after this crate, with
    /// the version of the semantic conventions as its schema.
    pub fn builder(provider: &SdkTracerProvider) -> Builder {
        Builder::new(provider)
    }

    /// A builder of a client whose spans are opened by `tracer`, under that one's scope.
    pub fn builder_with_tracer(tracer: SdkTracer) -> Builder {
        Builder::with_tracer(tracer)
    }

    pub(super) fn new_with(
        http: reqwest::Client,
        propagator: TextMapCompositePropagator,
        settings: Settings,
    ) -> Self {
        Self(Arc::new(Inner { http, propagator, settings }))
    }

    /// A GET request.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A request. `url` is absolute; a name and a password in it are sent as basic authentication.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.as_ref())
    }

    /// Sends a request that was put together elsewhere, by reqwest's own builder for one. The parent
    /// of its spans is the span that is active now, not when the future is first polled.
    ///
    /// Dropping the future cancels the request; its span ends then, and without an error.
    ///
    /// # Errors
    /// Whatever there is instead of a response. A response of any status is none.
    pub fn execute(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let parent = Context::current();
        self.clone().call(request, parent)
    }

    async fn call(self, mut request: Request, parent: Context) -> Result<Response, Error> {
        if !can_be_requested(request.url()) {
            return Err(Error::request("its URL is none of http or https, or has no host"));
        }
        let settings = &self.0.settings;
        let mut resends = Resends::new(settings);
        loop {
            let mut request_to_send = self.authorized(request)?;
            let url = request_to_send.url().clone();
            let spare = Spare::of(&request_to_send);
            let attempt = Attempt::open(settings, &parent, &request_to_send, resends.count());
            self.pass_on(&attempt, &url, request_to_send.headers_mut());
            let next = match self.send(request_to_send, &attempt).await {
                Ok(response) => {
                    attempt.on_response(&response);
                    match resends.after_response(&response, spare) {
                        Ok(Some(next)) => next,
                        Ok(None) => return Ok(response),
                        Err(error) => {
                            attempt.on_error(&error);
                            return Err(error);
                        }
                    }
                }
                Err(error) => {
                    attempt.on_error(&error);
                    match resends.after_error(&error, spare) {
                        Some(next) => next,
                        None => return Err(error),
                    }
                }
            };
            // The wait is nobody's attempt.
            drop(attempt);
            tokio::time::sleep(next.delay).await;
            request = next.request;
        }
    }

    /// One attempt: until the headers are in.
    async fn send(&self, mut request: Request, attempt: &Attempt) -> Result<Response, Error> {
        // They are in `Authorization` by now; a proxy would get to read them here.
        let url = request.url_mut();
        // These fail only for URLs that can have no user, which were refused.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let url = url.clone();
        // Attached anew for each poll, never held across an await.
        let response = self.0.http.execute(request).with_context(attempt.context().clone());
        match tokio::time::timeout(self.0.settings.timeout, response).await {
            Ok(response) => response.map_err(|error| Error::of_exchange(error, &url)),
            Err(_) => Err(Error::Timeout { server: server(&url), while_connecting: false }),
        }
    }

    /// Writes the attempt's own context into `headers`. What the caller has put there of a trace is
    /// not of this one: a `tracestate` must not come with the `traceparent` of another.
    fn pass_on(&self, attempt: &Attempt, url: &Url, headers: &mut HeaderMap) {
        if !attempt.is_traced() {
            return;
        }
        for field in self.0.propagator.fields() {
            headers.remove(field);
        }
        if !self.0.settings.is_outside(url) {
            self.0.propagator.inject_context(attempt.context(), &mut HeaderInjector(headers));
        }
    }

    /// `request`, with the credentials of its URL in `Authorization`. A header that is there wins: it
    /// is the caller's word, or that of the attempt before.
    fn authorized(&self, request: Request) -> Result<Request, Error> {
        let url = request.url();
        if !has_credentials(url) || request.headers().contains_key(AUTHORIZATION) {
            return Ok(request);
        }
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (decode(url.username()), url.password().map(decode));
        reqwest::RequestBuilder::from_parts(self.0.http.clone(), request)
            .basic_auth(user, password)
            .build()
            .map_err(|error| Error::request(error.without_url()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

pub(super) fn can_be_requested(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}
