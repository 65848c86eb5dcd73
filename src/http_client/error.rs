//! The ways in which there is no response.

use std::error::Error as StdError;
use std::io;

use reqwest::Url;

use crate::causes::{causes, root_cause};

/// What is below an error.
type Source = Box<dyn StdError + Send + Sync>;

/// Why there is no response. A response that tells of an error is none of these: it is a response.
///
/// No URL is in it, as there may be secrets in one.
///
/// ```
/// # use backend_actix::http_client::Client;
/// # #[actix_web::main]
/// # async fn main() {
/// # let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
/// # let client = Client::new(&provider).unwrap();
/// let error = client.get("localhost:8080").send().await.unwrap_err();
/// assert_eq!(error.class(), "request");
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be sent as it is. Mostly that is known before a span is opened.
    #[error(
        "the request cannot be sent: {}; give it an absolute http or https URL and valid headers",
        root_cause(&**source)
    )]
    Request {
        /// What is wrong with it.
        source: Source,
    },
    /// The response's headers were not there in time.
    #[error("{server} did not answer in time; see whether it is up, or allow for a longer timeout")]
    Timeout {
        /// Host and port.
        server: String,
        /// Did it not even come to a connection?
        while_connecting: bool,
    },
    /// The host's name has no address.
    #[error(
        "the address of {server} cannot be found: {}; check the name and the resolver",
        root_cause(&**source)
    )]
    Dns {
        /// Host and port.
        server: String,
        /// What the resolver said.
        source: Source,
    },
    /// There is a server, but no trust in it.
    #[error(
        "no secure connection to {server}: {}; check its certificate and the trusted ones",
        root_cause(&**source)
    )]
    Tls {
        /// Host and port.
        server: String,
        /// What the handshake failed with.
        source: Source,
    },
    /// Nobody listens there, or the network is not up.
    #[error(
        "no connection to {server}: {}; see whether it is up and can be reached",
        root_cause(&**source)
    )]
    Connect {
        /// Host and port.
        server: String,
        /// What the connecting failed with.
        source: Source,
    },
    /// The connection broke before the response's headers were in, or what came was no HTTP.
    #[error(
        "the exchange with {server} broke: {}; whether it saw the request is not known",
        root_cause(&**source)
    )]
    Exchange {
        /// Host and port.
        server: String,
        /// What it broke with.
        source: Source,
    },
    /// One redirect led to the next.
    #[error("{server} redirects once more after {limit} redirects; look for a loop among them")]
    TooManyRedirects {
        /// Host and port.
        server: String,
        /// As many were followed.
        limit: u32,
    },
    /// A redirect leads to what is no http or https URL.
    #[error("{server} redirects to what is no http or https URL; correct its Location header")]
    BadRedirect {
        /// Host and port.
        server: String,
    },
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTP client could not be made: {}; are root certificates installed, and those given valid?",
    root_cause(.0)
)]
pub struct BuildError(#[source] pub(crate) reqwest::Error);

impl Error {
    /// `error.type`: one of a few words, all known beforehand.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Request { .. } | Self::Exchange { .. } => "request",
            Self::Timeout { .. } => "timeout",
            Self::Dns { .. } => "dns",
            Self::Tls { .. } => "tls",
            Self::Connect { .. } => "connect",
            Self::TooManyRedirects { .. } | Self::BadRedirect { .. } => "redirect",
        }
    }

    /// Is it certain that the server has not seen the request? Where it has no trust, a second try
    /// will not give it any.
    pub(super) fn is_before_connection(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Dns { .. } | Self::Timeout { while_connecting: true, .. }
        )
    }

    pub(super) fn request(source: impl Into<Source>) -> Self {
        Self::Request { source: source.into() }
    }

    /// The class of reqwest's `error`, as it reliably tells it.
    pub(crate) fn of_exchange(error: reqwest::Error, url: &Url) -> Self {
        let error = error.without_url();
        let server = server(url);
        if error.is_timeout() {
            return Self::Timeout { server, while_connecting: error.is_connect() };
        }
        let (is_dns, is_connect, is_builder) =
            (error.is_dns(), error.is_connect(), error.is_builder());
        let is_tls = is_connect && is_handshake_failure(&error);
        let source = Source::from(error);
        match () {
            () if is_dns => Self::Dns { server, source },
            () if is_tls => Self::Tls { server, source },
            () if is_connect => Self::Connect { server, source },
            () if is_builder => Self::Request { source },
            () => Self::Exchange { server, source },
        }
    }
}

/// The host and the port, as errors name a server.
pub(super) fn server(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

/// While connecting, nothing but a handshake reads data that it could find invalid.
fn is_handshake_failure(error: &reqwest::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref()).any(is_invalid_data)
}

/// An I/O error has not the one that it wraps as its source, but that one's source.
fn is_invalid_data(error: &io::Error) -> bool {
    let wrapped = || error.get_ref()?.downcast_ref().map(is_invalid_data);
    error.kind() == io::ErrorKind::InvalidData || wrapped().unwrap_or(false)
}
