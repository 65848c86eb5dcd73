//! The fuzzer's bytes as a request. The form is nearly that of HTTP/1.1, so that seeds can be read and
//! mutations are of the kind that strangers send, but most of what an HTTP parser refuses is left out
//! instead, so that few inputs are wasted:
//!
//! ```text
//! 1 192.0.2.1:4711                        one hexadecimal digit of switches, and the peer
//! GET /api/activities/@ann?sig=a          method and target
//! traceparent: 00-…                       headers, until an empty line
//!
//! what is left is the body
//! ```

use std::net::SocketAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri, Version};

/// A request, and how it is to be served.
pub(crate) struct Input {
    /// Does the endpoint count as public?
    pub(crate) public: bool,
    /// Does the caller decide on sampling? Else everything is sampled.
    pub(crate) parent_based: bool,
    /// Does the client go away before the response's body?
    pub(crate) leaves: bool,
    pub(crate) version: Version,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    /// All of it, as it came from the fuzzer.
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// `None` if there is no method or no target in it, without which there is no request.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = split(bytes, b'\n')?;
        let (switches, peer) = first.split_first()?;
        let switches = char::from(*switches).to_digit(16).unwrap_or(0);
        let (start, mut rest) = split(rest, b'\n').unwrap_or((rest, b""));
        let (method, target) = split(start, b' ')?;
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let (line, behind) = split(rest, b'\n').unwrap_or((rest, b""));
            rest = behind;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = split(line, b':') else { continue };
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
            {
                headers.push((name, value));
            }
        }
        Some(Self {
            public: switches & 1 != 0,
            parent_based: switches & 2 != 0,
            leaves: switches & 4 != 0,
            version: if switches & 8 != 0 { Version::HTTP_10 } else { Version::HTTP_11 },
            peer: str::from_utf8(peer.trim_ascii()).ok().and_then(|peer| peer.parse().ok()),
            method: Method::from_bytes(method).ok()?,
            target: Uri::try_from(target.trim_ascii_end()).ok()?,
            headers,
            body: rest.to_vec(),
            bytes: bytes.to_vec(),
        })
    }

    /// Makes `head` the head of this request.
    pub(crate) fn fill(&self, head: &mut RequestHead) {
        head.method = self.method.clone();
        head.uri = self.target.clone();
        head.version = self.version;
        head.peer_addr = self.peer;
        head.headers = HeaderMap::new();
        for (name, value) in &self.headers {
            head.headers.append(name.clone(), value.clone());
        }
    }

    /// All values of the header `name`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a HeaderValue> {
        self.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value)
    }
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
