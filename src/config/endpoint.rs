//! A receiver's address: what a variable may say, and what of it may be shown.

use std::fmt;

use url::{Position, Url};

use super::environment::{ConfigError, Environment};

/// Where exports are sent to. Shown without its query, in which some receivers want a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// A URL with a host, as [`parse_url`] lets it through.
    pub(super) fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL, for sending.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Is the connection to be encrypted?
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host: a name, or an address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// `scheme://host[:port]`
    pub fn origin(&self) -> &str {
        &self.0[..Position::BeforePath]
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..Position::AfterPath])
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const EXAMPLE: &str = "http://localhost:4318";

fn begins_with(value: &str, scheme: &str) -> bool {
    value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Reads the URL of a receiver.
pub(super) fn parse_url(
    env: &Environment,
    variable: &'static str,
    value: &str,
) -> Result<Url, ConfigError> {
    // What is no URL may be a key in the wrong place: it is not shown.
    let unusable = |problem: &str| {
        env.secret_error(variable, format!("{problem}; expected a URL such as {EXAMPLE}"))
    };
    let is_http = ["http://", "https://"].iter().any(|scheme| begins_with(value, scheme));
    if !is_http {
        return Err(unusable("it does not begin with http:// or https://"));
    }
    let url = Url::parse(value).map_err(|error| unusable(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        // A URL is shown in logs and errors, by us and by libraries; a header never is.
        let fix = "expected a URL without credentials; send them as a header, authorization=Basic%20…, in OTEL_EXPORTER_OTLP_HEADERS";
        return Err(env.error(variable, fix));
    }
    Ok(url)
}
