//! Who asked, for which host and by which scheme, as the proxies in front of the service tell it:
//! `Forwarded` (RFC 7239), else `X-Forwarded-For`, `-Host` and `-Proto`.
//!
//! Anybody can send these headers, so they are worth what the sender is (RFC 7239, section 8.1).
//! They are read only if the socket's peer is one of the [`TrustedProxies`], and only as far as
//! those wrote them: each proxy adds, at the right, whom it got the request from, so from the
//! right up to and including the first address that is no trusted proxy. That element was still
//! written by a trusted proxy, the one next to the client; what stands to the left of it is
//! hearsay.
//!
//! - **The client** is the address at which that walk stops; where all hops are trusted, the
//!   leftmost one. A hop without an address (`unknown`, `_hidden`, no `for`, garbage) stops the
//!   walk too; then the last address to its right stands for the client, and without one nothing
//!   is known.
//! - **Host and scheme** are those of the element at which the walk stopped: what the proxy next to
//!   the client saw. What that element does not tell usably is taken from the nearest one to its
//!   right that does, since all of those are from trusted proxies.
//! - **`Forwarded` wins as a whole.** Where it is there, no `X-Forwarded-*` is read, not even for a
//!   parameter that it lacks: a proxy that writes the one may pass the other on as the client sent
//!   it. For the same reason a malformed `Forwarded` leaves nothing known instead of
//!   `X-Forwarded-*`: who can break the one could write the other.
//!
//! What no reader can make up for: the proxy next to the client must remove those of these
//! headers that it does not write itself. One that writes `X-Forwarded-For` and lets a stranger's
//! `Forwarded` pass vouches for it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{
    HeaderMap, HeaderName, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO,
};

use super::forwarded_element::{Malformed, Value, elements};
use super::host::{parse_digits, parse_host, split_port};
use super::trusted_proxies::TrustedProxies;

/// What trusted proxies tell of the request; nothing where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded<'a> {
    /// The client; `None` means that the socket's peer is the best that is known.
    pub(super) client: Option<ClientAddress>,
    /// `host[:port]` as the client named it, in a form that [`parse_host`] accepts.
    pub(super) host: Option<Cow<'a, str>>,
    /// The scheme that the client used.
    pub(super) scheme: Option<Scheme>,
}

/// A client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientAddress {
    /// In its canonical form: never an IPv4 address inside an IPv6 one.
    pub(super) ip: IpAddr,
    /// The client's own port, if the proxy told it.
    pub(super) port: Option<u16>,
}

/// A scheme of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// The scheme as a URL has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Schemes ignore case (RFC 3986, section 3.1). Some proxies tell the scheme of the
    /// WebSocket's URL; its handshake is an HTTP request (RFC 6455, section 1.3).
    fn parse(text: &str) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if is("http") || is("ws") {
            Some(Self::Http)
        } else if is("https") || is("wss") {
            Some(Self::Https)
        } else {
            None
        }
    }
}

/// Reads the forwarding headers of a request that came from `peer`, by the rules that the
/// [module](self) tells. Whatever they hold, this neither fails nor panics.
pub(super) fn resolve<'a>(
    headers: &'a HeaderMap,
    peer: IpAddr,
    trusted: &TrustedProxies,
) -> Forwarded<'a> {
    if !trusted.contains(peer) {
        return Forwarded::default();
    }
    match by_standard(headers, trusted) {
        Ok(Some(forwarded)) => forwarded,
        Ok(None) => by_custom(headers, trusted),
        Err(Malformed) => Forwarded::default(),
    }
}

/// The walk through the hops. The rules are told from the right, but quoted strings can only be
/// read from the left; so it goes from the left, and forgets what it has whenever it meets a hop
/// at which the walk from the right would have stopped before.
#[derive(Default)]
struct Walk {
    hops: usize,
    stop: usize,
    client: Option<ClientAddress>,
}

impl Walk {
    /// Takes the next hop; `true` if nothing that stands to its left counts.
    fn step(&mut self, hop: Option<ClientAddress>, trusted: &TrustedProxies) -> bool {
        let stops = self.hops == 0 || !hop.is_some_and(|hop| trusted.contains(hop.ip));
        if stops {
            self.stop = self.hops;
            self.client = hop;
        } else {
            self.client = self.client.or(hop);
        }
        self.hops += 1;
        stops
    }
}

/// `Forwarded`; `Ok(None)` if there is none, or only empty ones.
fn by_standard<'a>(
    headers: &'a HeaderMap,
    trusted: &TrustedProxies,
) -> Result<Option<Forwarded<'a>>, Malformed> {
    let mut walk = Walk::default();
    let mut found = Forwarded::default();
    for element in elements(headers) {
        let element = element?;
        let hop = element.node.and_then(Value::text).and_then(|node| parse_node(&node));
        if walk.step(hop, trusted) {
            found = Forwarded::default();
        }
        if found.host.is_none() {
            let host = element.host.and_then(Value::text);
            found.host = host.filter(|host| parse_host(host).is_some());
        }
        if found.scheme.is_none() {
            let proto = element.proto.and_then(Value::text);
            found.scheme = proto.and_then(|proto| Scheme::parse(&proto));
        }
    }
    found.client = walk.client;
    Ok((walk.hops > 0).then_some(found))
}

/// `X-Forwarded-*`, which no standard describes.
fn by_custom<'a>(headers: &'a HeaderMap, trusted: &TrustedProxies) -> Forwarded<'a> {
    let mut walk = Walk::default();
    for entry in entries(headers, X_FORWARDED_FOR) {
        let text = str::from_utf8(entry).ok();
        // Unlike a `for`, an IPv6 address may go without its brackets.
        let hop = text.and_then(|text| match text.parse::<Ipv6Addr>() {
            Ok(ip) => Some(ClientAddress { ip: IpAddr::V6(ip).to_canonical(), port: None }),
            Err(_) => parse_node(text),
        });
        walk.step(hop, trusted);
    }
    let usable_host = |host: &'a str| parse_host(host).map(|_| Cow::Borrowed(host));
    Forwarded {
        client: walk.client,
        host: aligned(headers, X_FORWARDED_HOST, &walk, usable_host),
        scheme: aligned(headers, X_FORWARDED_PROTO, &walk, Scheme::parse),
    }
}

/// The value that belongs to the hop at which the walk stopped, if there is one for each hop.
/// Else the rightmost, which is surely the nearest proxy's: most set their one value in place of
/// another.
fn aligned<'a, T>(
    headers: &'a HeaderMap,
    name: HeaderName,
    walk: &Walk,
    parse: impl Fn(&'a str) -> Option<T>,
) -> Option<T> {
    let count = entries(headers, name.clone()).count();
    let first = if count == walk.hops { walk.stop } else { count.saturating_sub(1) };
    entries(headers, name).skip(first).find_map(|entry| parse(str::from_utf8(entry).ok()?))
}

/// The entries of a list that may go over several lines; empty ones do not count (RFC 9110,
/// section 5.6.1.2).
fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(name);
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}

/// An address and maybe a port (RFC 7239, section 6); `None` for `unknown`, for an obfuscated
/// identifier, and for what is no node at all: neither says who it was.
fn parse_node(node: &str) -> Option<ClientAddress> {
    // Without brackets there is no colon left in `host`, so it can only be an IPv4 address.
    let (host, port) = split_port(node)?;
    let ip = host.parse::<IpAddr>().ok()?.to_canonical();
    let is_obfuscated = |port: &str| {
        port.strip_prefix('_').is_some_and(|name| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !name.is_empty() && name.bytes().all(is_part)
        })
    };
    let port = match port {
        None => None,
        Some(port) if is_obfuscated(port) => None,
        // Nobody connects from port 0; it stands for one that is not known.
        Some(port) if (1..=5).contains(&port.len()) => {
            Some(parse_digits(port)?).filter(|p| *p != 0)
        }
        Some(_) => return None,
    };
    Some(ClientAddress { ip, port })
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
