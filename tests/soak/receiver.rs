//! An OTLP receiver that can be made to fail, and keeps of millions of spans their ids alone.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::{System, time::sleep};
use actix_web::{App, HttpResponse, HttpServer, web};
use prost::Message;
use rustls::ServerConfig;

use crate::certificate;

/// `ExportTraceServiceRequest` with no more of it than is kept here. The receiver shares two cores with what
/// is measured: one that decodes every attribute would itself be what is too slow.
#[derive(Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Message)]
struct ResourceSpans {
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanId>,
}

#[derive(Message)]
struct SpanId {
    #[prost(bytes = "bytes", tag = "2")]
    id: web::Bytes,
}

/// What it does with an export.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    Accept,
    Slow(Duration),
    /// A status, and `Retry-After`.
    Fail(u16, Option<&'static str>),
    /// Every other one fails so.
    FailHalf(u16),
    Hang,
}

struct State {
    mode: Mutex<Mode>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    exports: u64,
    ids: HashSet<[u8; 8]>,
    twice: u64,
}

/// The receiver; it is away once it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
    server: ServerHandle,
}

/// What arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrived {
    /// How many different spans.
    pub spans: u64,
    /// How many were sent again although they had arrived.
    pub twice: u64,
}

impl Receiver {
    pub fn start(mode: Mode) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), mode)
    }

    pub fn start_at(address: SocketAddr, mode: Mode) -> Self {
        Self::serve(address, mode, None)
    }

    /// A receiver by HTTPS, for `localhost`, whose certificate nobody trusts.
    pub fn start_untrusted() -> Self {
        let (tls, _) = certificate::of_localhost();
        Self::serve("127.0.0.1:0".parse().unwrap(), Mode::Accept, Some(tls))
    }

    fn serve(address: SocketAddr, mode: Mode, tls: Option<ServerConfig>) -> Self {
        let state = Arc::new(State { mode: Mutex::new(mode), seen: Mutex::default() });
        let (sender, started) = mpsc::channel();
        let of_app = Arc::clone(&state);
        std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(web::Data::from(Arc::clone(&of_app)))
                        .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                        .route("/v1/traces", web::post().to(receive))
                })
                .workers(1)
                .disable_signals();
                let server = match tls {
                    Some(tls) => server.bind_rustls_0_23(address, tls),
                    None => server.bind(address),
                };
                let server = server.unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = started.recv().unwrap();
        Self { address, state, server }
    }

    pub fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
    }

    pub fn arrived(&self) -> Arrived {
        let seen = self.state.seen.lock().unwrap();
        Arrived { spans: seen.ids.len() as u64, twice: seen.twice }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn receive(body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let mode = *state.mode.lock().unwrap();
    let number = {
        let mut seen = state.seen.lock().unwrap();
        seen.exports += 1;
        seen.exports
    };
    match mode {
        Mode::Accept => {}
        Mode::Slow(delay) => sleep(delay).await,
        Mode::FailHalf(_) if number % 2 == 0 => {}
        Mode::FailHalf(status) | Mode::Fail(status, None) => return fail(status, None),
        Mode::Fail(status, after) => return fail(status, after),
        Mode::Hang => std::future::pending().await,
    }
    let export = Export::decode(body).expect("an OTLP message");
    let mut seen = state.seen.lock().unwrap();
    for scope in export.resource_spans.into_iter().flat_map(|resource| resource.scope_spans) {
        for span in scope.spans {
            if !seen.ids.insert(span.id[..].try_into().expect("eight bytes")) {
                seen.twice += 1;
            }
        }
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn fail(status: u16, after: Option<&str>) -> HttpResponse {
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
    if let Some(after) = after {
        response.insert_header(("retry-after", after));
    }
    response.finish()
}
