//! HTTP/1.1 by hand: what goes over the wire is what the test says, byte for byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header; several of the same name are joined as RFC 9110 allows.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The trace and span ids of `traceresponse`.
    pub fn traceresponse(&self) -> (String, String) {
        let header = self.header("traceresponse").expect("a traceresponse header");
        let parts: Vec<_> = header.split('-').collect();
        assert_eq!(parts.len(), 4, "{header}");
        assert_eq!((parts[0], parts[1].len(), parts[2].len()), ("00", 32, 16), "{header}");
        (parts[1].to_owned(), parts[2].to_owned())
    }
}

/// A connection.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the service listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, unread: Vec::new() }
    }

    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the service reads");
    }

    /// Writes what the other side may refuse to read.
    pub fn write_if_open(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Closes the sending half of what may be closed already.
    pub fn half_close_if_open(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Sends a request with a `Host` and, for a POST or where there is a body, a `Content-Length`.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: localhost:4567\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        self.write(&[head.as_bytes(), b"\r\n", body].concat());
        self.answer(method == "HEAD")
    }

    /// Closes the sending half: as far as HTTP/1 goes, the client is gone.
    pub fn half_close(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Closes with a reset, as a client does that crashes.
    pub fn reset(self) {
        let no_time = Some(std::time::Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, no_time).unwrap();
    }

    /// All that comes until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.unread)
    }

    /// Waits until `text` has come, and gives all that came until then.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            let come = String::from_utf8_lossy(&self.unread).into_owned();
            if come.contains(text) {
                self.unread.clear();
                return come;
            }
            assert!(self.read_more(), "closed before {text:?}: {come}");
        }
    }

    /// Reads one answer; to HEAD it has no body, whatever its length says.
    pub fn answer(&mut self, to_head: bool) -> Answer {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(
                self.read_more(),
                "closed before an answer: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !to_head {
            let length = answer.header("content-length").map_or(0, |l| l.parse().unwrap());
            while self.unread.len() < length {
                assert!(self.read_more(), "closed within a body");
            }
            answer.body = self.unread.drain(..length).collect();
        }
        answer
    }

    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = match self.stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read.expect("an answer in time"),
        };
        self.unread.extend_from_slice(&buffer[..read]);
        read > 0
    }
}
