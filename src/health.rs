//! `GET /health`: is the service up, and do its spans arrive? Never traced, or a probe every few seconds
//! would be most of what one sees in a trace list.
//!
//! And [`ask`], `backend-actix health`: the same question from outside, for a container that has
//! neither a shell nor curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::web::{Data, Json};
use reqwest::blocking::ClientBuilder;
use serde::Serialize;

use crate::config::ServerConfig;
use crate::http_client::transport;
use crate::report::{Reports, Rollbar};
use crate::telemetry::Accounts;
use crate::telemetry::account::Delivery;

/// Where it is answered.
pub(crate) const PATH: &str = "/health";

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    telemetry: TelemetryHealth,
    /// Where failures are reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollbar: Option<Reports>,
}

/// What becomes of spans and log records: lost ones are no reason to stop a service, so the status stays `ok`.
#[derive(Debug, Serialize)]
struct TelemetryHealth {
    exporters: Vec<Delivery>,
}

/// Answers `{"status":"ok", …}` with the service's name and version, the account of each exporter, and what
/// became of the reports of failures.
pub(crate) async fn handler(
    accounts: Data<Accounts>,
    rollbar: Data<Option<Rollbar>>,
) -> Json<Health> {
    Json(Health {
        status: "ok",
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        telemetry: TelemetryHealth { exporters: accounts.deliveries() },
        rollbar: rollbar.as_ref().as_ref().map(Rollbar::reports),
    })
}

/// Why the service is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// It does not answer.
    #[error(
        "nothing answers at {url}; is the service running, with the same PORT and BIND_ADDRESS?"
    )]
    NoAnswer {
        /// Where it should.
        url: String,
    },
    /// It answers, but not with 200.
    #[error("{url} answers with status {status}")]
    Status {
        /// Where it answers.
        url: String,
        /// With what.
        status: u16,
    },
}

/// Asks the service that runs with this configuration whether it is up; waits two seconds at most.
///
/// # Errors
/// It is not.
pub fn ask(config: &ServerConfig) -> Result<(), Unhealthy> {
    let url =
        format!("http://{}{PATH}", SocketAddr::from((reachable(config.bind_address), config.port)));
    let answer = ClientBuilder::from(transport(false))
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()
        .and_then(|client| client.get(&url).send());
    match answer.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(Unhealthy::Status { url, status: status.as_u16() }),
        Err(_) => Err(Unhealthy::NoAnswer { url }),
    }
}

/// An address to listen on at which one can also call: "all of them" is none.
fn reachable(listened_on: IpAddr) -> IpAddr {
    match listened_on {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}
