//! The variables that say where OTLP goes: the specification's, and Honeycomb's (`honeycomb.rs`)
//! short form of them.

use std::time::Duration;

use reqwest::header::HeaderMap;
use url::Url;

pub use super::endpoint::Endpoint;
use super::endpoint::parse_url;
use super::environment::{ConfigError, Environment};
pub(crate) use super::honeycomb::{
    DATASET_HEADER as HONEYCOMB_DATASET_HEADER, TEAM_HEADER as HONEYCOMB_TEAM_HEADER,
};
use super::{headers, honeycomb};

/// What is sent. Each signal has a path of its own, and variables of its own that win over the general
/// ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
}

/// The variables of a signal, or the general ones.
struct Names {
    endpoint: &'static str,
    headers: &'static str,
    timeout: &'static str,
    compression: &'static str,
    certificate: &'static str,
    protocol: &'static str,
}

macro_rules! names {
    ($signal:literal) => {
        Names {
            endpoint: concat!("OTEL_EXPORTER_OTLP_", $signal, "ENDPOINT"),
            headers: concat!("OTEL_EXPORTER_OTLP_", $signal, "HEADERS"),
            timeout: concat!("OTEL_EXPORTER_OTLP_", $signal, "TIMEOUT"),
            compression: concat!("OTEL_EXPORTER_OTLP_", $signal, "COMPRESSION"),
            certificate: concat!("OTEL_EXPORTER_OTLP_", $signal, "CERTIFICATE"),
            protocol: concat!("OTEL_EXPORTER_OTLP_", $signal, "PROTOCOL"),
        }
    };
}

const GENERAL: Names = names!("");

impl Signal {
    /// Under which path receivers take it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
        }
    }

    /// The variable after which its endpoint is named.
    pub(crate) fn endpoint_variable(self) -> &'static str {
        self.names().endpoint
    }

    /// The variable after which its timeout is named.
    pub(crate) fn timeout_variable(self) -> &'static str {
        self.names().timeout
    }

    fn names(self) -> &'static Names {
        match self {
            Self::Traces => const { &names!("TRACES_") },
            Self::Logs => const { &names!("LOGS_") },
        }
    }
}

/// An OTLP/HTTP receiver of one signal. Its `Debug` shows no header's value: they are marked sensitive.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// The full URL, `…/v1/traces` or `…/v1/logs`.
    pub endpoint: Endpoint,
    /// Is the receiver Honeycomb itself?
    pub is_honeycomb: bool,
    /// What is sent with each request; the API key is in here.
    pub headers: HeaderMap,
    /// The variable that the API key is in, if any is sent.
    pub key_variable: Option<&'static str>,
    /// How long one export may take.
    pub timeout: Duration,
    /// Are requests compressed?
    pub gzip: bool,
    /// A file of PEM certificates to trust besides the system's.
    pub certificate: Option<CertificateFile>,
}

/// A file that a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// The variable.
    pub variable: &'static str,
    /// The file's path.
    pub path: String,
}

impl OtlpConfig {
    /// Reads the variables of `signal`. `asked_for` is what `OTEL_TRACES_EXPORTER` or
    /// `OTEL_LOGS_EXPORTER` says of `otlp`; where it says nothing, an endpoint or a Honeycomb key
    /// decides. An export may take `export_timeout` at most.
    ///
    /// # Errors
    /// An endpoint, header list, key or protocol that cannot be used.
    pub(super) fn read(
        env: &mut Environment,
        signal: Signal,
        asked_for: Option<bool>,
        export_timeout: Duration,
    ) -> Result<Option<Self>, ConfigError> {
        let names = signal.names();
        // Read whether or not they are used: a mistake is to be told when it is made.
        let mut headers = headers::read(env, &[names.headers, GENERAL.headers])?;
        let endpoint = read_endpoint(env, signal)?;
        let honeycomb = honeycomb::endpoint(env, signal.path())?;
        let (key, dataset) = (honeycomb::key(env)?, honeycomb::dataset(env)?);
        if asked_for == Some(false)
            || honeycomb::is_left_out(env, &mut headers, endpoint.as_ref().map(|(_, url)| url))
        {
            return Ok(None);
        }
        env.inherit(names.headers, GENERAL.headers);
        let (decided_by, endpoint, is_honeycomb) = match (endpoint, &key) {
            (Some((variable, url)), _) => {
                let is_honeycomb = honeycomb::is_host_of(&url);
                (Some(variable), url, is_honeycomb)
            }
            (None, Some(_)) => (Some(honeycomb::KEY), honeycomb, true),
            (None, None) if asked_for == Some(true) => {
                let default = format!("http://localhost:4318{}", signal.path());
                (None, parse_url(env, GENERAL.endpoint, &default)?, false)
            }
            (None, None) => {
                warn_of_missing_endpoint(env, names);
                return Ok(None);
            }
        };
        if let Some(variable) = decided_by {
            env.decide(names.endpoint, variable);
        }
        let decided = env.first(&[names.headers, GENERAL.headers]).map(|(name, _)| name);
        let mut key_variable = decided.filter(|_| !headers.is_empty());
        // The key goes to Honeycomb, never to another host that an endpoint may name.
        if is_honeycomb {
            if key.is_some() && !headers.contains_key(&HONEYCOMB_TEAM_HEADER) {
                key_variable = Some(honeycomb::KEY);
            }
            if headers.is_empty() && key.is_some() {
                env.decide(names.headers, honeycomb::KEY);
            }
            honeycomb::add_headers(key, dataset, &mut headers);
            honeycomb::warn_of_mistakes(env, &endpoint, &headers);
        }
        check_protocol(env, names)?;
        Ok(Some(Self {
            endpoint: Endpoint::new(endpoint),
            is_honeycomb,
            headers,
            key_variable,
            timeout: read_timeout(env, names).min(export_timeout),
            gzip: read_compression(env, names) == "gzip",
            certificate: {
                env.inherit(names.certificate, GENERAL.certificate);
                let variables = [names.certificate, GENERAL.certificate];
                let file = |(variable, path): (_, &str)| CertificateFile {
                    variable,
                    path: path.to_owned(),
                };
                env.first(&variables).map(file)
            },
        }))
    }
}

// A setting of a signal that cannot be used counts as not set: then the general one holds.

fn read_timeout(env: &mut Environment, names: &Names) -> Duration {
    let general = env.timeout(GENERAL.timeout, Duration::from_secs(10));
    let timeout = env.timeout(names.timeout, general);
    env.inherit(names.timeout, GENERAL.timeout);
    timeout
}

fn read_compression(env: &mut Environment, names: &Names) -> &'static str {
    let known = ["none", "gzip"];
    let general = env.name(GENERAL.compression, "none", &known);
    let compression = env.name(names.compression, general, &known);
    env.inherit(names.compression, GENERAL.compression);
    compression
}

/// The endpoint that the specification's variables name, with the variable; that of the signal is taken
/// as it is, the general one gets the path (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
fn read_endpoint(
    env: &mut Environment,
    signal: Signal,
) -> Result<Option<(&'static str, Url)>, ConfigError> {
    let (variable, path) = (signal.names().endpoint, signal.path());
    if let Some(value) = env.get(variable).map(str::to_owned) {
        let url = parse_url(env, variable, &value)?;
        if url.path() == "/" {
            env.warn(format!(
                "{variable} has no path; it is used as it is, while receivers usually listen under {path}"
            ));
        }
        warn_of_grpc_port(env, variable, &url);
        return Ok(Some((variable, url)));
    }
    let Some(value) = env.get(GENERAL.endpoint).map(str::to_owned) else { return Ok(None) };
    let mut url = parse_url(env, GENERAL.endpoint, &value)?;
    let base = url.path().trim_end_matches('/').to_owned();
    if base.ends_with(path) {
        env.warn(format!(
            "{} ends in {path}, which is appended once more; leave it out, or use {variable}",
            GENERAL.endpoint
        ));
    }
    url.set_path(&format!("{base}{path}"));
    warn_of_grpc_port(env, GENERAL.endpoint, &url);
    Ok(Some((GENERAL.endpoint, url)))
}

fn warn_of_grpc_port(env: &mut Environment, variable: &str, url: &Url) {
    if url.port() == Some(4317) {
        env.warn(format!(
            "{variable} has port 4317, on which receivers take gRPC; HTTP is usually on 4318"
        ));
    }
}

/// Says what is set for an exporter, while it has nowhere to send to.
fn warn_of_missing_endpoint(env: &mut Environment, names: &Names) {
    if let Some((variable, _)) = env.first(&[names.headers, GENERAL.headers]) {
        env.warn(format!(
            "{variable} is set, but no endpoint is: nothing is sent; set {}, or {} for Honeycomb",
            GENERAL.endpoint,
            honeycomb::KEY
        ));
    }
    honeycomb::warn_of_missing_key(env);
}

/// Another protocol would reach another port of the receiver, or none.
fn check_protocol(env: &mut Environment, names: &Names) -> Result<(), ConfigError> {
    env.inherit(names.protocol, GENERAL.protocol);
    match env.first(&[names.protocol, GENERAL.protocol]) {
        Some((variable, protocol)) if !protocol.eq_ignore_ascii_case("http/protobuf") => Err(env
            .error(
                variable,
                "expected http/protobuf, the one protocol that is built in; receivers take it on port 4318",
            )),
        _ => Ok(()),
    }
}
