//! One HTTP exchange with the receiver.
//!
//! The client is a blocking one, for the exporting thread; an asynchronous one would need a
//! runtime there. Nothing here runs on a thread of the service.

use std::fmt;
use std::io::Write;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_http::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING, USER_AGENT,
};
use reqwest::{Certificate, blocking, redirect};

use super::answer::{Answer, answer};
use super::secrets::Secrets;
use crate::causes::with_causes;
use crate::config::otlp::{CertificateFile, OtlpConfig};
use crate::http_client::transport;
use crate::telemetry::StartError;

/// As the specification wants it: the exporter, its language, its version.
const AGENT: &str = concat!(
    "OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("CARGO_PKG_NAME"),
    ")"
);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Posts requests to one receiver. What is configured is what is sent.
pub(super) struct Client {
    http: blocking::Client,
    url: String,
    headers: HeaderMap,
    secrets: Secrets,
    gzip: bool,
    timeout: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers and the URL: a key is among them.
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, StartError> {
        Ok(Self {
            http: http_client(config)?,
            url: config.endpoint.as_str().to_owned(),
            secrets: Secrets::new(&config.headers, config.endpoint.as_str()),
            headers: headers(config),
            gzip: config.gzip,
            timeout: config.timeout,
        })
    }

    /// How long an exchange may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// `request` as it is sent.
    pub(super) fn body(&self, request: &Bytes) -> Bytes {
        if !self.gzip {
            return request.clone();
        }
        // The default level costs more than twice what tracing does, for a little less to send.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail.
        let _ = encoder.write_all(request);
        encoder.finish().unwrap_or_default().into()
    }

    /// Sends `body`, and says what came of it, within `timeout`.
    pub(super) fn post(&self, body: Bytes, timeout: Duration) -> Answer {
        let request = self.http.post(&self.url).headers(self.headers.clone());
        match request.timeout(timeout).body(body).send() {
            Ok(response) => answer(response, &self.secrets),
            // Without the URL, which may have a key in its query.
            Err(error) => Answer::none(with_causes(&error.without_url())),
        }
    }
}

/// An HTTP client that trusts, and waits, as `config` says.
pub(crate) fn http_client(config: &OtlpConfig) -> Result<blocking::Client, StartError> {
    let builder = blocking::ClientBuilder::from(transport(config.endpoint.is_https()))
        .connect_timeout(config.timeout.min(CONNECT_TIMEOUT))
        // A redirect would carry the key to wherever it points.
        .redirect(redirect::Policy::none())
        .tls_certs_merge(read_certificates(config)?);
    // A blocking client must not be made on a thread that drives a runtime, which the caller's may.
    let built = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || builder.build());
        thread.map_err(|error| unusable(config, error.to_string())).map(ScopedJoinHandle::join)
    })?;
    match built {
        Ok(Ok(http)) => Ok(http),
        Ok(Err(error)) => Err(unusable(config, with_causes(&error))),
        Err(_) => Err(unusable(config, "the HTTP client could not be made".to_owned())),
    }
}

/// What goes with each request: what is configured, but how the body is to be read is ours to say.
fn headers(config: &OtlpConfig) -> HeaderMap {
    let mut headers = config.headers.clone();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, "application/x-protobuf");
    set(USER_AGENT, AGENT);
    if config.gzip {
        set(CONTENT_ENCODING, "gzip");
    } else {
        headers.remove(CONTENT_ENCODING);
    }
    headers
}

fn unusable(config: &OtlpConfig, mut reason: String) -> StartError {
    if reason.contains("No CA certificates") {
        reason.push_str("; install ca-certificates, or name a file in SSL_CERT_FILE");
    }
    StartError::HttpClient { endpoint: config.endpoint.to_string(), reason }
}

fn read_certificates(config: &OtlpConfig) -> Result<Vec<Certificate>, StartError> {
    let Some(CertificateFile { variable, path }) = &config.certificate else {
        return Ok(Vec::new());
    };
    let pem = std::fs::read(path).map_err(|source| StartError::UnreadableCertificate {
        variable,
        path: path.clone(),
        source,
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(StartError::NoCertificate { variable, path: path.clone() }),
    }
}
