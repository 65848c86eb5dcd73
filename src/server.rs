//! The listener: binding, serving, and the order of the end.
//!
//! On the first signal it stops accepting and lets requests in flight end, for half of the shutdown's
//! time at most; [`run`] then returns the deadline, until which the caller flushes spans, off the
//! runtime.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::Server;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;

use crate::app::app;
use crate::config::{Config, ServerConfig};

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
    /// The listener failed later on, or signals cannot be waited for.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

/// Listens as `config` says; the addresses tell which port it became where the port was 0. To be
/// called inside a runtime, and the server to be awaited.
///
/// # Errors
/// [`ServeError::Bind`].
pub fn start(
    config: &Config,
    provider: &SdkTracerProvider,
) -> Result<(Server, Vec<SocketAddr>), ServeError> {
    let ServerConfig { bind_address, port, workers, .. } = config.server;
    let address = SocketAddr::from((bind_address, port));
    let (provider, origins) = (provider.clone(), config.origins.clone());
    let server = HttpServer::new(move || app(&provider, &origins))
        .workers(workers)
        // What makes a client's disconnect cancel the handler, as most servers do.
        .h1_allow_half_closed(false)
        // Whole seconds are all that can be said here; `run` keeps the time exactly.
        .shutdown_timeout(drain_time(&config.server).as_secs() + 1)
        .disable_signals()
        .bind(address)
        .map_err(|source| ServeError::Bind { address, source })?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// How long requests in flight may take at the end; what is left of the time is the exporters'.
fn drain_time(config: &ServerConfig) -> Duration {
    config.shutdown_timeout / 2
}

/// Serves until `stop` says the name of a signal, then lets requests in flight end. Returns until when
/// the exporters may take.
///
/// # Errors
/// The listener failed.
pub async fn run(
    mut server: Server,
    config: &ServerConfig,
    stop: oneshot::Receiver<&'static str>,
) -> Result<Instant, ServeError> {
    let stop = async {
        match stop.await {
            Ok(signal) => signal,
            // Nobody will ever say it.
            Err(_) => pending().await,
        }
    };
    tokio::select! {
        ended = &mut server => ended?,
        signal = stop => {
            tracing::info!("{signal}: no more connections are accepted, requests in flight end");
            // The stop is under way from here on; the server's own end tells when it is done.
            drop(server.handle().stop(true));
            if tokio::time::timeout(drain_time(config), server).await.is_err() {
                tracing::warn!("requests were cut off: they took too long to end");
            }
        }
    }
    Ok(Instant::now() + config.shutdown_timeout / 2)
}
