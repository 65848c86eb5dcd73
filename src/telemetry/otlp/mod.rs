//! OTLP over HTTP with protobuf, in batches, to Honeycomb or any other receiver.
//!
//! The batch processor is a thread of its own that blocks on the exporter, so the HTTP client below
//! is a blocking one. It never runs on a thread of the service.

#[cfg(test)]
mod encode;

use std::fmt;
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Compression, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, USER_AGENT};
use reqwest::{Certificate, StatusCode, blocking, redirect};

use super::StartError;
use super::account::Account;
use super::pipeline::Pipeline;
use crate::config::otlp::OtlpConfig;
use crate::config::telemetry::BatchConfig;

/// The pipeline to the receiver that `config` names.
pub(super) fn pipeline(
    config: &OtlpConfig,
    batch: &BatchConfig,
    resource: &Resource,
    value_length_limit: usize,
) -> Result<Pipeline, StartError> {
    let builder = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(config.endpoint.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(config.timeout)
        .with_http_client(Client::new(config)?);
    let builder = if config.gzip { builder.with_compression(Compression::Gzip) } else { builder };
    let mut exporter = builder.build().map_err(|error| unusable(config, error.to_string()))?;
    exporter.set_resource(resource);
    let account = Account::new(format!("otlp {}", config.endpoint), "spans");
    let exporter = Counting { exporter, account: account.clone() };
    Ok(Pipeline::batch(account, exporter, batch, value_length_limit))
}

/// Enters what its exporter did with the spans.
#[derive(Debug)]
struct Counting<E> {
    exporter: E,
    account: Account,
}

impl<E: SpanExporter> SpanExporter for Counting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        match self.exporter.export(batch).await {
            Ok(()) => self.account.exported(count),
            Err(error) => self.account.failed(count, &error.to_string()),
        }
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }
}

fn unusable(config: &OtlpConfig, reason: String) -> StartError {
    StartError::HttpClient { endpoint: config.endpoint.to_string(), reason }
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
    fn new(config: &OtlpConfig) -> Result<Self, StartError> {
        let builder = blocking::Client::builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(5)))
            // A redirect would carry the key to wherever it points.
            .redirect(redirect::Policy::none());
        let certificates = read_certificates(config)?;
        let builder = if config.endpoint.is_https() {
            builder.tls_certs_merge(certificates)
        } else {
            // Plain HTTP needs no certificates; the system's would take time and memory to read, and
            // an image without them could not even start.
            builder.tls_certs_only([])
        };
        // A blocking client must not be made on a thread that drives a runtime, which the caller's may.
        let built = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || builder.build());
            thread.map_err(|error| unusable(config, error.to_string())).map(ScopedJoinHandle::join)
        })?;
        match built {
            Ok(Ok(http)) => {
                Ok(Self { http, headers: config.headers.clone(), last_failure: Mutex::default() })
            }
            Ok(Err(error)) => Err(unusable(config, with_causes(&error))),
            Err(_) => Err(unusable(config, "the HTTP client could not be made".to_owned())),
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

fn read_certificates(config: &OtlpConfig) -> Result<Vec<Certificate>, StartError> {
    let Some(path) = &config.certificate else { return Ok(Vec::new()) };
    let pem = std::fs::read(path)
        .map_err(|source| StartError::UnreadableCertificate { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(StartError::NoCertificate { path: path.clone() }),
    }
}

/// An error with what caused it: reqwest's own sentence says only "builder error".
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What a receiver's answer means, and what to do about it.
fn refusal(status: StatusCode) -> String {
    let advice = match status.as_u16() {
        401 | 403 => "; check HONEYCOMB_API_KEY or OTEL_EXPORTER_OTLP_HEADERS",
        404 => "; check the path of OTEL_EXPORTER_OTLP_ENDPOINT",
        _ => "",
    };
    format!("the receiver answers {status}{advice}")
}

/// An error without the URL that reqwest adds to it, which may have a key in its query.
fn without_url(error: HttpError) -> HttpError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => Box::new(error.without_url()),
        Err(error) => error,
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut headers = self.headers.clone();
        // What says how the body is to be read is the exporter's to say.
        for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
            match request.headers_mut().remove(&name) {
                Some(value) => headers.insert(name, value),
                None => headers.remove(name),
            };
        }
        *request.headers_mut() = headers;
        let result = self.http.send_bytes(request).await.map_err(without_url);
        self.tell(match &result {
            Err(error) => Some(with_causes(error.as_ref())),
            Ok(response) if !response.status().is_success() => Some(refusal(response.status())),
            Ok(_) => None,
        });
        result
    }
}
