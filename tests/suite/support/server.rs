//! A server of a test, in a thread of its own.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use actix_web::dev::{self, ServerHandle};
use actix_web::rt::System;

/// A running server; it stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    handle: ServerHandle,
    /// Closed when its thread has ended.
    running: Mutex<Receiver<()>>,
}

/// How long it may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(180);

impl Server {
    /// Starts what `serve` makes, with its address.
    pub fn start(serve: impl FnOnce() -> (SocketAddr, dev::Server) + Send + 'static) -> Self {
        let (sender, started) = channel();
        let (running_sender, running) = channel();
        std::thread::spawn(move || {
            let _running = running_sender;
            System::new().block_on(async move {
                let (address, server) = serve();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = started.recv_timeout(PATIENCE).expect("the server starts");
        Self { address, handle, running: Mutex::new(running) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        let running = self.running.get_mut().unwrap();
        let is_late = running.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        // A test that fails already says why.
        assert!(!is_late || std::thread::panicking(), "the server does not stop in {PATIENCE:?}");
    }
}
