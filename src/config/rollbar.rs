//! The variables that say where reports of errors go: Rollbar.

use std::fmt;
use std::str::FromStr;

use reqwest::header::HeaderValue;
use url::Url;

use super::environment::{ConfigError, Environment};

const TOKEN: &str = "ROLLBAR_ACCESS_TOKEN";
const ENVIRONMENT: &str = "ROLLBAR_ENVIRONMENT";
const ENDPOINT: &str = "ROLLBAR_ENDPOINT";
const CODE_VERSION: &str = "CODE_VERSION";

/// A project of Rollbar, and what its items say of this process.
///
/// ```
/// use backend_actix::config::RollbarConfig;
///
/// let config = RollbarConfig::new("0123456789abcdef".parse().unwrap());
/// assert_eq!(config.endpoint.item_url(), "https://api.rollbar.com/api/1/item/");
/// assert_eq!(config.environment, "production");
/// assert!(!format!("{config:?}").contains("0123456789abcdef"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RollbarConfig {
    /// `ROLLBAR_ACCESS_TOKEN`: the project's, with the scope `post_server_item`.
    pub access_token: AccessToken,
    /// `ROLLBAR_ENDPOINT`
    pub endpoint: RollbarEndpoint,
    /// `ROLLBAR_ENVIRONMENT`: 255 characters at most.
    pub environment: String,
    /// `CODE_VERSION`: a version, a number or a git SHA, 40 characters at most.
    pub code_version: Option<String>,
    /// The folder of the code as the compiler saw it, without a slash at its end: Rollbar folds away what
    /// is from elsewhere.
    pub root: Option<String>,
}

impl RollbarConfig {
    /// Rollbar's own endpoint, and the environment `production`.
    pub fn new(access_token: AccessToken) -> Self {
        Self {
            access_token,
            endpoint: RollbarEndpoint::default(),
            environment: "production".to_owned(),
            code_version: None,
            root: None,
        }
    }

    /// Reads the variables; `None` where there is no token.
    ///
    /// # Errors
    /// A token, endpoint, environment or version that cannot be used.
    pub(crate) fn read(env: &mut Environment) -> Result<Option<Self>, ConfigError> {
        // Read whether or not there is a token: a mistake is to be told when it is made.
        let endpoint = env.get(ENDPOINT).map(str::parse).transpose();
        // It may be the token in the wrong place: it is not shown.
        let endpoint = endpoint
            .map_err(|error: BadRollbarEndpoint| env.secret_error(ENDPOINT, error.to_string()))?
            .unwrap_or_default();
        let environment = read_text(env, ENVIRONMENT, 255)?;
        let code_version = read_text(env, CODE_VERSION, 40)?;
        let Some(token) = env.get(TOKEN) else { return Ok(None) };
        let access_token = token
            .parse()
            .map_err(|error: BadAccessToken| env.secret_error(TOKEN, error.to_string()))?;
        let mut config = Self::new(access_token);
        config.endpoint = endpoint;
        if let Some(environment) = environment {
            config.environment = environment;
        }
        config.code_version =
            Some(code_version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()));
        config.root = Some(env!("CARGO_MANIFEST_DIR").to_owned());
        Ok(Some(config))
    }
}

fn read_text(
    env: &Environment,
    variable: &'static str,
    most: usize,
) -> Result<Option<String>, ConfigError> {
    match env.get(variable) {
        Some(text) if text.chars().count() > most => {
            Err(env.error(variable, format!("expected {most} characters at most")))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// The token that lets this process report to a project. Its `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken(HeaderValue);

/// What is no access token; it is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a project access token with the scope post_server_item, without blanks")]
pub struct BadAccessToken;

impl AccessToken {
    /// For the header `X-Rollbar-Access-Token`; marked as sensitive.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for AccessToken {
    type Err = BadAccessToken;

    fn from_str(text: &str) -> Result<Self, BadAccessToken> {
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut header = HeaderValue::try_from(text).map_err(|_| BadAccessToken)?;
        header.set_sensitive(true);
        if is_token { Ok(Self(header)) } else { Err(BadAccessToken) }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}

/// Rollbar's API by its origin, by default Rollbar's own.
///
/// ```
/// use backend_actix::config::RollbarEndpoint;
///
/// let endpoint: RollbarEndpoint = "http://localhost:9000/".parse().unwrap();
/// assert_eq!(endpoint.item_url(), "http://localhost:9000/api/1/item/");
/// assert!("https://api.rollbar.com/api/1/item/".parse::<RollbarEndpoint>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbarEndpoint {
    origin: String,
    host: String,
}

const ENDPOINT_FORM: &str =
    "an origin such as https://api.rollbar.com, without a user, a path or a query";

/// What is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {ENDPOINT_FORM}")]
pub struct BadRollbarEndpoint;

impl RollbarEndpoint {
    /// Where items are posted to.
    pub fn item_url(&self) -> String {
        format!("{}/api/1/item/", self.origin)
    }

    /// Is the connection to be encrypted?
    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// The host alone.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl Default for RollbarEndpoint {
    fn default() -> Self {
        let host = "api.rollbar.com".to_owned();
        Self { origin: format!("https://{host}"), host }
    }
}

impl FromStr for RollbarEndpoint {
    type Err = BadRollbarEndpoint;

    fn from_str(text: &str) -> Result<Self, BadRollbarEndpoint> {
        let url = Url::parse(text).map_err(|_| BadRollbarEndpoint)?;
        let origin = url.origin().ascii_serialization();
        // Whatever an origin lacks would be there besides.
        let is_origin = matches!(url.scheme(), "http" | "https") && url[..] == format!("{origin}/");
        match url.host_str() {
            Some(host) if is_origin => Ok(Self { origin, host: host.to_owned() }),
            _ => Err(BadRollbarEndpoint),
        }
    }
}

impl fmt::Display for RollbarEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_origin() {
        for (text, origin) in [
            ("https://api.rollbar.com", Some("https://api.rollbar.com")),
            ("https://API.rollbar.com:443/", Some("https://api.rollbar.com")),
            ("http://[::1]:9000", Some("http://[::1]:9000")),
            ("https://api.rollbar.com/api/1/item/", None),
            ("https://user:secret@api.rollbar.com", None),
            ("https://api.rollbar.com/?a", None),
            ("https://api.rollbar.com/#a", None),
            ("ftp://api.rollbar.com", None),
            ("api.rollbar.com", None),
            ("", None),
        ] {
            let endpoint = text.parse::<RollbarEndpoint>().ok();
            assert_eq!(endpoint.map(|it| it.to_string()).as_deref(), origin, "{text}");
        }
    }

    #[test]
    fn a_token_is_what_a_header_can_hold_and_is_never_shown() {
        let token: AccessToken = "0123456789abcdef".parse().unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("0123456789abcdef"));
        for text in ["", "a b", "a\nb", "gr\u{fc}n"] {
            let error = text.parse::<AccessToken>().unwrap_err().to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
