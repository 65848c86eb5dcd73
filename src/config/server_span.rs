//! The variables that say what SERVER spans tell, and whom they believe.

use super::environment::{ConfigError, Environment, quote};
use crate::http_client;
use crate::propagation::Kind;
use crate::server_span::{HeaderNames, Middleware, TrustedProxies};

/// What can be chosen about SERVER spans, and about the CLIENT spans of the service's own calls.
#[derive(Clone, Debug)]
pub struct ServerSpanConfig {
    /// `OTEL_PROPAGATORS`: in which forms a caller's context is read.
    pub propagators: Vec<Kind>,
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`: these methods, instead of the conventions' own.
    pub known_methods: Option<Vec<String>>,
    /// `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`: exceptions as span events too, unless it says `logs`.
    pub exception_events: bool,
    /// `TRUSTED_PROXIES`: who is believed about the client, the host and the scheme.
    pub trusted_proxies: TrustedProxies,
    /// `TRACE_EXCLUDED_PATHS`: what is not traced, besides `/health`.
    pub excluded_paths: Vec<String>,
    /// `TRACE_PUBLIC_ENDPOINT`: a caller's context becomes a link.
    pub public_endpoint: bool,
    /// `REDACTED_QUERY_KEYS`: besides the seven of the conventions.
    pub redacted_query_keys: Vec<String>,
    /// `CAPTURE_REQUEST_HEADERS`
    pub request_headers: HeaderNames,
    /// `CAPTURE_RESPONSE_HEADERS`
    pub response_headers: HeaderNames,
}

impl ServerSpanConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// A proxy, path or header that cannot be used.
    pub(crate) fn read(env: &mut Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            propagators: read_propagators(env),
            known_methods: env.list("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"),
            exception_events: read_exception_events(env),
            trusted_proxies: env
                .get("TRUSTED_PROXIES")
                .unwrap_or_default()
                .parse()
                .map_err(|error| env.error("TRUSTED_PROXIES", format!("{error}")))?,
            excluded_paths: read_excluded_paths(env)?,
            public_endpoint: read_public_endpoint(env)?,
            redacted_query_keys: env.list("REDACTED_QUERY_KEYS").unwrap_or_default(),
            request_headers: read_headers(env, "CAPTURE_REQUEST_HEADERS")?,
            response_headers: read_headers(env, "CAPTURE_RESPONSE_HEADERS")?,
        })
    }

    /// A middleware that does so.
    pub(crate) fn apply_to(&self, middleware: Middleware) -> Middleware {
        let middleware = middleware
            .propagators(self.propagators.iter().copied())
            .exception_events(self.exception_events)
            .trust_proxies(self.trusted_proxies.clone())
            .public_endpoint(self.public_endpoint)
            .redact_query_keys(self.redacted_query_keys.iter().cloned())
            .capture_request_headers(self.request_headers.clone())
            .capture_response_headers(self.response_headers.clone());
        let middleware = match &self.known_methods {
            Some(methods) => middleware.known_methods(methods.iter().cloned()),
            None => middleware,
        };
        self.excluded_paths.iter().fold(middleware, |middleware, path| middleware.exclude(path))
    }

    /// A client of the service's own whose CLIENT spans follow the same rules.
    pub(crate) fn apply_to_client(&self, client: http_client::Builder) -> http_client::Builder {
        let client = client
            .propagators(self.propagators.iter().copied())
            .redact_query_keys(self.redacted_query_keys.iter().cloned());
        match &self.known_methods {
            Some(methods) => client.known_methods(methods.iter().cloned()),
            None => client,
        }
    }
}

fn read_propagators(env: &mut Environment) -> Vec<Kind> {
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    let default = vec![Kind::TraceContext, Kind::Baggage];
    let Some(names) = env.list(VARIABLE) else { return default };
    let mut kinds = Vec::new();
    let mut unknown = Vec::new();
    let mut says_none = false;
    for name in &names {
        match name.to_ascii_lowercase().as_str() {
            "tracecontext" => kinds.push(Kind::TraceContext),
            "baggage" => kinds.push(Kind::Baggage),
            "xray" => kinds.push(Kind::Xray),
            "none" => says_none = true,
            _ => unknown.push(name),
        }
    }
    let is_usable = says_none || !kinds.is_empty();
    for name in unknown {
        let sentence = format!(
            "{VARIABLE} has {}: expected tracecontext, baggage, xray or none; ignored",
            quote(name)
        );
        if is_usable { env.warn(sentence) } else { env.ignore(VARIABLE, sentence) }
    }
    if is_usable { kinds } else { default }
}

/// `logs`: the log event alone; `logs/dup`, and nothing: both.
fn read_exception_events(env: &mut Environment) -> bool {
    let names = ["both", "logs", "logs/dup"];
    env.name("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "both", &names) != "logs"
}

fn read_excluded_paths(env: &Environment) -> Result<Vec<String>, ConfigError> {
    const VARIABLE: &str = "TRACE_EXCLUDED_PATHS";
    let paths = env.list(VARIABLE).unwrap_or_default();
    match paths.iter().find(|path| !path.starts_with('/') || path.trim_matches('/').is_empty()) {
        Some(path) => Err(env.error_of(VARIABLE, path, "expected paths such as /metrics")),
        None => Ok(paths),
    }
}

fn read_public_endpoint(env: &Environment) -> Result<bool, ConfigError> {
    const VARIABLE: &str = "TRACE_PUBLIC_ENDPOINT";
    match env.get(VARIABLE).map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        // Ours, and about whom to trust: not to be guessed.
        Some(_) => Err(env.error(VARIABLE, "expected true or false")),
    }
}

fn read_headers(env: &Environment, variable: &'static str) -> Result<HeaderNames, ConfigError> {
    HeaderNames::new(env.list(variable).unwrap_or_default())
        .map_err(|error| env.error(variable, format!("{error}")))
}
