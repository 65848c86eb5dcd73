//! OTLP over HTTP with protobuf, in batches, to Honeycomb or any other receiver.
//!
//! The batch processor is a thread of its own that blocks on the exporter, so the HTTP client below
//! is a blocking one. It never runs on a thread of the service.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Compression, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, USER_AGENT};
use reqwest::{Certificate, blocking, redirect};

use super::pipeline::Pipeline;
use crate::config::otlp::OtlpConfig;
use crate::config::telemetry::BatchConfig;

/// Why spans could not be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The file of `OTEL_EXPORTER_OTLP_CERTIFICATE` cannot be read.
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE is {path:?}: {source}")]
    UnreadableCertificate {
        /// Its path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds no certificate.
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE is {path:?}: expected certificates in PEM form")]
    NoCertificate {
        /// Its path.
        path: String,
    },
    /// There is no way to make HTTP requests: no CA certificates on the system, as a rule.
    #[error("cannot prepare HTTP for {endpoint}: {reason}")]
    HttpClient {
        /// Where the spans should go.
        endpoint: String,
        /// What is missing.
        reason: String,
    },
}

/// The pipeline to the receiver that `config` names.
pub(super) fn pipeline(
    config: &OtlpConfig,
    batch: &BatchConfig,
    resource: &Resource,
) -> Result<Pipeline, OtlpError> {
    let unusable = |reason: String| OtlpError::HttpClient { endpoint: destination(config), reason };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(config.endpoint.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(config.timeout)
        .with_http_client(Client::new(config)?);
    let exporter =
        if config.gzip { exporter.with_compression(Compression::Gzip) } else { exporter };
    let exporter = exporter.build().map_err(|error| unusable(error.to_string()))?;
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(batch.max_queue_size)
        .with_max_export_batch_size(batch.max_export_batch_size)
        .with_scheduled_delay(batch.schedule_delay)
        .build();
    Ok(Pipeline::new(destination(config), exporter, resource, |exporter| {
        BatchSpanProcessor::new(exporter, batch)
    }))
}

/// The endpoint as it may be shown: without a query, which may have a key in it.
fn destination(config: &OtlpConfig) -> String {
    let endpoint = &config.endpoint;
    let host = endpoint.host_str().unwrap_or_default();
    let port = endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("otlp {}://{host}{port}{}", endpoint.scheme(), endpoint.path())
}

/// The HTTP client under the exporter. What is configured is what is sent: the exporter reads header
/// variables on its own, undecoded, and lets them win over what a program sets.
struct Client {
    http: blocking::Client,
    headers: HeaderMap,
    /// What the last request failed with: an outage is told once, not with every retry.
    last_failure: Mutex<Option<String>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers: an API key is among them.
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    fn new(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let builder = blocking::Client::builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(5)))
            // A redirect would carry the key to wherever it points.
            .redirect(redirect::Policy::none());
        let certificates = read_certificates(config)?;
        let builder = match (config.endpoint.scheme(), certificates) {
            // Plain HTTP needs no certificates; the system's would take time and memory to read, and
            // an image without them could not even start.
            ("http", _) => builder.tls_certs_only([]),
            (_, certificates) => builder.tls_certs_merge(certificates),
        };
        // A blocking client must not be made on a thread that drives a runtime, which the caller's may.
        let built = std::thread::scope(|scope| scope.spawn(|| builder.build()).join());
        let unusable =
            |reason: String| OtlpError::HttpClient { endpoint: destination(config), reason };
        match built {
            Ok(Ok(http)) => {
                Ok(Self { http, headers: config.headers.clone(), last_failure: Mutex::default() })
            }
            Ok(Err(error)) => Err(unusable(with_causes(&error))),
            Err(_) => Err(unusable("the HTTP client could not be made".to_owned())),
        }
    }
}

impl Client {
    /// Logs a failure that is not the same as the last. The exporter itself says "network error".
    fn tell(&self, failure: Option<String>) {
        let Ok(mut last) = self.last_failure.lock() else { return };
        match &failure {
            Some(error) if failure != *last => tracing::warn!(error, "spans could not be sent"),
            None if last.is_some() => tracing::info!("spans can be sent again"),
            _ => {}
        }
        *last = failure;
    }
}

fn read_certificates(config: &OtlpConfig) -> Result<Vec<Certificate>, OtlpError> {
    let Some(path) = &config.certificate else { return Ok(Vec::new()) };
    let pem = std::fs::read(path)
        .map_err(|source| OtlpError::UnreadableCertificate { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(OtlpError::NoCertificate { path: path.clone() }),
    }
}

/// An error with what caused it: reqwest's own sentence says only "builder error".
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut headers = HeaderMap::new();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
            if let Some(value) = request.headers_mut().remove(&name) {
                headers.insert(name, value);
            }
        }
        headers.extend(self.headers.clone());
        *request.headers_mut() = headers;
        let result = self.http.send_bytes(request).await;
        self.tell(result.as_ref().err().map(|error| with_causes(error.as_ref())));
        result
    }
}
