//! The variables that say where OTLP goes: the specification's, and Honeycomb's short form.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::{Position, Url};

use super::environment::{ConfigError, Environment};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const TRACES_PATH: &str = "/v1/traces";
const HONEYCOMB_KEY: &str = "HONEYCOMB_API_KEY";
const HONEYCOMB_TEAM: HeaderName = HeaderName::from_static("x-honeycomb-team");
const HONEYCOMB_DATASET: HeaderName = HeaderName::from_static("x-honeycomb-dataset");

/// An OTLP/HTTP receiver of traces. Its `Debug` shows no header's value: they are marked sensitive.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// The full URL, `…/v1/traces`.
    pub endpoint: Endpoint,
    /// What is sent with each request; the API key is in here.
    pub headers: HeaderMap,
    /// How long one export may take.
    pub timeout: Duration,
    /// Are requests compressed?
    pub gzip: bool,
    /// A file of PEM certificates to trust besides the system's.
    pub certificate: Option<String>,
}

/// Where exports are sent to. Shown without its query, in which some receivers want a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The whole URL, for sending.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Is the connection to be encrypted?
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
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

impl OtlpConfig {
    /// Reads the variables. `asked_for` is what `OTEL_TRACES_EXPORTER` says of `otlp`; where it says
    /// nothing, an endpoint or a Honeycomb key decides. An export may take `export_timeout` at most.
    ///
    /// # Errors
    /// An endpoint, header list, key or protocol that cannot be used.
    pub(super) fn read(
        env: &mut Environment,
        asked_for: Option<bool>,
        export_timeout: Duration,
    ) -> Result<Option<Self>, ConfigError> {
        // Read whether or not they are used: a mistake is to be told when it is made.
        let mut headers = read_headers(env)?;
        let endpoint = read_endpoint(env)?;
        let honeycomb = honeycomb_endpoint(env)?;
        if asked_for == Some(false) {
            return Ok(None);
        }
        let key = env.get(HONEYCOMB_KEY).map(str::to_owned);
        let empty_header = headers.get(&HONEYCOMB_TEAM).is_some_and(HeaderValue::is_empty);
        let empty_key = env.is_empty(HONEYCOMB_KEY) && endpoint.as_ref().is_none_or(is_honeycomb);
        if empty_header && key.is_some() {
            headers.remove(&HONEYCOMB_TEAM); // the key says it
        } else if empty_header || (empty_key && !headers.contains_key(&HONEYCOMB_TEAM)) {
            let what = if empty_header { "the header x-honeycomb-team" } else { HONEYCOMB_KEY };
            env.warn(format!(
                "{what} is empty: Honeycomb is not configured and gets no spans; set {HONEYCOMB_KEY}"
            ));
            return Ok(None);
        }
        let endpoint = match (endpoint, key) {
            (Some(endpoint), key) => {
                // The key goes to Honeycomb, never to another host that an endpoint may name.
                if let Some(key) = key.filter(|_| is_honeycomb(&endpoint)) {
                    add_honeycomb_headers(env, &key, &mut headers)?;
                }
                endpoint
            }
            (None, Some(key)) => {
                add_honeycomb_headers(env, &key, &mut headers)?;
                honeycomb
            }
            (None, None) if asked_for == Some(true) => {
                parse_url(env, ENDPOINT, "http://localhost:4318/v1/traces")?
            }
            (None, None) => return Ok(None),
        };
        check_protocol(env)?;
        let timeout = of_signal(env, "TIMEOUT");
        let compression = of_signal(env, "COMPRESSION");
        let certificate = of_signal(env, "CERTIFICATE");
        Ok(Some(Self {
            endpoint: Endpoint(endpoint),
            headers,
            timeout: env.milliseconds(&timeout, Duration::from_secs(10)).min(export_timeout),
            gzip: env.name(&compression, "none", &["none", "gzip"]) == "gzip",
            certificate: env.get(&certificate).map(str::to_owned),
        }))
    }
}

/// The name of the variable that holds a setting: the one for traces, if it is set, wins over the
/// general one.
fn of_signal(env: &Environment, setting: &str) -> String {
    let traces = format!("OTEL_EXPORTER_OTLP_TRACES_{setting}");
    if env.get(&traces).is_some() { traces } else { format!("OTEL_EXPORTER_OTLP_{setting}") }
}

/// The endpoint that the specification's variables name; the one for traces is taken as it is, the
/// general one gets the path (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
fn read_endpoint(env: &mut Environment) -> Result<Option<Url>, ConfigError> {
    if let Some(value) = env.get(TRACES_ENDPOINT).map(str::to_owned) {
        let url = parse_url(env, TRACES_ENDPOINT, &value)?;
        if url.path() == "/" {
            env.warn(format!(
                "{TRACES_ENDPOINT} has no path; it is used as it is, while receivers usually listen under {TRACES_PATH}"
            ));
        }
        return Ok(Some(url));
    }
    let Some(value) = env.get(ENDPOINT).map(str::to_owned) else { return Ok(None) };
    let mut url = parse_url(env, ENDPOINT, &value)?;
    let base = url.path().trim_end_matches('/').to_owned();
    if base.ends_with(TRACES_PATH) {
        env.warn(format!(
            "{ENDPOINT} ends in {TRACES_PATH}, which is appended once more; leave it out, or use {TRACES_ENDPOINT}"
        ));
    }
    url.set_path(&format!("{base}{TRACES_PATH}"));
    Ok(Some(url))
}

fn parse_url(env: &Environment, variable: &'static str, value: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(value)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| env.error(variable, "expected a URL such as http://localhost:4318"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // A URL is shown in logs and errors, by us and by libraries; a header never is.
        let fix = "expected a URL without credentials; send them as a header, authorization=Basic%20…, in OTEL_EXPORTER_OTLP_HEADERS";
        return Err(env.error(variable, fix));
    }
    Ok(url)
}

fn honeycomb_endpoint(env: &Environment) -> Result<Url, ConfigError> {
    const VARIABLE: &str = "HONEYCOMB_API_ENDPOINT";
    let mut url =
        parse_url(env, VARIABLE, env.get(VARIABLE).unwrap_or("https://api.honeycomb.io"))?;
    url.set_path(TRACES_PATH);
    Ok(url)
}

fn is_honeycomb(endpoint: &Url) -> bool {
    endpoint
        .host_str()
        .is_some_and(|host| host == "honeycomb.io" || host.ends_with(".honeycomb.io"))
}

fn add_honeycomb_headers(
    env: &Environment,
    key: &str,
    headers: &mut HeaderMap,
) -> Result<(), ConfigError> {
    if headers.contains_key(&HONEYCOMB_TEAM) {
        return Ok(()); // set by hand: that wins
    }
    let value = HeaderValue::try_from(key)
        .map_err(|_| env.secret_error(HONEYCOMB_KEY, "it has characters that no key has"))?;
    headers.insert(HONEYCOMB_TEAM, sensitive(value));
    if let Some(dataset) = env.get("HONEYCOMB_DATASET") {
        let value = HeaderValue::try_from(dataset)
            .map_err(|_| env.error("HONEYCOMB_DATASET", "expected visible ASCII characters"))?;
        headers.insert(HONEYCOMB_DATASET, value);
    }
    Ok(())
}

/// `key=value` pairs, separated by commas, the values percent-encoded (as in W3C Baggage).
fn read_headers(env: &Environment) -> Result<HeaderMap, ConfigError> {
    let variables = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
    let mut headers = HeaderMap::new();
    let Some((variable, list)) = env.first(&variables) else { return Ok(headers) };
    let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    for (index, pair) in pairs.enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or_default();
        // A name that is none may be a secret in the wrong place: it is not shown.
        let name = HeaderName::try_from(name.trim()).map_err(|_| {
            let problem = format!("entry {} has no name of a header; {HEADER_FORM}", index + 1);
            env.secret_error(variable, problem)
        })?;
        let value = percent_decode_str(value.trim())
            .decode_utf8()
            .ok()
            .and_then(|value| HeaderValue::try_from(value.as_ref()).ok())
            .ok_or_else(|| {
                let problem = format!("the value of {name} cannot be sent; {HEADER_FORM}");
                env.secret_error(variable, problem)
            })?;
        headers.insert(name, sensitive(value));
    }
    Ok(headers)
}

const HEADER_FORM: &str =
    "expected name=value pairs, separated by commas, with percent-encoded values";

/// Any header may be a key; a sensitive value prints as `Sensitive`.
fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// Another protocol would reach another port of the receiver, or none.
fn check_protocol(env: &Environment) -> Result<(), ConfigError> {
    let variables = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    match env.first(&variables) {
        Some((variable, protocol)) if !protocol.eq_ignore_ascii_case("http/protobuf") => {
            Err(env.error(variable, "expected http/protobuf, the one protocol that is built in"))
        }
        _ => Ok(()),
    }
}
