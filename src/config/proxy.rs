//! The variables that send outgoing requests through a proxy. The HTTP client reads them on its own;
//! here they are read to be shown, and to explain what cannot be reached.

use std::net::IpAddr;

use actix_web::http::Uri;
use actix_web::http::uri::Authority;
use ipnet::IpNet;

use super::environment::{ConfigError, Environment};

/// What goes through a proxy; the addresses of proxies may have passwords in them, and are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyConfig {
    http: Option<&'static str>,
    https: Option<&'static str>,
    /// `NO_PROXY`: hosts that are called directly.
    pub except: Vec<String>,
}

impl ProxyConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// The address of a proxy that the HTTP client would ignore, and send past it.
    pub(super) fn read(env: &mut Environment) -> Result<Self, ConfigError> {
        let all = spelling(env, ["ALL_PROXY", "all_proxy"]);
        let mut read = |spellings: [&'static str; 2]| {
            let Some(variable) = spelling(env, spellings).or(all) else { return Ok(None) };
            if !env.get(variable).is_some_and(is_proxy) {
                let expected =
                    "expected the address of a proxy with a port, such as http://localhost:3128";
                return Err(env.secret_error(variable, expected));
            }
            env.decide(spellings[0], variable);
            Ok(Some(variable))
        };
        let http = read(["HTTP_PROXY", "http_proxy"])?;
        let https = read(["HTTPS_PROXY", "https_proxy"])?;
        let except = spelling(env, ["NO_PROXY", "no_proxy"]).and_then(|variable| {
            env.decide("NO_PROXY", variable);
            env.list(variable)
        });
        Ok(Self { http, https, except: except.unwrap_or_default() })
    }

    /// The variable by which requests with this URL scheme go through a proxy.
    pub fn of(&self, scheme: &str) -> Option<&'static str> {
        if scheme == "https" { self.https } else { self.http }
    }

    /// The same for requests to this host, which may be an exception.
    pub fn on_the_way(&self, scheme: &str, host: &str) -> Option<&'static str> {
        let is_excepted = self.except.iter().any(|entry| names(entry, host));
        self.of(scheme).filter(|_| !is_excepted)
    }
}

/// Which of two spellings of a variable the HTTP client reads: the one in capitals, also where it is there
/// but empty. The other one is then as if it were not set, which is said.
fn spelling(env: &mut Environment, [capitals, small]: [&'static str; 2]) -> Option<&'static str> {
    if env.is_empty(capitals) {
        if env.get(small).is_some() {
            env.warn(format!(
                "{capitals} is there, though empty, so {small} is not looked at; unset {capitals}"
            ));
        }
        return None;
    }
    env.first(&[capitals, small]).map(|(variable, _)| variable)
}

/// Is the host one that this entry of `NO_PROXY` means? Read as the HTTP client reads it: an address is
/// never meant by a name, or by `*`.
fn names(entry: &str, host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        let is_network = entry.parse::<IpNet>().is_ok_and(|network| network.contains(&address));
        return is_network || entry.parse() == Ok(address);
    }
    let (host, name) = (host.to_ascii_lowercase(), entry.to_ascii_lowercase());
    let name = name.strip_prefix('.').unwrap_or(&name);
    let is_below = || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    entry == "*" || host == name || is_below()
}

/// Is it an address as the HTTP client takes it? Without a scheme it is that of an HTTP proxy. SOCKS is
/// not built in, but the client says so, and sends nothing.
fn is_proxy(address: &str) -> bool {
    let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let Ok(uri) = address.parse::<Uri>() else { return false };
    // Of a port that is none the client knows nothing: it would take that of the scheme.
    let has_port_or_none = |authority: &Authority| {
        let address = authority.as_str().rsplit('@').next().unwrap_or_default();
        address == authority.host() || authority.port_u16().is_some()
    };
    uri.authority().is_some_and(has_port_or_none)
        && uri.scheme_str().is_none_or(|scheme| schemes.contains(&scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_exception_means() {
        for (entry, host, is_meant) in [
            ("a.example", "a.example", true),
            ("a.example", "A.Example", true),
            ("a.example", "b.a.example", true),
            (".a.example", "a.example", true),
            (".a.example", "b.a.example", true),
            ("a.example", "ba.example", false),
            ("*", "a.example", true),
            ("*", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "10.0.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.1", "10.0.0.1", false),
            ("::1", "[::1]", true),
            ("fd00::/8", "[fd00::1]", true),
            ("10.0.0.1", "a.example", false),
        ] {
            assert_eq!(names(entry, host), is_meant, "{entry} {host}");
        }
    }

    #[test]
    fn what_the_client_takes_for_a_proxy() {
        for (address, is) in [
            ("http://proxy:3128", true),
            ("HTTPS://proxy/", true),
            ("http://user:p%40ss@proxy:3128", true),
            ("user:pass@proxy:3128", true),
            ("proxy:3128", true),
            ("127.0.0.1", true),
            ("http://[::1]:3128", true),
            ("http://us er@proxy:3128", false),
            ("http://", false),
            ("/proxy", false),
            (":::1", false),
            ("ftp://proxy", false),
            ("socks5://proxy:1080", true),
            ("http://proxy:31x8", false),
            ("proxy:http", false),
            ("http://proxy:", false),
            ("http://proxy:65536", false),
            ("http://user:31x8@proxy:3128", true),
            ("http://user:31x8@proxy", true),
            ("http://proxy:31x8@proxy", true),
            ("http://[::1]", true),
            ("http://[::1]:x", false),
        ] {
            assert_eq!(is_proxy(address), is, "{address}");
        }
    }
}
