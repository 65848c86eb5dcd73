//! The page's listener and its threads, from the address to the end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::rt::System;
use actix_web::web::Data;
use actix_web::{App, HttpServer};

use super::access::{self, Access};
use super::events::Hub;
use super::links::Links;
use super::{api, assets, events};
use crate::config::web::{WebAddress, is_loopback};
use crate::config::{TelemetryConfig, WebConfig};
use crate::connection::{self, Turns};
use crate::error;
use crate::probes::Readiness;
use crate::recent_traces::RecentTraces;
use crate::telemetry::Accounts;

/// How many connections it takes: a browser opens six, and one for the events.
pub(crate) const MAX_CONNECTIONS: usize = 64;
/// How long a connection may have nothing to say: where all are taken, so long the next one waits.
const IDLE_TIME: Duration = Duration::from_secs(1);
/// How long a client may leave the page waiting within a request or an answer. All traces at once, over a
/// slow line, take a while.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long its end may take: connections are cut off, not waited for.
const STOP_TIME: Duration = Duration::from_millis(500);

/// Why there can be no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The address cannot be listened on.
    #[error(
        "WEB_ADDRESS is {address}, where the page cannot listen: {source}; set it to another address, or to nothing for no page"
    )]
    Bind {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread, or takes the listener back.
    #[error("the page cannot be served: {0}")]
    Serve(#[from] io::Error),
}

/// A page that listens; to be [served](Page::serve).
pub struct Page {
    listener: TcpListener,
    address: SocketAddr,
    config: WebConfig,
    recent: RecentTraces,
}

/// What the page shows of the service that it belongs to.
pub struct Service {
    /// Where the API listens.
    pub api: SocketAddr,
    /// What becomes of its spans.
    pub accounts: Accounts,
    /// Where its spans go, and under which name.
    pub telemetry: TelemetryConfig,
}

/// What the handlers share.
pub(super) struct State {
    pub(super) recent: RecentTraces,
    pub(super) accounts: Accounts,
    pub(super) hub: Hub,
    pub(super) links: Links,
    pub(super) service_name: String,
    pub(super) backend_url: String,
}

impl Page {
    /// Listens where `config` says; `None` where there is to be no page, or where the default address is
    /// taken, which is warned about.
    ///
    /// # Errors
    /// [`PageError::Bind`], for an address that was asked for.
    pub fn bind(config: &WebConfig) -> Result<Option<Self>, PageError> {
        let Some(address) = config.address.socket() else { return Ok(None) };
        let listener = match TcpListener::bind(address) {
            Ok(listener) => listener,
            Err(error) if config.address == WebAddress::Default => {
                tracing::warn!(
                    "{address} cannot be listened on ({error}), so there is no page; set WEB_ADDRESS to another address, or to nothing for no page"
                );
                return Ok(None);
            }
            Err(source) => return Err(PageError::Bind { address, source }),
        };
        let address = listener.local_addr()?;
        if !is_loopback(address.ip()) && config.token.is_none() && config.urls.is_empty() {
            tracing::warn!(
                "the page listens on {address}, and who reaches that port can read the traces; set WEB_TOKEN, or WEB_URL where the port is open to this machine alone"
            );
        }
        let recent = RecentTraces::new(config.limits);
        Ok(Some(Self { listener, address, config: config.clone(), recent }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The traces that it shows, to be told of spans.
    pub fn recent_traces(&self) -> &RecentTraces {
        &self.recent
    }

    /// The origins under which browsers see it, and from which it calls the API.
    pub fn origins(&self) -> Vec<String> {
        let port = self.address.port();
        let mut origins =
            vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")];
        if self.address.is_ipv6() {
            origins.push(format!("http://[::1]:{port}"));
        }
        if !self.address.ip().is_unspecified() && !is_loopback(self.address.ip()) {
            origins.push(format!("http://{}", self.address));
        }
        origins.extend(self.config.urls.iter().map(|url| url.origin().ascii_serialization()));
        origins
    }

    /// Serves on threads of its own.
    ///
    /// # Errors
    /// [`PageError::Serve`].
    pub fn serve(self, service: Service) -> Result<Serving, PageError> {
        let Self { listener, address, config, recent } = self;
        let backend_url = config
            .backend_url
            .clone()
            .unwrap_or_else(|| format!("http://localhost:{}", service.api.port()));
        let access = Data::new(Access::new(&config, address));
        let policy = assets::ContentSecurityPolicy::for_backend(&backend_url);
        let state = Data::new(State {
            recent,
            accounts: service.accounts,
            hub: Hub::default(),
            links: Links::new(&config, &service.telemetry)?,
            service_name: service.telemetry.service_name,
            backend_url,
        });
        let (ready, started) = mpsc::channel();
        let (ended, end) = mpsc::channel::<()>();
        std::thread::Builder::new().name("page".to_owned()).spawn(move || {
            // Dropped when all is over.
            let _ended = ended;
            System::new().block_on(async move {
                let (ticking, policy) = (state.clone(), policy.clone());
                let app = move || {
                    App::new()
                        .app_data(state.clone())
                        .app_data(access.clone())
                        .configure(api::routes)
                        .configure(assets::routes)
                        .wrap(from_fn(error::as_json))
                        .wrap(from_fn(access::check))
                        .wrap(policy.headers())
                        .wrap(Turns(Readiness::default()))
                };
                let server = HttpServer::new(app)
                    .workers(1)
                    .max_connections(MAX_CONNECTIONS)
                    .client_request_timeout(IDLE_TIME)
                    .keep_alive(IDLE_TIME)
                    .on_connect(|socket, data| connection::watch(socket, data, PATIENCE))
                    .disable_signals()
                    .listen(listener);
                let server = match server {
                    Ok(server) => server.run(),
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                let _ = ready.send(Ok(server.handle()));
                let ticker = actix_web::rt::spawn(events::tick(ticking));
                if let Err(error) = server.await {
                    tracing::error!(%error, "the page is no longer served");
                }
                ticker.abort();
            });
        })?;
        let closed = || io::Error::other("its thread ended before it began");
        let handle = started.recv().map_err(|_| closed())??;
        Ok(Serving { address, handle, end: Mutex::new(end) })
    }
}

/// A page that is served, until it is [stopped](Serving::stop).
pub struct Serving {
    address: SocketAddr,
    handle: ServerHandle,
    /// Closed when its thread has ended.
    end: Mutex<mpsc::Receiver<()>>,
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: at once, whatever its connections do.
    pub fn stop(self) {
        // The stop is under way with the call.
        drop(self.handle.stop(false));
        let end = self.end.into_inner().unwrap_or_else(PoisonError::into_inner);
        let _ = end.recv_timeout(STOP_TIME);
    }
}
