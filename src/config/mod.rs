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
//! `environment` holds the rules, [`telemetry`], [`otlp`] and `xray` the variables of the exporters;
//! [`variables`] is the list of all, and [`mod@print`] shows what is in force.

#[cfg(feature = "aws")]
pub mod cloudwatch;
mod console;
mod endpoint;
mod environment;
mod headers;
mod honeycomb;
mod limits;
pub mod logs;
pub mod otlp;
pub mod print;
mod proxy;
mod rollbar;
mod sampler;
mod server;
mod server_span;
mod spelling;
pub mod telemetry;
pub mod variables;
pub mod web;
#[cfg(feature = "aws")]
pub mod xray;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use url::Url;

use crate::cors::Origins;
pub use console::ConsoleFormat;
pub use environment::ConfigError;
pub(crate) use environment::Environment;
use environment::quote;
pub use limits::RecordLimits;
pub use logs::LogsConfig;
pub use proxy::ProxyConfig;
pub use rollbar::{
    AccessToken, BadAccessToken, BadRollbarEndpoint, RollbarConfig, RollbarEndpoint,
};
pub use sampler::{RootSampler, SamplerConfig};
pub use server::ServerConfig;
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
    /// Those of `FRONTEND_URL`, as they were said.
    pub frontend_origins: Vec<String>,
    /// Those of `BACKEND_URL`.
    pub backend_origins: Vec<String>,
    /// What SERVER spans tell, and whom they believe.
    pub server_span: ServerSpanConfig,
    /// What to do with spans.
    pub telemetry: TelemetryConfig,
    /// The page.
    pub web: WebConfig,
    /// Is `HONEYCOMB_API_KEY` set?
    pub has_honeycomb_key: bool,
    /// What of it goes through a proxy.
    pub proxy: ProxyConfig,
    /// What to do with log records.
    pub logs: LogsConfig,
    /// Where reports of errors go, if anywhere.
    pub rollbar: Option<RollbarConfig>,
    /// What to log: `RUST_LOG`, else `OTEL_LOG_LEVEL`, as `tracing_subscriber::EnvFilter` reads it.
    pub log_filter: String,
    /// What was ignored, a sentence each, to be logged at the start.
    pub warnings: Vec<String>,
    /// Variables of OpenTelemetry that are set, and have no meaning for this service.
    pub unused: Vec<String>,
    /// Which variable decided what bears a variable's name, where it is not the default.
    sources: BTreeMap<&'static str, &'static str>,
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
        let config = Self::read(&mut env)?;
        Ok(Self { warnings: env.into_warnings(), ..config })
    }

    fn read(env: &mut Environment) -> Result<Self, ConfigError> {
        warn_of_what_needs_aws(env);
        let unused = spelling::check(env);
        let frontend_origins = read_origins(env, "FRONTEND_URL", 3000)?;
        let backend_origins = read_origins(env, "BACKEND_URL", 4567)?;
        let server_span = ServerSpanConfig::read(env)?;
        let telemetry = TelemetryConfig::read(env, &server_span.propagators)?;
        let config = Self {
            server: ServerConfig::read(env)?,
            origins: all_origins(frontend_origins.iter().chain(&backend_origins)),
            frontend_origins,
            backend_origins,
            server_span,
            web: WebConfig::read(env, &telemetry)?,
            telemetry,
            has_honeycomb_key: env.get(honeycomb::KEY).is_some(),
            proxy: ProxyConfig::read(env)?,
            logs: LogsConfig::read(env)?,
            rollbar: RollbarConfig::read(env)?,
            log_filter: read_log_filter(env),
            warnings: Vec::new(),
            unused,
            sources: BTreeMap::new(),
        };
        let source = |name| Some((name, env.source(name)?));
        let sources = variables::all().filter_map(|variable| source(variable.name)).collect();
        Ok(Self { sources, ..config })
    }

    /// The variable that decided what bears the name of `variable`; `None` where its default holds.
    pub fn source(&self, variable: &str) -> Option<&'static str> {
        self.sources.get(variable).copied()
    }
}

/// Nothing is ignored in silence.
fn warn_of_what_needs_aws(env: &mut Environment) {
    if cfg!(not(feature = "aws")) {
        let variables = [
            "AWS_XRAY_DAEMON_ADDRESS",
            "AWS_XRAY_URL",
            "AWS_XRAY_ANNOTATIONS",
            "CLOUDWATCH_LOG_GROUP",
            "CLOUDWATCH_LOG_STREAM",
        ];
        for variable in variables {
            if env.is_set(variable) {
                env.warn(format!("{variable} is set, but {WITHOUT_AWS}"));
            }
        }
    }
}

/// What is said of a wish that needs the feature `aws`, where it is not built in.
const WITHOUT_AWS: &str = "this build is without the feature aws; ignored";

/// The origins of a list of URLs, or `*`.
fn read_origins(
    env: &mut Environment,
    variable: &'static str,
    port: u16,
) -> Result<Vec<String>, ConfigError> {
    let Some(urls) = env.list(variable) else {
        let (url, platform) = public_url(env, port);
        if let Some(by) = platform {
            env.decide(variable, by);
        }
        return Ok(vec![url]);
    };
    let mut origins = Vec::new();
    for url in urls {
        let origin = if url == "*" { Some(url.clone()) } else { origin(&url) };
        let expected = "expected http:// or https:// URLs, separated by commas, or *";
        origins.push(origin.ok_or_else(|| env.error_of(variable, &url, expected))?);
    }
    Ok(origins)
}

fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

fn all_origins<'a>(origins: impl Iterator<Item = &'a String>) -> Origins {
    let origins: BTreeSet<_> = origins.cloned().collect();
    if origins.contains("*") { Origins::Any } else { Origins::These(Arc::new(origins)) }
}

/// Under which URL a browser reaches a port of this machine: Gitpod and Codespaces give each port a
/// host of its own, by a variable.
fn public_url(env: &Environment, port: u16) -> (String, Option<&'static str>) {
    let both = |one, other| env.get(one).zip(env.get(other));
    if let Some((id, host)) = both("GITPOD_WORKSPACE_ID", "GITPOD_WORKSPACE_CLUSTER_HOST") {
        (format!("https://{port}-{id}.{host}"), Some("GITPOD_WORKSPACE_ID"))
    } else if let Some((name, domain)) =
        both("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    {
        (format!("https://{name}-{port}.{domain}"), Some("CODESPACE_NAME"))
    } else {
        (format!("http://localhost:{port}"), None)
    }
}

fn read_log_filter(env: &mut Environment) -> String {
    let levels = ["trace", "debug", "info", "warn", "error", "off"];
    let level = env.name("OTEL_LOG_LEVEL", "info", &levels);
    // Actix tells at info how many workers it starts, and AWS's SDK warns of each place that has no
    // credentials; our own lines say all that matters.
    let default = format!("{level},actix_server=warn,aws_config=error");
    let filter = env.get("RUST_LOG").map(str::to_owned);
    let filter = filter.filter(|filter| {
        let is_usable = EnvFilter::builder().parse(filter).is_ok();
        if !is_usable {
            let sentence = format!(
                "RUST_LOG is {}: expected a level or target=level pairs, separated by commas; using {default}",
                quote(filter)
            );
            env.ignore("RUST_LOG", sentence);
        }
        is_usable
    });
    env.inherit("RUST_LOG", "OTEL_LOG_LEVEL");
    filter.unwrap_or(default)
}

#[cfg(all(test, not(feature = "aws")))]
mod tests {
    use super::*;

    #[test]
    fn what_needs_the_feature_aws_is_told_to_be_missing() {
        for (variable, value, start) in [
            ("AWS_XRAY_DAEMON_ADDRESS", "xray-daemon:2000", "AWS_XRAY_DAEMON_ADDRESS is set, but"),
            ("AWS_XRAY_URL", "*", "AWS_XRAY_URL is set, but"),
            ("OTEL_TRACES_EXPORTER", "xray", "OTEL_TRACES_EXPORTER has \"xray\":"),
            ("OTEL_TRACES_SAMPLER", "XRay", "OTEL_TRACES_SAMPLER is \"xray\", but"),
        ] {
            let config = Config::from_vars([(variable.to_owned(), value.to_owned())].into());
            let warnings = config.unwrap().warnings;
            assert_eq!(warnings, [format!("{start} {WITHOUT_AWS}")]);
        }
    }
}
