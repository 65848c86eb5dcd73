//! A server that answers as its script says, one connection an answer, and keeps what it was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Instead of an answer: the connection is closed.
pub const CLOSE: &str = "close";
/// Instead of an answer: nothing, until the client closes.
pub const NOTHING: &str = "nothing";
/// Instead of an answer: its head, and nothing of its body until the client closes.
pub const UNFINISHED: &str = "unfinished";

/// The server. When its script is at its end, it closes.
pub struct Scripted {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// Tells of each request that came, and of a client that closed while it was given nothing.
    pub notes: UnboundedReceiver<&'static str>,
}

impl Scripted {
    /// Answers with a status and headers each, separated by `|`: `503 Busy|retry-after: 0`. `{self}`
    /// stands for the server's own origin.
    pub fn start(script: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, notes) = unbounded_channel();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Vec<_> = script
            .iter()
            .map(|line| line.replace("{self}", &format!("http://{address}")))
            .collect();
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for line in script {
                let (connection, _) = listener.accept().unwrap();
                answer(connection, &line, &kept, &sender);
            }
        });
        Self { address, asked, notes }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, as they came.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The values of a header of a request.
pub fn header<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let head = request.split("\r\n\r\n").next().unwrap();
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

fn answer(
    mut connection: TcpStream,
    line: &str,
    asked: &Mutex<Vec<String>>,
    notes: &UnboundedSender<&'static str>,
) {
    asked.lock().unwrap().push(read_request(&mut connection));
    let _ = notes.send("asked");
    match line {
        CLOSE => {}
        NOTHING | UNFINISHED => {
            if line == UNFINISHED {
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").unwrap();
            }
            while connection.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
            let _ = notes.send("closed");
        }
        line => {
            let head = line.replace('|', "\r\n");
            let rest = "content-length: 0\r\nconnection: close\r\n\r\n";
            write!(connection, "HTTP/1.1 {head}\r\n{rest}").unwrap();
        }
    }
}

/// A request with its body, if that has a length or comes in chunks.
fn read_request(connection: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = header(head, "content-length").first().map_or(0, |l| l.parse().unwrap());
            let is_chunked = !header(head, "transfer-encoding").is_empty();
            if (is_chunked && body.ends_with("0\r\n\r\n")) || (!is_chunked && body.len() >= length)
            {
                return request;
            }
        }
        let read = connection.read(&mut buffer).unwrap();
        assert!(read > 0, "closed within a request: {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
}
