//! The environment, read once: every variable becomes a field of one [`Config`], or a sentence that
//! names the variable, its value and the fix.
//!
//! The rules are the OpenTelemetry specification's, and ours where it is silent:
//! - empty is unset;
//! - an unusable number or name in an `OTEL_*` variable is a [warning](Config::warnings), and the
//!   default is used;
//! - an unusable address, URL, header list or certificate, and any bad value of our own variables,
//!   is a [`ConfigError`]: nothing may ever fall back to another destination.
//!
//! [`environment`] holds the rules, [`telemetry`] and [`otlp`] the variables of the exporters.

mod console;
pub mod environment;
pub mod otlp;
mod sampler;
mod server_span;
pub mod telemetry;
pub mod web;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use url::Url;

use crate::cors::Origins;
pub use console::ConsoleFormat;
pub use environment::{ConfigError, Environment};
pub use sampler::{RootSampler, SamplerConfig};
pub use server_span::ServerSpanConfig;
pub use telemetry::TelemetryConfig;
pub use web::WebConfig;

/// All that the environment says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen, and how.
    pub server: ServerConfig,
    /// Who may call from a browser: `FRONTEND_URL` and `BACKEND_URL`.
    pub origins: Origins,
    /// What SERVER spans tell, and whom they believe.
    pub server_span: ServerSpanConfig,
    /// What to do with spans.
    pub telemetry: TelemetryConfig,
    /// The page.
    pub web: WebConfig,
    /// What to log: `RUST_LOG`, else `OTEL_LOG_LEVEL`, as `tracing_subscriber::EnvFilter` reads it.
    pub log_filter: String,
    /// What was ignored, a sentence each, to be logged at the start.
    pub warnings: Vec<String>,
}

/// The listener and its workers.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `BIND_ADDRESS`: loopback unless said otherwise.
    pub bind_address: IpAddr,
    /// `PORT`; 0 takes any free one.
    pub port: u16,
    /// `WORKERS`: threads that serve requests, by default one a core.
    pub workers: usize,
    /// `SHUTDOWN_TIMEOUT_SECONDS`: how long requests in flight, then exporters, may take at the end.
    pub shutdown_timeout: Duration,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        Self::from_vars(
            std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
        )
    }

    /// Reads variables from a map: the same as [`Config::from_env`], for tests and for embedding.
    ///
    /// ```
    /// use backend_actix::config::Config;
    ///
    /// let vars = [("PORT".to_owned(), "8080".to_owned())];
    /// assert_eq!(Config::from_vars(vars.into()).unwrap().server.port, 8080);
    /// ```
    ///
    /// # Errors
    /// The first variable that cannot be used.
    pub fn from_vars(vars: HashMap<String, String>) -> Result<Self, ConfigError> {
        let mut env = Environment::new(vars);
        warn_of_what_is_not_built_in(&mut env);
        let telemetry = TelemetryConfig::read(&mut env)?;
        Ok(Self {
            server: ServerConfig::read(&env)?,
            origins: read_origins(&env)?,
            server_span: ServerSpanConfig::read(&mut env)?,
            web: WebConfig::read(&env, &telemetry)?,
            telemetry,
            log_filter: read_log_filter(&mut env),
            warnings: env.into_warnings(),
        })
    }
}

impl ServerConfig {
    fn read(env: &Environment) -> Result<Self, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = env
            .parse::<std::num::NonZeroU16>("SHUTDOWN_TIMEOUT_SECONDS", "seconds, from 1 to 65535")?
            .map_or(10, std::num::NonZeroU16::get);
        Ok(Self {
            bind_address: env
                .parse("BIND_ADDRESS", "an IP address such as 127.0.0.1 or 0.0.0.0")?
                .unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: env.parse("PORT", "a port number from 0 to 65535")?.unwrap_or(4567),
            workers: match env.parse("WORKERS", WORKERS_FORM)? {
                None => cores,
                Some(workers @ 1..=1024) => workers,
                Some(_) => return Err(env.error("WORKERS", format!("expected {WORKERS_FORM}"))),
            },
            shutdown_timeout: Duration::from_secs(seconds.into()),
        })
    }
}

/// Nothing is ignored in silence.
fn warn_of_what_is_not_built_in(env: &mut Environment) {
    let variables = [
        ("AWS_XRAY_DAEMON_ADDRESS", "spans to X-Ray"),
        ("CLOUDWATCH_LOG_GROUP", "logs to CloudWatch"),
        ("ROLLBAR_ACCESS_TOKEN", "reports to Rollbar"),
    ];
    for (variable, what) in variables {
        if env.get(variable).is_some() {
            env.warn(format!("{variable} is set, but {what}: not built in yet; ignored"));
        }
    }
}

const WORKERS_FORM: &str = "a number of threads from 1 to 1024";

fn read_origins(env: &Environment) -> Result<Origins, ConfigError> {
    let mut origins = BTreeSet::new();
    let mut any = false;
    for (variable, port) in [("FRONTEND_URL", 3000), ("BACKEND_URL", 4567)] {
        for url in env.list(variable).unwrap_or_else(|| vec![public_url(env, port)]) {
            if url == "*" {
                any = true;
                continue;
            }
            let origin = Url::parse(&url)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https"))
                .map(|url| url.origin().ascii_serialization())
                .ok_or_else(|| {
                    let expected = "expected http:// or https:// URLs, separated by commas, or *";
                    env.error_of(variable, &url, expected)
                })?;
            origins.insert(origin);
        }
    }
    Ok(if any { Origins::Any } else { Origins::These(Arc::new(origins)) })
}

/// Under which URL a browser reaches a port of this machine: Gitpod and Codespaces give each port a
/// host of its own.
fn public_url(env: &Environment, port: u16) -> String {
    let both = |one, other| env.get(one).zip(env.get(other));
    if let Some((id, host)) = both("GITPOD_WORKSPACE_ID", "GITPOD_WORKSPACE_CLUSTER_HOST") {
        format!("https://{port}-{id}.{host}")
    } else if let Some((name, domain)) =
        both("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    {
        format!("https://{name}-{port}.{domain}")
    } else {
        format!("http://localhost:{port}")
    }
}

fn read_log_filter(env: &mut Environment) -> String {
    let levels = ["trace", "debug", "info", "warn", "error", "off"];
    let level = env.name("OTEL_LOG_LEVEL", "info", &levels);
    // Actix tells at info how many workers it starts; our own line says all that matters.
    let default = format!("{level},actix_server=warn");
    let Some(filter) = env.get("RUST_LOG").map(str::to_owned) else { return default };
    match EnvFilter::builder().parse(&filter) {
        Ok(_) => filter,
        Err(_) => {
            env.warn(format!(
                "RUST_LOG is {filter:?}: expected a level or target=level pairs, separated by commas; using {default}"
            ));
            default
        }
    }
}
