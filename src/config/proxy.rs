//! The variables that send outgoing requests through a proxy. The HTTP client reads them on its own;
//! here they are read to be shown, and to explain what cannot be reached.

use actix_web::http::Uri;
use actix_web::http::uri::Authority;

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
        let mut first = |variables: [&'static str; 4]| {
            let Some((variable, address)) = env.first(&variables) else { return Ok(None) };
            if !is_proxy(address) {
                let expected =
                    "expected the address of a proxy with a port, such as http://localhost:3128";
                return Err(env.secret_error(variable, expected));
            }
            env.decide(variables[0], variable);
            Ok(Some(variable))
        };
        let http = first(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])?;
        let https = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?;
        let except = env.list("NO_PROXY").or_else(|| env.list("no_proxy"));
        env.inherit("NO_PROXY", "no_proxy");
        Ok(Self { http, https, except: except.unwrap_or_default() })
    }

    /// The variable by which requests with this URL scheme go through a proxy.
    pub fn of(&self, scheme: &str) -> Option<&'static str> {
        if scheme == "https" { self.https } else { self.http }
    }
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
