//! Is there anybody? What is tried before anything is sent, the same for each destination: its name, its
//! port, its certificate.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::redirect;
use url::Url;

use super::report::Report;
use crate::causes::root_cause;
use crate::http_client::transport;

/// How long a name, a connection, or a handshake is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much longer an answer is waited for: a handshake that hangs is to be told from an answer that does.
const MOMENT: Duration = Duration::from_secs(1);
/// Where those who ask the system for certificates look first, and then nowhere else.
const SYSTEM_CA: &str = "SSL_CERT_FILE";

/// Where something is to listen, and what to change where it does not.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// `scheme://host[:port]`
    pub(super) origin: &'a str,
    /// What is to listen there, as in "the receiver".
    pub(super) who: &'a str,
    /// The variable that says where it is.
    pub(super) variable: &'a str,
    /// The variable by which it is reached through a proxy, if it is.
    pub(super) proxy: Option<&'a str>,
}

impl Place<'_> {
    /// Is its name known, and does it take a connection? What is behind a proxy is not tried directly.
    pub(super) fn is_reached(&self, report: &mut Report<'_>) -> bool {
        if let Some(proxy) = self.proxy {
            report.say(&format!("goes through the proxy of {proxy}: not tried directly"));
            return true;
        }
        let Some(addresses) = self.addresses(report) else { return false };
        match connect(&addresses) {
            Ok(address) => {
                report.ok("connection", &format!("{address} accepts it"));
                true
            }
            Err((ErrorKind::ConnectionRefused, reason)) => {
                let Self { who, variable, .. } = self;
                let change =
                    format!("see that {who} is up, or correct host and port in {variable}");
                report.failed("connection", &reason, &change);
                false
            }
            Err((_, reason)) => {
                let change =
                    format!("see to the network and its firewalls, or correct {}", self.variable);
                report.failed("connection", &reason, &change);
                false
            }
        }
    }

    /// The addresses of its host, if there are any.
    pub(super) fn addresses(&self, report: &mut Report<'_>) -> Option<Vec<SocketAddr>> {
        let url = Url::parse(self.origin).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or(self.origin);
        match resolve(self.origin.to_owned()) {
            Ok(addresses) => {
                let shown: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
                report.ok("address", &format!("{host} is {}", shown.join(", ")));
                Some(addresses)
            }
            Err(reason) => {
                let change = format!("correct {}, or see to this machine's DNS", self.variable);
                report.failed("address", &format!("{host} cannot be resolved: {reason}"), &change);
                None
            }
        }
    }

    /// Does the TLS handshake come to an end, for what trusts the system's certificates?
    pub(super) fn is_trusted_by_the_system(&self, report: &mut Report<'_>) -> bool {
        if !self.origin.starts_with("https:") {
            return true;
        }
        let client = ClientBuilder::from(transport(true))
            .connect_timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .build();
        match client {
            Ok(client) => self.is_trusted(&client, PATIENCE, SYSTEM_CA, report),
            Err(error) => {
                let change = format!("install ca-certificates, or name a file in {SYSTEM_CA}");
                report.failed("client", &root_cause(&error), &change);
                false
            }
        }
    }

    /// Does the TLS handshake of `client` come to an end? Of the answer nothing is asked: there may be none
    /// to GET. `timeout` is the client's own for connecting, `of_ca` the variable that names a CA to trust.
    pub(super) fn is_trusted(
        &self,
        client: &Client,
        timeout: Duration,
        of_ca: &str,
        report: &mut Report<'_>,
    ) -> bool {
        let request = client.get(self.origin).timeout(timeout.min(PATIENCE) + MOMENT);
        match request.send() {
            // A connection was made before: what fails in connecting now is TLS, or a proxy.
            Err(error) if error.is_connect() => {
                let reason = root_cause(&error.without_url());
                let Self { who, variable, .. } = self;
                let change = if reason.contains("CaUsedAsEndEntity") {
                    format!(
                        "{who} shows the certificate of a CA: give it one of its own (basicConstraints=CA:FALSE)"
                    )
                } else if reason.contains("certificate") {
                    format!(
                        "name the CA, if it is your own, in {of_ca}, and in {variable} the host that the certificate is for"
                    )
                } else if let Some(proxy) = self.proxy
                    && reason.contains("proxy authorization")
                {
                    format!("put a user and a password into {proxy}")
                } else if self.proxy.is_some() {
                    self.way()
                } else {
                    format!("where {who} speaks no TLS, use http:// in {variable}")
                };
                report.failed("TLS", &reason, &change);
                false
            }
            _ => {
                report.ok("TLS", "the certificate is trusted");
                true
            }
        }
    }

    /// What to change where something is in the way to it.
    pub(super) fn way(&self) -> String {
        let Self { who, variable, proxy, .. } = self;
        match proxy {
            Some(proxy) => {
                format!("see to the proxy of {proxy}, and whether it reaches {who} of {variable}")
            }
            None => format!("see what listens at {variable}, and to the network"),
        }
    }
}

/// The addresses of an origin's host; the system's resolver knows no deadline of its own.
fn resolve(origin: String) -> Result<Vec<SocketAddr>, String> {
    let (sender, resolved) = mpsc::channel();
    let resolving = move || {
        let url = Url::parse(&origin).map_err(io::Error::other);
        sender.send(url.and_then(|url| url.socket_addrs(|| None)))
    };
    std::thread::Builder::new().spawn(resolving).map_err(|error| error.to_string())?;
    match resolved.recv_timeout(PATIENCE) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_)) => Err("it has no address".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// The first address that accepts a connection; if none does, why the last did not.
fn connect(addresses: &[SocketAddr]) -> Result<SocketAddr, (ErrorKind, String)> {
    let mut failure = (ErrorKind::AddrNotAvailable, "there is no address".to_owned());
    for &address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(address),
            Err(error) => failure = (error.kind(), format!("{address}: {error}")),
        }
    }
    Err(failure)
}
