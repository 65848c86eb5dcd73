//! Where OTLP goes. A general variable decides the settings of both signals; each has its own form.

use serde_json::{Value, json};

use super::{SET, Section, UNSET, Variable, milliseconds};
use crate::config::Config;
use crate::config::otlp::OtlpConfig;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

pub(super) const SECTION: Section = Section {
    title: "OTLP and Honeycomb",
    variables: &[
        Variable::secret(
            "HONEYCOMB_API_KEY",
            "",
            "alone it is enough: spans go to `https://api.honeycomb.io`. It is sent to Honeycomb's hosts and to `HONEYCOMB_API_ENDPOINT`, never to another endpoint",
            |config| config.has_honeycomb_key,
        ),
        Variable::indirect(
            "HONEYCOMB_API_ENDPOINT",
            "`https://api.honeycomb.io`",
            "`https://api.eu1.honeycomb.io` for the EU region",
        ),
        Variable::indirect("HONEYCOMB_DATASET", "", "for keys of Honeycomb Classic only"),
        Variable::indirect(
            ENDPOINT,
            "",
            "an OTLP/HTTP receiver; `/v1/traces` is appended, for logs `/v1/logs`. Its forms for one signal are taken as they are",
        ),
        Variable::form_of(ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", |config| {
            endpoint(traces(config))
        }),
        Variable::form_of(ENDPOINT, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", |config| {
            endpoint(logs(config))
        }),
        Variable::indirect(
            HEADERS,
            "",
            "`name=value` pairs sent with each export, separated by commas, the values percent-encoded; of a name that is there twice the last value. `x-honeycomb-team=` without a value means that Honeycomb is not configured: nothing is sent",
        ),
        Variable::form_of(HEADERS, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", |config| {
            headers(traces(config))
        }),
        Variable::form_of(HEADERS, "OTEL_EXPORTER_OTLP_LOGS_HEADERS", |config| {
            headers(logs(config))
        }),
        Variable::indirect(
            TIMEOUT,
            "`10000`",
            "how long one export may take, in milliseconds; `0` is no limit. `OTEL_BSP_EXPORT_TIMEOUT` and `OTEL_BLRP_EXPORT_TIMEOUT` bound it too",
        ),
        Variable::form_of(TIMEOUT, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", |config| {
            timeout(traces(config))
        }),
        Variable::form_of(TIMEOUT, "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", |config| {
            timeout(logs(config))
        }),
        Variable::indirect(COMPRESSION, "`none`", "or `gzip`"),
        Variable::form_of(COMPRESSION, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", |config| {
            compression(traces(config))
        }),
        Variable::form_of(COMPRESSION, "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", |config| {
            compression(logs(config))
        }),
        Variable::indirect(
            CERTIFICATE,
            "",
            "a file of PEM certificates to trust besides the system's",
        ),
        Variable::form_of(CERTIFICATE, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", |config| {
            certificate(traces(config))
        }),
        Variable::form_of(CERTIFICATE, "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", |config| {
            certificate(logs(config))
        }),
        Variable::indirect(
            PROTOCOL,
            "`http/protobuf`",
            "the one that is built in; another is an error",
        ),
        Variable::form_of(PROTOCOL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", |config| {
            protocol(traces(config))
        }),
        Variable::form_of(PROTOCOL, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", |config| {
            protocol(logs(config))
        }),
        Variable::secret(
            "HTTPS_PROXY",
            "",
            "the proxy through which `https://` endpoints are reached. Of the two spellings the HTTP client looks at the one in capitals, also where that is empty",
            |config| config.proxy.of("https").is_some(),
        ),
        Variable::alias("HTTPS_PROXY", "https_proxy"),
        Variable::secret("HTTP_PROXY", "", "the same for `http://` endpoints", |config| {
            config.proxy.of("http").is_some()
        }),
        Variable::alias("HTTP_PROXY", "http_proxy"),
        Variable::indirect("ALL_PROXY", "", "the same for both, where these are not set"),
        Variable::alias("ALL_PROXY", "all_proxy"),
        Variable::shown(
            "NO_PROXY",
            "",
            "a list of hosts that are reached directly: names, with those below them, addresses and networks; `*` is every name",
            |config| json!(config.proxy.except),
        ),
        Variable::alias("NO_PROXY", "no_proxy"),
    ],
};

fn traces(config: &Config) -> Option<&OtlpConfig> {
    config.telemetry.otlp.as_ref()
}

fn logs(config: &Config) -> Option<&OtlpConfig> {
    config.logs.otlp.as_ref()
}

fn endpoint(otlp: Option<&OtlpConfig>) -> Value {
    json!(otlp.map(|otlp| otlp.endpoint.to_string()))
}

/// Any of them may be a key, and a key in the wrong place may be taken for a name.
fn headers(otlp: Option<&OtlpConfig>) -> Value {
    json!(otlp.map(|otlp| if otlp.headers.is_empty() { UNSET } else { SET }))
}

fn timeout(otlp: Option<&OtlpConfig>) -> Value {
    otlp.map_or(Value::Null, |otlp| milliseconds(otlp.timeout))
}

fn compression(otlp: Option<&OtlpConfig>) -> Value {
    json!(otlp.map(|otlp| if otlp.gzip { "gzip" } else { "none" }))
}

fn certificate(otlp: Option<&OtlpConfig>) -> Value {
    json!(otlp.and_then(|otlp| Some(&otlp.certificate.as_ref()?.path)))
}

fn protocol(otlp: Option<&OtlpConfig>) -> Value {
    json!(otlp.map(|_| "http/protobuf"))
}
