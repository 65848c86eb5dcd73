//! The service in this process, on a free port, with a receiver of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use backend_actix::config::Config;
use backend_actix::report::Rollbar;
use backend_actix::server;
use backend_actix::server_span::Middleware;
use backend_actix::telemetry::Telemetry;
use backend_actix::web::{self, Page, Serving};
use opentelemetry::trace::TracerProvider;
use serde_json::json;

use super::http::{Answer, Connection};
use super::receiver::{Received, Receiver};

pub struct Service {
    pub address: SocketAddr,
    page: Option<Serving>,
    receiver: Receiver,
    telemetry: Telemetry,
    server: ServerHandle,
    thread: JoinHandle<()>,
}

impl Service {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A service with these variables besides those that a test needs.
    pub fn start_with(vars: &[(&str, &str)]) -> Self {
        let receiver = Receiver::start();
        let endpoint = receiver.endpoint();
        let needed = [
            ("PORT", "0"),
            ("WORKERS", "1"),
            ("WEB_ADDRESS", ""),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ];
        let vars: HashMap<_, _> = needed
            .iter()
            .chain(vars)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut config = Config::from_vars(vars).unwrap();
        let page = Page::bind(&config.web).unwrap();
        let recent = page.as_ref().map(Page::recent_traces);
        let telemetry = Telemetry::start_with(&config.telemetry, recent).unwrap();
        config.origins = config.origins.and(page.iter().flat_map(Page::origins));
        let rollbar = config.rollbar.as_ref().map(|config| Rollbar::start(config).unwrap());
        let of_page = (config.telemetry.clone(), telemetry.accounts());
        let (provider, accounts) = (telemetry.tracer_provider().clone(), telemetry.accounts());
        let recent = recent.cloned();
        let mut service = Self::run(receiver, telemetry, move || {
            let (rollbar, recent) = (rollbar.as_ref(), recent.as_ref());
            let server = server::listen(&config, &provider, &accounts, rollbar, recent).unwrap();
            let (address, handle) = (server.addresses()[0], server.handle());
            // Nobody will signal: the handle stops it.
            let (_, no_signal) = tokio::sync::oneshot::channel();
            (address, handle, async move { server.run(no_signal).await.map(drop).unwrap() })
        });
        let (telemetry, accounts) = of_page;
        let of_service = web::Service { api: service.address, accounts, telemetry };
        service.page = page.map(|page| page.serve(of_service).unwrap());
        service
    }

    /// Where its page is; it has one if `WEB_ADDRESS` says so.
    pub fn page(&self) -> SocketAddr {
        self.page.as_ref().expect("a page").address()
    }

    /// A service of the test's own, traced by the middleware as anybody would use it.
    pub fn start_app(
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
        settings: impl Fn(Middleware) -> Middleware + Clone + Send + 'static,
    ) -> Self {
        Self::start_app_with(&[], routes, settings)
    }

    /// The same, with these variables for its telemetry.
    pub fn start_app_with(
        vars: &[(&str, &str)],
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
        settings: impl Fn(Middleware) -> Middleware + Clone + Send + 'static,
    ) -> Self {
        let receiver = Receiver::start();
        let endpoint = receiver.endpoint();
        let needed = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let config = Config::from_vars(needed.iter().chain(vars).map(owned).collect()).unwrap();
        let telemetry = Telemetry::start(&config.telemetry).unwrap();
        let provider = telemetry.tracer_provider().clone();
        Self::run(receiver, telemetry, move || {
            let tracer = provider.tracer("tests");
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(Data::new(tracer.clone()))
                    .configure(&routes)
                    .wrap(settings(Middleware::new(&provider)))
            })
            .workers(1)
            .disable_signals()
            .h1_allow_half_closed(false)
            .bind(("127.0.0.1", 0))
            .unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            (address, server.handle(), async move { server.await.unwrap() })
        })
    }

    fn run<S: Future<Output = ()> + 'static>(
        receiver: Receiver,
        telemetry: Telemetry,
        start: impl FnOnce() -> (SocketAddr, ServerHandle, S) + Send + 'static,
    ) -> Self {
        let (sender, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let (address, server, running) = start();
                sender.send((address, server)).unwrap();
                running.await;
            });
        });
        let (address, server) = started.recv().unwrap();
        Self { address, page: None, receiver, telemetry, server, thread }
    }

    /// Where it sends its spans.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// One request on a connection of its own.
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.connect().request(method, target, headers, body)
    }

    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target, &[], b"")
    }

    pub fn post(&self, target: &str, json: &str) -> Answer {
        self.request("POST", target, &[("content-type", "application/json")], json.as_bytes())
    }

    /// Stops the service and gives all spans that it sent: nothing is left to wait for.
    pub fn stop(self) -> Vec<Received> {
        if let Some(page) = self.page {
            page.stop();
        }
        drop(self.server.stop(true));
        self.thread.join().unwrap();
        let deliveries = self.telemetry.shutdown(Instant::now() + Duration::from_secs(30));
        let spans = self.receiver.spans();
        for delivery in deliveries {
            assert_eq!((delivery.failed, delivery.dropped), (0, 0), "{delivery}");
            // A process besides this one may send to the same receiver.
            let pid = json!(std::process::id());
            let ours = spans.iter().filter(|span| span.resource["process.pid"] == pid).count();
            assert_eq!(delivery.exported, ours as u64, "{delivery}");
        }
        spans
    }
}
