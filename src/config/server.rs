//! The variables of the listener: where, how many, how long.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use super::environment::{ConfigError, Environment};

/// The listener, its workers, and what they grant to clients.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `BIND_ADDRESS`: loopback unless said otherwise.
    pub bind_address: IpAddr,
    /// `PORT`; 0 takes any free one.
    pub port: u16,
    /// `WORKERS`: threads that serve requests, by default one a core.
    pub workers: usize,
    /// `MAX_CONNECTIONS`: how many are open at a time; others wait in the listener's queue.
    pub max_connections: usize,
    /// `KEEP_ALIVE_SECONDS`: how long a connection may be silent between two requests.
    pub keep_alive: Duration,
    /// `CLIENT_TIMEOUT_SECONDS`: how long a client may take to send the head of a request, and again
    /// for its body.
    pub client_timeout: Duration,
    /// `SHUTDOWN_DELAY_SECONDS`: how long the service says that it is not ready before it stops
    /// listening.
    pub shutdown_delay: Duration,
    /// `SHUTDOWN_TIMEOUT_SECONDS`: how long requests in flight, then exporters, may take after that.
    pub shutdown_timeout: Duration,
}

impl ServerConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// One that cannot be used.
    pub(super) fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            bind_address: env
                .parse("BIND_ADDRESS", "an IP address such as 127.0.0.1 or 0.0.0.0")?
                .unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: env.parse("PORT", "a port number from 0 to 65535")?.unwrap_or(4567),
            workers: read_workers(env)?,
            max_connections: env
                .parse::<NonZeroU16>("MAX_CONNECTIONS", "a number of connections from 1 to 65535")?
                .map_or(MAX_CONNECTIONS, |number| number.get().into()),
            // Longer than the 60 seconds for which AWS's and nginx's balancers keep a connection: a
            // request that they send into one that we close meanwhile is a 502 to its client.
            keep_alive: seconds(env, "KEEP_ALIVE_SECONDS", 75)?,
            client_timeout: seconds(env, "CLIENT_TIMEOUT_SECONDS", 10)?,
            shutdown_delay: Duration::from_secs(
                env.parse::<u16>("SHUTDOWN_DELAY_SECONDS", "seconds, from 0 to 65535")?
                    .unwrap_or(0)
                    .into(),
            ),
            shutdown_timeout: seconds(env, "SHUTDOWN_TIMEOUT_SECONDS", 10)?,
        })
    }
}

/// Idle they take 13 kB each; with the largest body that is read, 0.5 MB.
const MAX_CONNECTIONS: usize = 1024;

/// Actix takes no more.
const MAX_WORKERS: usize = 512;

fn read_workers(env: &Environment) -> Result<usize, ConfigError> {
    const VARIABLE: &str = "WORKERS";
    let form = format!("a number of threads from 1 to {MAX_WORKERS}");
    match env.parse(VARIABLE, &form)? {
        None => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Ok(cores.min(MAX_WORKERS))
        }
        Some(workers @ 1..=MAX_WORKERS) => Ok(workers),
        Some(_) => Err(env.error(VARIABLE, format!("expected {form}"))),
    }
}

fn seconds(
    env: &Environment,
    variable: &'static str,
    default: u16,
) -> Result<Duration, ConfigError> {
    let seconds = env
        .parse::<NonZeroU16>(variable, "seconds, from 1 to 65535")?
        .map_or(default, NonZeroU16::get);
    Ok(Duration::from_secs(seconds.into()))
}
