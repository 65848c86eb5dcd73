//! The header lists of OTLP exporters: `key=value` pairs, separated by commas, the values
//! percent-encoded (OTLP exporter specification, "Specifying headers via environment variables", which
//! takes the form from W3C Baggage).

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::environment::{ConfigError, Environment};

/// The headers of the first of `variables` that is set. A name that is there twice has the last value,
/// as in a map: neither specification joins them, and what was meant is asked for.
pub(super) fn read(
    env: &mut Environment,
    variables: &[&'static str],
) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    let Some((variable, list)) = env.first(variables) else { return Ok(headers) };
    let mut repeated = Vec::new();
    let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    for (index, pair) in pairs.enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or_default();
        // A name that is none may be a secret in the wrong place: it is not shown.
        let name = HeaderName::try_from(name.trim()).map_err(|_| {
            let problem = format!("entry {} has no name of a header; {FORM}", index + 1);
            env.secret_error(variable, problem)
        })?;
        let value = percent_decode_str(value.trim())
            .decode_utf8()
            .ok()
            .and_then(|value| HeaderValue::try_from(value.as_ref()).ok())
            .ok_or_else(|| {
                let problem = format!("the value of {name} cannot be sent; {FORM}");
                env.secret_error(variable, problem)
            })?;
        if headers.insert(&name, sensitive(value)).is_some() {
            repeated.push(name);
        }
    }
    for name in repeated {
        env.warn(format!("{variable} has {name} more than once; the last value is sent"));
    }
    Ok(headers)
}

const FORM: &str = "expected name=value pairs, separated by commas, with percent-encoded values";

/// Any header may be a key; a sensitive value prints as `Sensitive`.
pub(super) fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
