//! An OTLP/HTTP receiver on a free port of loopback: decodes what arrives and keeps it, or fails as a test
//! wants it to.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::rt::time::sleep;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as AnyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::ServerConfig;
use serde_json::{Value, json};

use super::server::Server;
use super::{certificate, honeycomb};

/// A span as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub resource: BTreeMap<String, Value>,
    pub scope_name: String,
    pub scope_version: String,
    pub schema_url: String,
    pub span: Span,
}

impl Received {
    pub fn name(&self) -> &str {
        &self.span.name
    }

    pub fn trace_id(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub fn span_id(&self) -> String {
        hex(&self.span.span_id)
    }

    pub fn parent_span_id(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    /// The attributes; fails where a key is there twice.
    pub fn attributes(&self) -> BTreeMap<String, Value> {
        attributes(&self.span.attributes)
    }
}

/// A log record as it arrived.
#[derive(Clone, Debug)]
pub struct ReceivedLog {
    pub resource: BTreeMap<String, Value>,
    /// The target under which it was logged.
    pub scope_name: String,
    pub schema_url: String,
    pub record: LogRecord,
}

impl ReceivedLog {
    pub fn trace_id(&self) -> String {
        hex(&self.record.trace_id)
    }

    pub fn span_id(&self) -> String {
        hex(&self.record.span_id)
    }

    /// The message.
    pub fn body(&self) -> Value {
        json_value(self.record.body.as_ref().and_then(|body| body.value.as_ref()))
    }

    pub fn attributes(&self) -> BTreeMap<String, Value> {
        attributes(&self.record.attributes)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn attributes(list: &[KeyValue]) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for attribute in list {
        let value = json_value(attribute.value.as_ref().and_then(|value| value.value.as_ref()));
        let earlier = map.insert(attribute.key.clone(), value);
        assert!(earlier.is_none(), "attribute {} is there twice", attribute.key);
    }
    map
}

fn json_value(value: Option<&AnyValue>) -> Value {
    match value {
        Some(AnyValue::StringValue(text)) => json!(text),
        Some(AnyValue::IntValue(number)) => json!(number),
        Some(AnyValue::DoubleValue(number)) => json!(number),
        Some(AnyValue::BoolValue(flag)) => json!(flag),
        Some(AnyValue::ArrayValue(array)) => {
            array.values.iter().map(|value| json_value(value.value.as_ref())).collect()
        }
        other => panic!("an attribute value of no expected type: {other:?}"),
    }
}

/// What the receiver does with an export.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Keeps it.
    Accept,
    /// Keeps it, after a while.
    Slow(Duration),
    /// Keeps it, and breaks off in the middle of saying so.
    AcceptAndBreak,
    /// Keeps it but for so many spans, and says this.
    Reject(i64, &'static str),
    /// Answers with this status, `Retry-After` and plain text.
    Fail(u16, Option<&'static str>, &'static str),
    /// Keeps it if it has no more spans than that.
    AtMost(usize),
    /// Keeps it if it has no more bytes than that.
    UpTo(usize),
    /// Never answers.
    Hang,
}

type Behave = Arc<dyn Fn(usize) -> Behaviour + Send + Sync>;

#[derive(Default)]
struct Seen {
    spans: Mutex<Vec<Received>>,
    headers: Mutex<Vec<BTreeMap<String, String>>>,
    arrived: Condvar,
    logs: Mutex<Vec<ReceivedLog>>,
    log_headers: Mutex<Vec<BTreeMap<String, String>>>,
    logs_arrived: Condvar,
}

/// The receiver; it stops when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    _server: Server,
}

impl Receiver {
    pub fn start() -> Self {
        Self::start_as(|_| Behaviour::Accept)
    }

    /// A receiver that takes `delay` for each export, and keeps it only then.
    pub fn start_slow(delay: Duration) -> Self {
        Self::start_as(move |_| Behaviour::Slow(delay))
    }

    /// A receiver that asks what to do with each export, by its number from 0.
    pub fn start_as(behave: impl Fn(usize) -> Behaviour + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), Arc::new(behave), None)
    }

    /// A receiver at an address where there was none before.
    pub fn start_late(address: SocketAddr) -> Self {
        Self::start_at(address, Arc::new(|_| Behaviour::Accept), None)
    }

    /// An HTTPS receiver for `localhost`, and its certificate as PEM: nobody trusts it but by that.
    pub fn start_tls() -> (Self, String) {
        let (tls, certificate) = certificate::of_localhost();
        let any = "127.0.0.1:0".parse().unwrap();
        (Self::start_at(any, Arc::new(|_| Behaviour::Accept), Some(tls)), certificate)
    }

    fn start_at(address: SocketAddr, behave: Behave, tls: Option<ServerConfig>) -> Self {
        let seen = Arc::new(Seen::default());
        let app_seen = Arc::clone(&seen);
        let server = Server::start(move || {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::from(Arc::clone(&app_seen)))
                    .app_data(web::Data::new(Arc::clone(&behave)))
                    .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                    .route("/v1/traces", web::post().to(receive))
                    .route("/v1/logs", web::post().to(receive_logs))
                    .route("/1/auth", web::get().to(honeycomb::auth))
            });
            let server = server.workers(1).disable_signals();
            let server = match tls {
                Some(tls) => server.bind_rustls_0_23(address, tls),
                None => server.bind(address),
            };
            let server = server.unwrap();
            (server.addrs()[0], server.run())
        });
        Self { address: server.address, seen, _server: server }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans that have arrived so far.
    pub fn spans(&self) -> Vec<Received> {
        self.seen.spans.lock().unwrap().clone()
    }

    /// Waits until `count` spans have arrived; false where they have not within `patience`.
    pub fn wait_for(&self, count: usize, patience: Duration) -> bool {
        let seen = self.seen.spans.lock().unwrap();
        let (seen, _) = self
            .seen
            .arrived
            .wait_timeout_while(seen, patience, |spans| spans.len() < count)
            .unwrap();
        seen.len() >= count
    }

    /// The headers of each export of spans so far.
    pub fn headers(&self) -> Vec<BTreeMap<String, String>> {
        self.seen.headers.lock().unwrap().clone()
    }

    /// The log records that have arrived so far.
    pub fn logs(&self) -> Vec<ReceivedLog> {
        self.seen.logs.lock().unwrap().clone()
    }

    /// Waits until such a log record has arrived, and gives it.
    pub fn wait_for_log(&self, is_it: impl Fn(&ReceivedLog) -> bool) -> ReceivedLog {
        let logs = self.seen.logs.lock().unwrap();
        let (logs, _) = self
            .seen
            .logs_arrived
            .wait_timeout_while(logs, Duration::from_secs(60), |logs| !logs.iter().any(&is_it))
            .unwrap();
        logs.iter().find(|log| is_it(log)).cloned().expect("the log record arrives in time")
    }

    /// The headers of each export of log records so far.
    pub fn log_headers(&self) -> Vec<BTreeMap<String, String>> {
        self.seen.log_headers.lock().unwrap().clone()
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    seen: web::Data<Seen>,
    behave: web::Data<Behave>,
) -> HttpResponse {
    let (headers, body) = read(&request, &body);
    let export = ExportTraceServiceRequest::decode(&body[..]).expect("an OTLP message");
    let mut received = spans(export);
    let number = push(&seen.headers, headers);
    let (response, kept) = behave(number).answer(received.len(), body.len()).await;
    if response.status().is_success() {
        received.truncate(kept);
        seen.spans.lock().unwrap().extend(received);
        seen.arrived.notify_all();
    }
    response
}

async fn receive_logs(
    request: HttpRequest,
    body: web::Bytes,
    seen: web::Data<Seen>,
    behave: web::Data<Behave>,
) -> HttpResponse {
    let (headers, body) = read(&request, &body);
    let export = ExportLogsServiceRequest::decode(&body[..]).expect("an OTLP message");
    let mut received = logs(export);
    let number = push(&seen.log_headers, headers);
    let (response, kept) = behave(number).answer(received.len(), body.len()).await;
    if response.status().is_success() {
        received.truncate(kept);
        seen.logs.lock().unwrap().extend(received);
        seen.logs_arrived.notify_all();
    }
    response
}

/// An export's headers, and its body, unpacked.
fn read(request: &HttpRequest, body: &[u8]) -> (BTreeMap<String, String>, Vec<u8>) {
    let headers: BTreeMap<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    assert_eq!(headers.get("content-type").map(String::as_str), Some("application/x-protobuf"));
    let body = match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap();
            plain
        }
        None => body.to_vec(),
        Some(other) => panic!("content-encoding {other}"),
    };
    (headers, body)
}

/// Keeps the headers of an export, and gives its number.
fn push(all: &Mutex<Vec<BTreeMap<String, String>>>, headers: BTreeMap<String, String>) -> usize {
    let mut all = all.lock().unwrap();
    all.push(headers);
    all.len() - 1
}

impl Behaviour {
    /// The answer to an export of `count` items in so many bytes, and how many of the items are kept if it
    /// is a success.
    async fn answer(self, count: usize, bytes: usize) -> (HttpResponse, usize) {
        let protobuf = || {
            let mut response = HttpResponse::Ok();
            response.content_type("application/x-protobuf");
            response
        };
        let response = match self {
            Self::Accept => protobuf().finish(),
            Self::Slow(delay) => {
                sleep(delay).await;
                protobuf().finish()
            }
            Self::AcceptAndBreak => protobuf().body(Broken::default()),
            // Of log records it is the same message, with the same field numbers.
            Self::Reject(rejected_spans, message) => {
                let error_message = message.to_owned();
                let partial_success =
                    Some(ExportTracePartialSuccess { rejected_spans, error_message });
                let answer = ExportTraceServiceResponse { partial_success };
                let kept = count.saturating_sub(rejected_spans as usize);
                return (protobuf().body(answer.encode_to_vec()), kept);
            }
            Self::AtMost(most) if count <= most => protobuf().finish(),
            Self::UpTo(most) if bytes <= most => protobuf().finish(),
            Self::AtMost(_) | Self::UpTo(_) => HttpResponse::PayloadTooLarge().finish(),
            Self::Fail(status, retry_after, text) => {
                let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
                if let Some(retry_after) = retry_after {
                    response.insert_header(("retry-after", retry_after));
                }
                response.content_type("text/plain").body(text)
            }
            Self::Hang => std::future::pending().await,
        };
        (response, count)
    }
}

/// A body that is announced, begins, and breaks off.
#[derive(Default)]
struct Broken {
    polls: u32,
}

impl MessageBody for Broken {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(100)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        self.polls += 1;
        match self.polls {
            1 => Poll::Ready(Some(Ok(web::Bytes::from_static(b"begun")))),
            // What there is, is sent while nothing more comes.
            2 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(std::io::ErrorKind::BrokenPipe.into()))),
        }
    }
}

/// The spans of an export.
pub fn spans(export: ExportTraceServiceRequest) -> Vec<Received> {
    let mut received = Vec::new();
    for of_resource in export.resource_spans {
        let resource = attributes(&of_resource.resource.unwrap_or_default().attributes);
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope.unwrap_or_default();
            received.extend(of_scope.spans.into_iter().map(|span| Received {
                resource: resource.clone(),
                scope_name: scope.name.clone(),
                scope_version: scope.version.clone(),
                schema_url: of_scope.schema_url.clone(),
                span,
            }));
        }
    }
    received
}

fn logs(export: ExportLogsServiceRequest) -> Vec<ReceivedLog> {
    let mut received = Vec::new();
    for of_resource in export.resource_logs {
        let resource = attributes(&of_resource.resource.unwrap_or_default().attributes);
        for of_scope in of_resource.scope_logs {
            let scope = of_scope.scope.unwrap_or_default();
            received.extend(of_scope.log_records.into_iter().map(|record| ReceivedLog {
                resource: resource.clone(),
                scope_name: scope.name.clone(),
                schema_url: of_scope.schema_url.clone(),
                record,
            }));
        }
    }
    received
}
