//! The variables that send outgoing requests through a proxy. The HTTP client reads them on its own;
//! here they are read to be shown, and to explain what cannot be reached.

use super::environment::Environment;

/// What goes through a proxy; the addresses of proxies may have passwords in them, and are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyConfig {
    http: Option<&'static str>,
    https: Option<&'static str>,
    /// `NO_PROXY`: hosts that are called directly.
    pub except: Vec<String>,
}

impl ProxyConfig {
    pub(super) fn read(env: &mut Environment) -> Self {
        let mut first = |variables: [&'static str; 4]| {
            let (variable, _) = env.first(&variables)?;
            env.decide(variables[0], variable);
            Some(variable)
        };
        let http = first(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
        let https = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let except = env.list("NO_PROXY").or_else(|| env.list("no_proxy"));
        env.inherit("NO_PROXY", "no_proxy");
        Self { http, https, except: except.unwrap_or_default() }
    }

    /// The variable by which requests with this URL scheme go through a proxy.
    pub fn of(&self, scheme: &str) -> Option<&'static str> {
        if scheme == "https" { self.https } else { self.http }
    }
}
