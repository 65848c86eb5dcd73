//! The load: clients that keep their connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The path that is measured.
pub const HOME: &str = "/api/activities/home";

/// A connection, and the request that it makes again and again.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; requests are for `path`, with the headers of a usual client.
    pub fn open(address: SocketAddr, path: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench/1.0 (side by side)\r\nAccept: */*\r\n\r\n"
        );
        Ok(Self { stream, request: request.into_bytes(), buffer: vec![0; 65536] })
    }

    /// Makes the request and reads the answer.
    pub fn request(&mut self) -> Outcome<()> {
        self.send()?;
        self.receive()
    }

    fn send(&mut self) -> Outcome<()> {
        Ok(self.stream.write_all(&self.request)?)
    }

    /// Reads an answer, which must be a 200 with a length.
    fn receive(&mut self) -> Outcome<()> {
        let mut read = 0;
        let mut expected = None;
        while expected.is_none_or(|expected| read < expected) {
            let count = self.stream.read(&mut self.buffer[read..])?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            read += count;
            if expected.is_none() {
                expected = length(&self.buffer[..read])?;
            }
        }
        Ok(())
    }
}

/// Keeps a server busy through `connections` for `time`: each has a request under way at any moment.
/// One thread serves them in turn, so that the client takes as little as it can of two cores. Returns
/// how many requests were answered.
pub fn saturate(connections: &mut [Connection], time: Duration) -> Outcome<u64> {
    let end = Instant::now() + time;
    let mut answered = 0;
    connections.iter_mut().try_for_each(Connection::send)?;
    while Instant::now() < end {
        for connection in &mut *connections {
            connection.receive()?;
            connection.send()?;
            answered += 1;
        }
    }
    for connection in connections {
        connection.receive()?;
        answered += 1;
    }
    Ok(answered)
}

/// Makes `rate` requests a second for `time`, spread evenly over `connections`, each of which has a
/// thread. Returns how long each answer took from the moment when its request was due, so that a
/// server that stalls is not spared the requests which could not be made meanwhile.
pub fn paced(connections: &mut [Connection], rate: u32, time: Duration) -> Outcome<Vec<Duration>> {
    let interval = Duration::from_secs(1) * connections.len() as u32 / rate;
    let start = Instant::now();
    let paced = |connection: &mut Connection, offset: Duration| {
        let mut latencies = Vec::new();
        let mut due = start + offset;
        while due < start + time {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            connection.request().map_err(|error| error.to_string())?;
            latencies.push(due.elapsed());
            due += interval;
        }
        Ok::<_, String>(latencies)
    };
    let count = connections.len() as u32;
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .iter_mut()
            .zip(0..)
            .map(|(connection, index)| {
                scope.spawn(move || paced(connection, interval * index / count))
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a client panicked")??);
        }
        Ok(all)
    })
}

/// How long an answer is, headers and body, once its headers are there.
fn length(answer: &[u8]) -> Outcome<Option<usize>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&answer[..head])?;
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(format!("unexpected answer: {text}").into());
    }
    let length = text
        .lines()
        .find_map(|line| {
            line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        })
        .ok_or("an answer without Content-Length")?;
    Ok(Some(head + 4 + length.1.parse::<usize>()?))
}
