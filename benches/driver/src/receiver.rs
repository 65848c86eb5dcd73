//! An OTLP/HTTP receiver that counts spans and keeps nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Outcome;

/// The receiver; it lives as long as this program.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    spans: AtomicU64,
    bytes: AtomicU64,
}

impl Receiver {
    /// Starts it on a free port of the loopback interface.
    pub fn start() -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let receiver = Self { address: listener.local_addr()?, counts: Arc::default() };
        let counts = Arc::clone(&receiver.counts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counts = Arc::clone(&counts);
                std::thread::spawn(move || serve(&stream, &counts));
            }
        });
        Ok(receiver)
    }

    /// How many spans came so far, but for gzipped ones.
    pub fn spans(&self) -> u64 {
        self.counts.spans.load(Ordering::Acquire)
    }

    /// How many bytes of bodies came so far, gzipped or not.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Acquire)
    }
}

/// Answers each request with an empty `ExportTraceServiceResponse`, until the client goes away.
fn serve(stream: &TcpStream, counts: &Counts) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut body = Vec::new();
    loop {
        let (mut length, mut is_gzipped) = (0, false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok()?;
                }
                Some((name, _)) if name.eq_ignore_ascii_case("content-encoding") => {
                    is_gzipped = true;
                }
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        counts.bytes.fetch_add(length as u64, Ordering::Release);
        if !is_gzipped {
            counts.spans.fetch_add(count_spans(&body), Ordering::Release);
        }
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        (&*stream).write_all(answer.as_bytes()).ok()?;
    }
}

/// Spans in an `ExportTraceServiceRequest`: fields 1 (`resource_spans`), 2 (`scope_spans`), 2 (`spans`).
fn count_spans(request: &[u8]) -> u64 {
    let resource_spans = Fields(request).filter(|(field, _)| *field == 1);
    let scope_spans =
        resource_spans.flat_map(|(_, body)| Fields(body)).filter(|(field, _)| *field == 2);
    scope_spans.flat_map(|(_, body)| Fields(body)).filter(|(field, _)| *field == 2).count() as u64
}

/// The length-delimited fields of a message; all of those that count here are.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let length = usize::try_from(self.varint()?).ok()?;
        let (body, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((tag >> 3, body))
    }
}

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
