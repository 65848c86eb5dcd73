//! The listener: binding, serving, and the way out.
//!
//! On SIGTERM or SIGINT it stops accepting, lets requests in flight end, and returns; a second signal
//! ends the process at once. Spans are flushed after that, off the runtime, by whoever called
//! [`run`].

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;
use actix_web::rt::signal::unix::{SignalKind, signal};
use opentelemetry_sdk::trace::SdkTracerProvider;

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
        .shutdown_timeout(drain_time(&config.server).as_secs().max(1))
        // The order of shutdown is ours: see `run`.
        .disable_signals()
        .bind(address)
        .map_err(|source| ServeError::Bind { address, source })?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// How much of the shutdown's time requests get; the rest is for the exporters.
fn drain_time(config: &ServerConfig) -> Duration {
    config.shutdown_timeout - export_time(config)
}

/// How long the exporters may take at the end, at most: half of the time, and 5 seconds do.
pub fn export_time(config: &ServerConfig) -> Duration {
    (config.shutdown_timeout / 2).min(Duration::from_secs(5))
}

/// Serves until a signal comes and the requests in flight are answered, or their time is up.
///
/// # Errors
/// See [`ServeError`].
pub async fn run(config: &Config, provider: &SdkTracerProvider) -> Result<(), ServeError> {
    let (server, addresses) = start(config, provider)?;
    for address in addresses {
        tracing::info!("listening on http://{address}");
    }
    rt::spawn(stop_on_signal(server.handle())?);
    Ok(server.await?)
}

fn stop_on_signal(server: ServerHandle) -> io::Result<impl Future<Output = ()> + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut next = async move || {
        std::future::poll_fn(|cx| {
            use std::task::Poll;
            if terminate.poll_recv(cx).is_ready() {
                Poll::Ready(("SIGTERM", 128 + 15))
            } else if interrupt.poll_recv(cx).is_ready() {
                Poll::Ready(("SIGINT", 128 + 2))
            } else {
                Poll::Pending
            }
        })
        .await
    };
    Ok(async move {
        let (name, _) = next().await;
        tracing::info!("{name}: no more connections are accepted, requests in flight end");
        // Not awaited here: the drain goes on while we listen for the second signal.
        rt::spawn(server.stop(true));
        let (name, exit_code) = next().await;
        tracing::warn!("{name} again: ending at once, spans that are queued are lost");
        std::process::exit(exit_code);
    })
}
