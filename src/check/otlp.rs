//! An OTLP receiver, as far as one can come without a span: its name, its port, its certificate.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use reqwest::blocking::Client;

use super::honeycomb;
use super::report::Report;
use crate::config::Config;
use crate::config::otlp::{Endpoint, OtlpConfig, Signal};
use crate::http_client::root_cause;
use crate::telemetry::otlp_client;

/// How long a name, or a connection, is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Is there a receiver to send to? A wrong key does not count: sending tells more of that.
pub(super) fn check(config: &Config, receiver: &OtlpConfig, report: &mut Report<'_>) -> bool {
    let variable = endpoint_variable(config);
    let proxy = config.proxy.of(receiver.endpoint.scheme());
    if let Some(proxy) = proxy {
        report.say(&format!(
            "goes through the proxy of {proxy}, unless NO_PROXY names it: not tried directly"
        ));
    } else if !can_connect(&receiver.endpoint, variable, report) {
        return false;
    }
    let client = match otlp_client(receiver) {
        Ok(client) => client,
        Err(error) => {
            report.failed(
                "client",
                &error.to_string(),
                "the service does not start with it either",
            );
            return false;
        }
    };
    if receiver.endpoint.is_https() && !is_trusted(&client, receiver, variable, proxy, report) {
        return false;
    }
    if receiver.is_honeycomb {
        honeycomb::check(config, receiver, &client, report);
    } else if config.has_honeycomb_key {
        report.say("HONEYCOMB_API_KEY is not sent there: the host is not Honeycomb's");
    }
    true
}

/// The variable to change where the endpoint is wrong.
pub(super) fn endpoint_variable(config: &Config) -> &'static str {
    match config.source(Signal::Traces.endpoint_variable()) {
        // The host that follows from the key.
        Some("HONEYCOMB_API_KEY") => "HONEYCOMB_API_ENDPOINT",
        Some(variable) => variable,
        None => "OTEL_EXPORTER_OTLP_ENDPOINT",
    }
}

/// The variable to change where the receiver needs more time.
pub(super) fn timeout_variable(config: &Config) -> &'static str {
    config.source("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").unwrap_or("OTEL_EXPORTER_OTLP_TIMEOUT")
}

fn can_connect(endpoint: &Endpoint, variable: &str, report: &mut Report<'_>) -> bool {
    let host = endpoint.host();
    let addresses = match resolve(endpoint.clone()) {
        Ok(addresses) => addresses,
        Err(reason) => {
            let change = format!("correct the host in {variable}, or see to this machine's DNS");
            report.failed("address", &format!("{host} cannot be resolved: {reason}"), &change);
            return false;
        }
    };
    let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    report.ok("address", &format!("{host} is {}", shown.join(", ")));
    match connect(&addresses) {
        Ok(address) => {
            report.ok("connection", &format!("{address} accepts it"));
            true
        }
        Err((kind, reason)) => {
            let change = match kind {
                ErrorKind::ConnectionRefused => {
                    format!("start the receiver there, or correct host and port in {variable}")
                }
                _ => format!("see to the network and its firewalls, or correct {variable}"),
            };
            report.failed("connection", &reason, &change);
            false
        }
    }
}

/// The addresses of the endpoint's host; the system's resolver knows no deadline of its own.
fn resolve(endpoint: Endpoint) -> Result<Vec<SocketAddr>, String> {
    let (sender, resolved) = mpsc::channel();
    let resolving = move || sender.send(endpoint.socket_addresses());
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

/// Does the TLS handshake come to an end? Of the answer nothing is asked: there may be none to GET.
fn is_trusted(
    client: &Client,
    receiver: &OtlpConfig,
    variable: &str,
    proxy: Option<&str>,
    report: &mut Report<'_>,
) -> bool {
    let request = client.get(receiver.endpoint.origin()).timeout(PATIENCE.min(receiver.timeout));
    match request.send() {
        // A connection was made before: what fails in connecting now is TLS, or a proxy.
        Err(error) if error.is_connect() => {
            let reason = root_cause(&error.without_url());
            let change = if reason.contains("certificate") {
                let of_ca = receiver.certificate.as_ref().map(|file| file.variable);
                let of_ca = of_ca.unwrap_or("OTEL_EXPORTER_OTLP_CERTIFICATE");
                format!(
                    "name the CA, if it is your own, in {of_ca}, and in {variable} the host that the certificate is for"
                )
            } else if let Some(proxy) = proxy {
                format!(
                    "see to the proxy of {proxy}, and whether it reaches the host in {variable}"
                )
            } else {
                format!("where the receiver speaks no TLS, use http:// in {variable}")
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
