//! The listener: binding, serving, and the order of the end.
//!
//! On the first signal it stops accepting and lets requests in flight end, for half of the shutdown's
//! time at most; [`Listening::run`] then returns the deadline, until which the caller flushes spans, off the
//! runtime.

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
use crate::server_span::InFlight;
use crate::telemetry::Accounts;

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
    /// The listener failed later on.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

/// A server that listens; to be [run](Listening::run).
pub struct Listening {
    server: Server,
    addresses: Vec<SocketAddr>,
    in_flight: InFlight,
    shutdown_timeout: Duration,
    /// How long requests in flight may take of it.
    drain_time: Duration,
}

/// Listens as `config` says; `accounts` are what `GET /health` shows. To be called inside a runtime.
///
/// # Errors
/// [`ServeError::Bind`].
pub fn listen(
    config: &Config,
    provider: &SdkTracerProvider,
    accounts: &Accounts,
) -> Result<Listening, ServeError> {
    let ServerConfig { bind_address, port, workers, shutdown_timeout } = config.server;
    let address = SocketAddr::from((bind_address, port));
    let in_flight = InFlight::default();
    // What is left is the exporters', half of the time at least.
    let drain_time = shutdown_timeout / 2;
    let service = {
        let (config, provider, in_flight) = (config.clone(), provider.clone(), in_flight.clone());
        let accounts = accounts.clone();
        move || app(&config, &provider, &in_flight, &accounts)
    };
    let server = HttpServer::new(service)
        .workers(workers)
        // What makes a client's disconnect cancel the handler, as most servers do.
        .h1_allow_half_closed(false)
        // Longer than `drain_time`, which is kept by `drain`, to the millisecond.
        .shutdown_timeout(shutdown_timeout.as_secs())
        // Signals are heard by `crate::signals`: the order of the end is ours.
        .disable_signals()
        .bind(address)
        .map_err(|source| ServeError::Bind { address, source })?;
    let addresses = server.addrs();
    Ok(Listening { server: server.run(), addresses, in_flight, shutdown_timeout, drain_time })
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
            ended = &mut self.server => {
                ended?;
                return Ok(Instant::now() + self.shutdown_timeout);
            }
            signal = signal => signal,
        };
        let deadline = Instant::now() + self.shutdown_timeout;
        tracing::info!("{signal}: no more connections are accepted, requests in flight end");
        self.drain().await;
        Ok(deadline)
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

/// How long the workers may take to drop what was cut off.
const DROP_TIME: Duration = Duration::from_millis(500);
