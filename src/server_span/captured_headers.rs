//! Headers that are recorded because somebody asked for them: an allow-list, never all, and none that
//! holds credentials.

use actix_web::http::header::{HeaderMap, HeaderName};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

/// Headers whose values give access to something.
const SENSITIVE: [&str; 2] = ["x-honeycomb-team", "x-forwarded-client-cert"];

/// What is in the names of the others: `authorization`, `set-cookie`, `x-api-key`, `x-csrf-token`, ….
const SENSITIVE_PARTS: [&str; 9] =
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "oidc", "jwt"];

fn is_sensitive(header: &HeaderName) -> bool {
    let name = header.as_str();
    SENSITIVE.contains(&name) || SENSITIVE_PARTS.iter().any(|part| name.contains(part))
}

/// Names of headers that may be recorded.
///
/// ```
/// use backend_actix::server_span::HeaderNames;
///
/// assert!(HeaderNames::new(["x-request-id", "Accept-Language"]).is_ok());
/// assert!(HeaderNames::new(["Authorization"]).is_err());
/// assert!(HeaderNames::new(["x-csrf-token"]).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderNames(Vec<HeaderName>);

/// A header that cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a header's name, or names one that holds credentials, which are never recorded; leave it out"
)]
pub struct SensitiveHeader(pub String);

impl HeaderNames {
    /// Takes names in any case, each once.
    ///
    /// # Errors
    /// A name that is no header's, or that of a header with credentials.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<Self, SensitiveHeader> {
        let mut headers = Vec::new();
        for name in names {
            let name = name.as_ref();
            let header = HeaderName::try_from(name)
                .ok()
                .filter(|header| !is_sensitive(header))
                .ok_or_else(|| SensitiveHeader(name.to_owned()))?;
            if !headers.contains(&header) {
                headers.push(header);
            }
        }
        Ok(Self(headers))
    }

    /// The names, in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(HeaderName::as_str)
    }
}

/// The headers to be recorded, each with the attribute's key.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturedHeaders(Vec<(HeaderName, Key)>);

impl CapturedHeaders {
    pub(super) fn new(prefix: &str, names: HeaderNames) -> Self {
        // `HeaderName` is lower case, as the conventions want the key.
        let key = |name: &HeaderName| Key::from(format!("{prefix}{name}"));
        Self(names.0.into_iter().map(|name| (name.clone(), key(&name))).collect())
    }

    /// The attributes of those that are there: an array each, as a header may come several times.
    pub(super) fn attributes<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = KeyValue> + 'a {
        self.0.iter().filter_map(|(name, key)| {
            let values: Vec<_> = headers
                .get_all(name)
                .map(|value| {
                    StringValue::from(String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            (!values.is_empty())
                .then(|| KeyValue::new(key.clone(), Value::Array(Array::String(values))))
        })
    }
}
