//! A request while it is put together.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request, Response, Url};
use serde::Serialize;

use super::client::Client;
use super::error::Error;

/// A request of a [`Client`] that is not sent yet. What is wrong with it, [`send`](Self::send) says.
///
/// ```
/// # use backend_actix::http_client::{Client, Error};
/// # async fn doc(client: Client) -> Result<(), Error> {
/// let response = client
///     .post("http://localhost:8080/messages")
///     .header("x-request-id", "7")
///     .json(&serde_json::json!({ "message": "Hello" }))
///     .send()
///     .await?;
/// assert_eq!(response.status(), 201);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Request, Error>,
}

impl RequestBuilder {
    pub(super) fn new(client: Client, method: Method, url: &str) -> Self {
        // Not by reqwest's builder: it takes the credentials out of the URL, and the span is to say
        // that there were some.
        let request = Url::parse(url).map(|url| Request::new(method, url)).map_err(Error::request);
        Self { client, request }
    }

    /// Adds a header; one of the same name stays as well.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: std::error::Error + Send + Sync + 'static>,
        V: TryInto<HeaderValue, Error: std::error::Error + Send + Sync + 'static>,
    {
        self.and_then(|request| {
            let name = name.try_into().map_err(Error::request)?;
            let value = value.try_into().map_err(Error::request)?;
            request.headers_mut().append(name, value);
            Ok(())
        })
    }

    /// Sets headers, in place of those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.and_then(|request| {
            let map = request.headers_mut();
            for name in headers.keys() {
                map.remove(name);
            }
            for name in headers.keys() {
                map.extend(headers.get_all(name).iter().map(|value| (name.clone(), value.clone())));
            }
            Ok(())
        })
    }

    /// Sets the body. One that streams can be sent only once: there are no retries then.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.and_then(|request| {
            *request.body_mut() = Some(body.into());
            Ok(())
        })
    }

    /// Sets the body to `value` as JSON, and its type, if none is set.
    pub fn json(self, value: &impl Serialize) -> Self {
        self.and_then(|request| {
            let json = serde_json::to_vec(value).map_err(Error::request)?;
            *request.body_mut() = Some(json.into());
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().entry(CONTENT_TYPE).or_insert(json);
            Ok(())
        })
    }

    /// Sets how long an attempt may take with all of its response's body, besides the client's own
    /// timeout, which is for the headers.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.and_then(|request| {
            *request.timeout_mut() = Some(timeout);
            Ok(())
        })
    }

    /// Sends it as [`Client::execute`] does: the active span is the parent from now on, not from when
    /// the future is first polled.
    ///
    /// # Errors
    /// Whatever there is instead of a response.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let Self { client, request } = self;
        let response = request.map(|request| client.execute(request));
        async move { response?.await }
    }

    fn and_then(mut self, change: impl FnOnce(&mut Request) -> Result<(), Error>) -> Self {
        self.request = self.request.and_then(|mut request| {
            change(&mut request)?;
            Ok(request)
        });
        self
    }
}
