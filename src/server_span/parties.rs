//! Who asked whom, and how: as trusted proxies tell it, else as the request and its connection do.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::Uri;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;

use super::forwarded;
use super::host::parse_host;
use super::last::Last;
use super::trusted_proxies::TrustedProxies;

/// Texts that many requests have in common, made once.
#[derive(Default)]
pub(super) struct CommonTexts {
    server: Last<str, Option<Server>>,
    peer: Last<IpAddr, Arc<str>>,
}

/// A host, and the port if one is named.
type Server = (Arc<str>, Option<u16>);

impl CommonTexts {
    /// The text of a peer's address.
    pub(super) fn peer(&self, ip: IpAddr) -> Arc<str> {
        self.peer.get(&ip, |ip| Arc::from(ip.to_string()))
    }

    /// The host and the port that an authority names, if it names a host.
    fn server(&self, authority: &str) -> Option<Server> {
        let parse = |text: &str| parse_host(text).map(|(host, port)| (Arc::from(host), port));
        self.server.get(authority, parse)
    }
}

/// The two sides of a request.
pub(super) struct Parties {
    /// `http` or `https`, as the client used it.
    pub(super) scheme: &'static str,
    /// The host that the client named, and the port; `None` where what it named is no host.
    pub(super) server: Option<(Arc<str>, u16)>,
    pub(super) client: Option<IpAddr>,
}

impl Parties {
    /// Those of a request that came from `peer`, over TLS where the connection `is_secure`.
    pub(super) fn of(
        headers: &HeaderMap,
        target: &Uri,
        peer: Option<IpAddr>,
        is_secure: bool,
        trusted: &TrustedProxies,
        common: &CommonTexts,
    ) -> Self {
        let forwarded =
            peer.map(|peer| forwarded::resolve(headers, peer, trusted)).unwrap_or_default();
        let scheme = match forwarded.scheme {
            Some(scheme) => scheme.as_str(),
            None if is_secure => "https",
            None => "http",
        };
        // The target wins over `Host` (RFC 9112, section 3.2.2).
        let target = || target.authority().map(Authority::as_str);
        let header = || headers.get(HOST)?.to_str().ok();
        // The first that is there counts, also where it is no host: another one is not what was meant.
        let named = forwarded.host.as_deref().or_else(target).or_else(header);
        let server = named.and_then(|authority| common.server(authority));
        let default_port = if scheme == "https" { 443 } else { 80 };
        Self {
            scheme,
            server: server.map(|(host, port)| (host, port.unwrap_or(default_port))),
            // An IPv4 client of a dual-stack socket shows up as ::ffff:a.b.c.d.
            client: forwarded.client.map(|client| client.ip).or(peer.map(|ip| ip.to_canonical())),
        }
    }
}
