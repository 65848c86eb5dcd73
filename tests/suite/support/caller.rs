//! The client, with a receiver of its own: what calls others without being a service.

use std::time::{Duration, Instant};

use actix_web::rt::Runtime;
use backend_actix::config::Config;
use backend_actix::http_client::{Builder, Client};
use backend_actix::telemetry::Telemetry;
use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::trace::SdkTracer;

use super::receiver::{Received, Receiver};

pub struct Caller {
    pub client: Client,
    pub tracer: SdkTracer,
    runtime: Runtime,
    // Before the receiver: dropped later, it would wait for that to come back.
    telemetry: Telemetry,
    receiver: Receiver,
}

impl Caller {
    /// A client with no delay between attempts, no proxy that the environment may name, and no
    /// certificates: reading the system's takes time.
    pub fn start(settings: impl FnOnce(Builder) -> Builder) -> Self {
        Self::start_with(&[], settings)
    }

    /// The same, with these variables for its telemetry.
    pub fn start_with(vars: &[(&str, &str)], settings: impl FnOnce(Builder) -> Builder) -> Self {
        let receiver = Receiver::start();
        let endpoint = receiver.endpoint();
        let needed = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let config = Config::from_vars(needed.iter().chain(vars).map(owned).collect()).unwrap();
        let telemetry = Telemetry::start(&config.telemetry).unwrap();
        let builder = Client::builder(telemetry.tracer_provider())
            .http(reqwest::Client::builder().no_proxy().tls_certs_only([]))
            .delays(Duration::ZERO, Duration::from_secs(10));
        Self {
            client: settings(builder).build().unwrap(),
            tracer: telemetry.tracer_provider().tracer("tests"),
            runtime: Runtime::new().unwrap(),
            receiver,
            telemetry,
        }
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// All spans that it sent, the earliest first.
    pub fn stop(self) -> Vec<Received> {
        for delivery in self.telemetry.shutdown(Instant::now() + Duration::from_secs(30)) {
            assert_eq!((delivery.failed, delivery.dropped), (0, 0), "{delivery}");
        }
        let mut spans = self.receiver.spans();
        spans.sort_by_key(|span| span.span.start_time_unix_nano);
        spans
    }

    /// Its CLIENT spans.
    pub fn stop_for_clients(self) -> Vec<Received> {
        let mut spans = self.stop();
        spans.retain(|span| span.span.kind == SpanKind::Client as i32);
        spans
    }
}
