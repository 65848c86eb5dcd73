//! The listener: binding, serving, its limits, and the order of the end.
//!
//! On the first signal the service says that it is not ready, for the shutdown's delay; then it stops
//! accepting and lets requests in flight end, for half of the shutdown's time at most; [`Listening::run`]
//! then returns the deadline, until which the caller flushes spans, off the runtime.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;

use crate::app::app;
use crate::config::{Config, ServerConfig};
use crate::http_client::BuildError;
use crate::probes::Readiness;
use crate::recent_traces::RecentTraces;
use crate::report::{Reporting, Rollbar};
use crate::server_span::InFlight;
use crate::telemetry::Accounts;
use crate::{connection, open_files, web};

/// Why the service could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; set PORT or BIND_ADDRESS to another")]
    Bind {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Rollbar cannot be called.
    #[error(transparent)]
    HttpClient(#[from] BuildError),
    /// The listener failed later on.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

/// A server that listens; to be [run](Listening::run).
pub struct Listening {
    server: Server,
    addresses: Vec<SocketAddr>,
    in_flight: InFlight,
    readiness: Readiness,
    shutdown_delay: Duration,
    /// Of the shutdown's time, how long requests in flight may take.
    drain_time: Duration,
    /// And how long exporters may, when there are none left.
    exporters_time: Duration,
}

/// Listens as `config` says; `accounts` are what `GET /health` shows, and failures are reported to
/// `rollbar`; `recent` keeps the last traces, if somebody shows them. To be called inside a runtime.
///
/// # Errors
/// [`ServeError::Bind`], [`ServeError::HttpClient`].
pub fn listen(
    config: &Config,
    provider: &SdkTracerProvider,
    accounts: &Accounts,
    rollbar: Option<&Rollbar>,
    recent: Option<&RecentTraces>,
) -> Result<Listening, ServeError> {
    let ServerConfig { shutdown_timeout, keep_alive, client_timeout, workers, .. } = config.server;
    let address = SocketAddr::from((config.server.bind_address, config.server.port));
    let (in_flight, readiness) = (InFlight::default(), Readiness::default());
    // What is left is for the moments between, so that the whole keeps its time.
    let (drain_time, exporters_time) = (shutdown_timeout / 2, shutdown_timeout * 2 / 5);
    let service = {
        let (config, provider, accounts) = (config.clone(), provider.clone(), accounts.clone());
        let (in_flight, readiness) = (in_flight.clone(), readiness.clone());
        let reporting = rollbar
            .map(|rollbar| Reporting::new(&config.server_span, rollbar, &provider))
            .transpose()?;
        let recent = recent.cloned();
        move || {
            let (reporting, recent) = (reporting.as_ref(), recent.as_ref());
            app(&config, &provider, &in_flight, &readiness, &accounts, reporting, recent)
        }
    };
    let server = HttpServer::new(service)
        .workers(workers)
        .max_connections(max_connections(config).div_ceil(workers))
        .keep_alive(keep_alive)
        // Of the first request; `connection` has an eye on the others.
        .client_request_timeout(client_timeout)
        .on_connect(move |socket, data| {
            connection::watch(socket, data, keep_alive + client_timeout);
        })
        // What makes a client's disconnect cancel the handler, as most servers do.
        .h1_allow_half_closed(false)
        // Longer than `drain_time`, which is kept by `drain`, to the millisecond.
        .shutdown_timeout(shutdown_timeout.as_secs())
        // Signals are heard by `crate::signals`: the order of the end is ours.
        .disable_signals()
        // With SO_REUSEADDR: a restart need not wait until the last connections are out of TIME_WAIT.
        .bind(address)
        .map_err(|source| ServeError::Bind { address, source })?;
    let addresses = server.addrs();
    Ok(Listening {
        server: server.run(),
        addresses,
        in_flight,
        readiness,
        shutdown_delay: config.server.shutdown_delay.max(LAST_CALL),
        drain_time,
        exporters_time,
    })
}

/// `MAX_CONNECTIONS`, or what the system allows.
fn max_connections(config: &Config) -> usize {
    let of_the_page = config.web.address.socket().map_or(0, |_| web::MAX_CONNECTIONS);
    let possible = open_files::connections().saturating_sub(of_the_page).max(1);
    let asked = config.server.max_connections;
    if asked > possible {
        tracing::warn!(
            "MAX_CONNECTIONS is {asked}, but the limit of open files allows {possible} connections; raise it with ulimit -n"
        );
    }
    asked.min(possible)
}

impl Listening {
    /// The addresses, which tell the port where any free one was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until `stop` says the name of a signal, then lets requests in flight end. Returns until
    /// when the exporters may take.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(
        mut self,
        stop: oneshot::Receiver<&'static str>,
    ) -> Result<Instant, ServeError> {
        let signal = async {
            match stop.await {
                Ok(signal) => signal,
                // Nobody will ever say it.
                Err(_) => pending().await,
            }
        };
        let signal = tokio::select! {
            ended = &mut self.server => return self.ended(ended),
            signal = signal => signal,
        };
        self.readiness.end();
        if self.shutdown_delay > LAST_CALL {
            let delay = self.shutdown_delay.as_secs();
            tracing::info!("{signal}: not ready any more, still serving for {delay} s");
        }
        tokio::select! {
            ended = &mut self.server => return self.ended(ended),
            () = tokio::time::sleep(self.shutdown_delay) => {}
        }
        tracing::info!("{signal}: no more connections are accepted, requests in flight end");
        let exporters_time = self.exporters_time;
        self.drain().await;
        Ok(Instant::now() + exporters_time)
    }

    /// The server ended without us.
    fn ended(&self, result: io::Result<()>) -> Result<Instant, ServeError> {
        result?;
        Ok(Instant::now() + self.exporters_time)
    }

    async fn drain(mut self) {
        // The stop is under way with the call; the server's own end tells when it is done.
        drop(self.server.handle().stop(true));
        if tokio::time::timeout(self.drain_time, &mut self.server).await.is_ok() {
            return;
        }
        tracing::warn!("requests are cut off: they take too long to end");
        self.in_flight.cut_off();
        // Dropping the server makes the workers drop what they have; that is waited for, so that the
        // spans can be flushed, but not for ever: a worker may be stuck in a handler.
        drop(self.server);
        let _ = tokio::time::timeout(DROP_TIME, self.in_flight.none_left()).await;
    }
}

/// How long requests are taken after the signal at least: Actix drops what a connection has read, but not
/// begun, so who sends one after the other is first told by an answer that it is the last.
const LAST_CALL: Duration = Duration::from_millis(100);

/// How long the workers may take to drop what was cut off.
const DROP_TIME: Duration = Duration::from_millis(500);
