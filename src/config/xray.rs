//! The variables that say where the X-Ray daemon is, what it is told, and where its traces are shown.

use std::fmt;

use url::Host;

use super::environment::{ConfigError, Environment};

const ADDRESS: &str = "AWS_XRAY_DAEMON_ADDRESS";
const HOST_PATTERN: &str = "AWS_XRAY_URL";
const ANNOTATIONS: &str = "AWS_XRAY_ANNOTATIONS";
/// Those of AWS's SDK, in its order.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const LOG_GROUP: &str = "CLOUDWATCH_LOG_GROUP";
/// Where the daemon listens unless it is told otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:2000";

/// What has to do with X-Ray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XrayConfig {
    /// Do spans go there? Because `AWS_XRAY_DAEMON_ADDRESS` is set, or `OTEL_TRACES_EXPORTER` says so.
    pub exports: bool,
    /// Do trace ids begin with their time? Where spans go to X-Ray, or its header or its sampling rules
    /// are used.
    pub ids: bool,
    /// `AWS_XRAY_DAEMON_ADDRESS`.
    pub daemon: DaemonAddress,
    /// `AWS_XRAY_URL`: a segment is named after the request's host where that fits this pattern.
    pub host_pattern: Option<String>,
    /// `AWS_XRAY_ANNOTATIONS`: patterns of the attributes that X-Ray is to index.
    pub annotations: Vec<String>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`: whose console shows the traces.
    pub region: Option<String>,
    /// `CLOUDWATCH_LOG_GROUP`: where the console finds the log of a trace.
    pub log_group: Option<String>,
}

/// Where the daemon takes segments, and where it answers questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonAddress {
    /// For segment documents.
    pub udp: HostPort,
    /// For sampling rules, by HTTP.
    pub tcp: HostPort,
}

/// As the variable has it.
impl fmt::Display for DaemonAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { udp, tcp } = self;
        if udp == tcp { write!(f, "{udp}") } else { write!(f, "tcp:{tcp} udp:{udp}") }
    }
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Without brackets, also where it is an IPv6 address.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl XrayConfig {
    /// Reads the variables. `asked_for` is what `OTEL_TRACES_EXPORTER` says of `xray`; where it says
    /// nothing, an address decides. Are X-Ray's header or its sampling rules `in_use`?
    ///
    /// # Errors
    /// An address or a pattern that cannot be used.
    pub(crate) fn read(
        env: &Environment,
        asked_for: Option<bool>,
        in_use: bool,
    ) -> Result<Self, ConfigError> {
        let address = env.get(ADDRESS);
        let daemon = address_of(address.unwrap_or(DEFAULT_ADDRESS)).ok_or_else(|| {
            let expected = "expected host:port, as in 127.0.0.1:2000 or xray-daemon:2000, or both of \
                tcp:host:port and udp:host:port with a space between them";
            env.error(ADDRESS, expected)
        })?;
        let exports = asked_for.unwrap_or(address.is_some());
        Ok(Self {
            exports,
            ids: exports || in_use,
            daemon,
            host_pattern: read_host_pattern(env)?,
            annotations: env.list(ANNOTATIONS).unwrap_or_else(|| vec!["app.*".to_owned()]),
            region: read_region(env),
            log_group: env.get(LOG_GROUP).map(str::to_owned),
        })
    }
}

/// `host:port` for both, or `tcp:host:port` and `udp:host:port` in any order, as AWS's SDKs have it.
fn address_of(text: &str) -> Option<DaemonAddress> {
    let parts: Vec<_> = text.split_whitespace().collect();
    match parts.as_slice() {
        [both] => {
            let both = host_port(both)?;
            Some(DaemonAddress { udp: both.clone(), tcp: both })
        }
        [one, other] => {
            let of = |prefix: &str| {
                one.strip_prefix(prefix).xor(other.strip_prefix(prefix)).and_then(host_port)
            };
            Some(DaemonAddress { udp: of("udp:")?, tcp: of("tcp:")? })
        }
        _ => None,
    }
}

fn host_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match Host::parse(host).ok()? {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Some(HostPort { host, port })
}

/// The name says URL, but it is a host that is compared.
fn read_host_pattern(env: &Environment) -> Result<Option<String>, ConfigError> {
    match env.get(HOST_PATTERN) {
        Some(pattern) if pattern.contains('/') => Err(env.error(
            HOST_PATTERN,
            "expected a pattern for the host of requests, as in *4567-*.gitpod.io, without a scheme or a path",
        )),
        pattern => Ok(pattern.map(str::to_owned)),
    }
}

/// It becomes a part of a host's name: what cannot be one is passed over.
fn read_region(env: &Environment) -> Option<String> {
    let (_, region) = env.first(&REGIONS)?;
    let is_region = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_region.then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<String, String> {
        let env = Environment::new([(ADDRESS.to_owned(), address.to_owned())].into());
        let config = XrayConfig::read(&env, None, false).map_err(|error| error.to_string())?;
        assert_eq!(address_of(&config.daemon.to_string()), Some(config.daemon.clone()));
        Ok(format!("{} {}", config.daemon.udp, config.daemon.tcp))
    }

    #[test]
    fn where_the_daemon_is() {
        for (address, udp_and_tcp) in [
            ("", "127.0.0.1:2000 127.0.0.1:2000"),
            ("xray-daemon:2000", "xray-daemon:2000 xray-daemon:2000"),
            ("xray_daemon:2000", "xray_daemon:2000 xray_daemon:2000"),
            ("[::1]:2000", "[::1]:2000 [::1]:2000"),
            ("tcp:a:1 udp:b:2", "b:2 a:1"),
            ("udp:b:2   tcp:a:1", "b:2 a:1"),
            ("udp:[::1]:2 tcp:127.0.0.1:1", "[::1]:2 127.0.0.1:1"),
            // A host may be called so.
            ("udp:2000", "udp:2000 udp:2000"),
        ] {
            assert_eq!(read(address).as_deref(), Ok(udp_and_tcp), "{address}");
        }
        for address in [
            "xray-daemon",
            "127.0.0.1:",
            ":2000",
            "a:0",
            "a:65536",
            "a:http",
            "::1:2000",
            "http://a:2000",
            "a:2000/",
            "a:1,b:2",
            "a:1 b:2",
            "udp:a:1",
            "udp:a:1 udp:b:2",
            "udp:a:1 tcp:b",
            "udp:a:1 tcp:b:2 tcp:c:3",
        ] {
            let error = read(address).unwrap_err();
            let start = format!("{ADDRESS} is {address:?}: expected host:port, as in ");
            assert!(error.starts_with(&start), "{error}");
        }
    }

    #[test]
    fn what_turns_it_on() {
        for (address, asked_for, exports) in [
            ("", None, false),
            ("a:1", None, true),
            ("a:1", Some(false), false),
            ("", Some(true), true),
        ] {
            let env = Environment::new([(ADDRESS.to_owned(), address.to_owned())].into());
            assert_eq!(
                XrayConfig::read(&env, asked_for, false).unwrap().exports,
                exports,
                "{address}"
            );
        }
    }

    #[test]
    fn a_url_is_no_host_pattern() {
        let pattern = |value: &str| {
            let env = Environment::new([(HOST_PATTERN.to_owned(), value.to_owned())].into());
            XrayConfig::read(&env, None, false).map(|config| config.host_pattern)
        };
        assert_eq!(pattern("*4567-*.gitpod.io*").unwrap().as_deref(), Some("*4567-*.gitpod.io*"));
        assert_eq!(pattern("").unwrap(), None);
        let error = pattern("https://4567-a.gitpod.io").unwrap_err().to_string();
        assert!(error.starts_with("AWS_XRAY_URL is "), "{error}");
        assert!(error.ends_with("without a scheme or a path"), "{error}");
    }
}
