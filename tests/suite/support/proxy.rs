//! An HTTP proxy on a free port of loopback. Whatever host it is asked for, it leads to one address, and
//! tells what it was asked: so a name that nobody else knows shows that the way led through it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The proxy. It listens as long as the tests run: nobody else wants its port.
pub struct Proxy {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that leads to `destination`.
    pub fn start(destination: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, kept) = (client.unwrap(), Arc::clone(&kept));
                std::thread::spawn(move || lead(client, destination, &kept));
            }
        });
        Self { address, asked }
    }

    /// The first line of the first request on each connection: the method, and for whom it was.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn lead(mut client: TcpStream, destination: SocketAddr, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).unwrap_or_default() == 0 {
            return;
        }
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head);
    let line = text.lines().next().unwrap_or_default();
    asked.lock().unwrap().push(line.trim_end_matches(" HTTP/1.1").to_owned());
    let mut server = TcpStream::connect(destination).unwrap();
    // RFC 9110, section 9.3.6: what follows CONNECT is theirs alone. Other requests go on as they came.
    let begun = if line.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
    } else {
        server.write_all(&head)
    };
    if begun.is_ok() {
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let answering = std::thread::spawn(move || pass_on(back.0, back.1));
        pass_on(client, server);
        answering.join().unwrap();
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
