//! The connection below the requests: a client that keeps the service waiting loses it, and at the end
//! each answer says that it is the last.
//!
//! Actix bounds two waits: for the head of a connection's first request, and the silence after an
//! answer. Three it leaves without a bound: the head of a later request that comes byte by byte; a
//! chunked body that its handler does not want, which Actix reads to keep the connection; an answer
//! that its client does not read. In all three it is the client's turn, so each connection notes whose
//! turn it is, and is closed when it has been the client's for too long. (While a handler waits for the
//! body of its request it is the service's turn: `json_object` has a limit of its own.)

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, Ready, ready};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{
    Extensions, Service, ServiceRequest, ServiceResponse, Transform, forward_ready,
};
use actix_web::http::ConnectionType;
use actix_web::rt;
use actix_web::rt::net::TcpStream as AsyncTcpStream;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::sleep_until;
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

use crate::probes::Readiness;

/// Watches a new connection, for `HttpServer::on_connect`: it is closed when it has been the client's
/// turn for `patience`, at the latest after twice that.
pub(crate) fn watch(socket: &dyn Any, data: &mut Extensions, patience: Duration) {
    // A handle of our own, as Actix gives away none; where there is none left, this one connection is
    // not watched.
    let socket = socket
        .downcast_ref::<AsyncTcpStream>()
        .and_then(|socket| socket.as_fd().try_clone_to_owned().ok());
    if let Some(socket) = socket {
        let turn = Rc::new(Turn::default());
        let closing = close_when_late(TcpStream::from(socket), Rc::clone(&turn), patience);
        data.insert(Watched { turn, closing: rt::spawn(closing) });
    }
}

async fn close_when_late(socket: TcpStream, turn: Rc<Turn>, patience: Duration) {
    // Looked at from time to time: requests set no timers.
    let mut look = Instant::now() + patience;
    loop {
        sleep_until(look.into()).await;
        let now = Instant::now();
        look = turn.clients_since.get().unwrap_or(now) + patience;
        if look <= now {
            break;
        }
    }
    tracing::debug!(peer = ?socket.peer_addr().ok(), "a client took too long: its connection is closed");
    // Actix reads the end of the connection, or fails to write to it, and drops what it has of it.
    let _ = socket.shutdown(Shutdown::Both);
}

/// Whose turn is it?
struct Turn {
    /// `None` while the service has to answer.
    clients_since: Cell<Option<Instant>>,
}

impl Default for Turn {
    fn default() -> Self {
        Self { clients_since: Cell::new(Some(Instant::now())) }
    }
}

/// What Actix keeps with a connection.
struct Watched {
    turn: Rc<Turn>,
    closing: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.closing.abort();
    }
}

/// From the head of a request to the end of its answer it is the service's turn, but for what the client
/// has yet to take.
struct Answering(Option<Rc<Turn>>);

impl Answering {
    fn start(request: &ServiceRequest) -> Self {
        let answering =
            Self(request.conn_data::<Watched>().map(|watched| Rc::clone(&watched.turn)));
        answering.is_clients(false);
        answering
    }

    fn is_clients(&self, is_clients: bool) {
        if let Some(turn) = &self.0 {
            turn.clients_since.set(is_clients.then(Instant::now));
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.is_clients(true);
    }
}

/// The middleware that notes whose turn it is; outside of all others.
pub(crate) struct Turns(pub(crate) Readiness);

impl<S, B> Transform<S, ServiceRequest> for Turns
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<AnswerBody<B>>;
    type Error = Error;
    type Transform = TurnsService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(TurnsService { service, readiness: self.0.clone() }))
    }
}

/// The service inside of [`Turns`].
pub(crate) struct TurnsService<S> {
    service: S,
    readiness: Readiness,
}

impl<S, B> Service<ServiceRequest> for TurnsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<AnswerBody<B>>;
    type Error = Error;
    type Future = Answer<S::Future>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let answering = Some(Answering::start(&request));
        Answer { call: self.service.call(request), answering, readiness: self.readiness.clone() }
    }
}

pin_project! {
    /// An answer to come.
    pub(crate) struct Answer<F> {
        #[pin]
        call: F,
        answering: Option<Answering>,
        readiness: Readiness,
    }
}

impl<F, B> Future for Answer<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<AnswerBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.call.poll(cx))?;
        if this.readiness.is_ending() {
            // RFC 9112, section 9.6: so the client's next request goes elsewhere, and is not sent into a
            // connection that is about to be closed.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        let answering = this.answering.take();
        if let Some(answering) = &answering {
            // Where earlier answers have filled Actix's buffer, it asks for nothing of this one's body.
            answering.is_clients(true);
        }
        Poll::Ready(Ok(response.map_body(|_, body| AnswerBody { body, answering })))
    }
}

pin_project! {
    /// An answer's body: once a piece of it was handed over, it is for the client to take it.
    pub(crate) struct AnswerBody<B> {
        #[pin]
        body: B,
        answering: Option<Answering>,
    }
}

impl<B: MessageBody> MessageBody for AnswerBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        // Actix asks for the next piece when the client has taken the last, or most of it.
        let chunk = this.body.poll_next(cx);
        if let Some(answering) = this.answering {
            answering.is_clients(chunk.is_ready());
        }
        chunk
    }
}
