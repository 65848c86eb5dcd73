//! The variables of the page: where it listens, who may see it, what it keeps.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::Url;

use super::environment::{ConfigError, Environment};
#[cfg(feature = "aws")]
use super::xray::XrayConfig;
use super::{TelemetryConfig, public_url};
use crate::recent_traces::Limits;

const ADDRESS: &str = "WEB_ADDRESS";
const URLS: &str = "WEB_URL";
const TOKEN: &str = "WEB_TOKEN";
const LINKS: &str = "TRACE_LINKS";

/// The port where the bootcamp's frontend has its place too.
const PORT: u16 = 3000;

/// The page.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// `WEB_ADDRESS`: where it listens.
    pub address: WebAddress,
    /// `WEB_URL`: where browsers find it, besides the address itself.
    pub urls: Vec<Url>,
    /// `WEB_TOKEN`: what one must know to see it.
    pub token: Option<Token>,
    /// The first of `BACKEND_URL`: where the page calls the API. Without it, the API's own port on this
    /// machine.
    pub backend_url: Option<String>,
    /// `TRACES_KEPT` and `TRACES_KEPT_BYTES`.
    pub limits: Limits,
    /// `TRACE_LINKS`: where else a trace can be looked at; X-Ray's console among them, if it is set up.
    pub links: Vec<TraceLink>,
}

/// Where the page listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebAddress {
    /// Not set: port 3000 of loopback, and no page where that is taken.
    Default,
    /// Set: there and nowhere else.
    At(SocketAddr),
    /// Set, but empty: no page.
    Off,
}

impl WebAddress {
    /// The address; `None` where there is to be no page.
    pub fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::Default => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))),
            Self::At(address) => Some(address),
            Self::Off => None,
        }
    }
}

/// A secret that is told to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Is it this one? Takes as long for one that is nearly right as for one that is wrong.
    pub fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let differing = own.iter().zip(given).fold(0, |differing, (a, b)| differing | (a ^ b));
        own.len() == given.len() && differing == 0
    }
}

impl Token {
    /// The secret itself, for whom it is meant.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where else a trace can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLink {
    /// What the link is called.
    pub name: String,
    /// A URL with `{trace_id}`, or `{xray_trace_id}`, and maybe `{start}` and `{end}`, in Unix seconds.
    pub template: String,
}

impl WebConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// An address, URL, token, number or link that cannot be used.
    pub(super) fn read(
        env: &mut Environment,
        telemetry: &TelemetryConfig,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            address: read_address(env)?,
            urls: read_urls(env)?,
            token: read_token(env)?,
            backend_url: read_backend_url(env),
            limits: Limits {
                traces: read_number(env, "TRACES_KEPT", 2_000, 1..=100_000)?,
                bytes: read_number(env, "TRACES_KEPT_BYTES", 16 << 20, 65_536..=1 << 32)?,
                value_length: telemetry.value_length_limit,
            },
            links: read_links(env, telemetry)?,
        })
    }
}

fn read_address(env: &mut Environment) -> Result<WebAddress, ConfigError> {
    if env.is_empty(ADDRESS) {
        env.decide(ADDRESS, ADDRESS);
        return Ok(WebAddress::Off);
    }
    let form = "an address and a port such as 127.0.0.1:3000, or nothing for no page";
    Ok(env.parse(ADDRESS, form)?.map_or(WebAddress::Default, WebAddress::At))
}

/// Those of the variable, and the one that Gitpod or Codespaces gives the port.
fn read_urls(env: &mut Environment) -> Result<Vec<Url>, ConfigError> {
    let mut urls = env.list(URLS).unwrap_or_default();
    if let (url, Some(platform)) = public_url(env, PORT) {
        if urls.is_empty() {
            env.decide(URLS, platform);
        }
        urls.push(url);
    }
    urls.iter()
        .map(|url| {
            parse_http_url(url).ok_or_else(|| {
                env.error_of(URLS, url, "expected http:// or https:// URLs, separated by commas")
            })
        })
        .collect()
}

fn parse_http_url(text: &str) -> Option<Url> {
    let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    Url::parse(text).ok().filter(|url| is_http(url) && is_plain(url))
}

fn read_token(env: &Environment) -> Result<Option<Token>, ConfigError> {
    let Some(token) = env.get(TOKEN) else { return Ok(None) };
    if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let expected =
            "expected at least 16 visible ASCII characters, such as `openssl rand -hex 16` makes";
        return Err(env.secret_error(TOKEN, expected));
    }
    Ok(Some(Token(token.to_owned())))
}

/// What is wrong with it, the origins of the API's pages have said already.
fn read_backend_url(env: &Environment) -> Option<String> {
    let urls = env.list("BACKEND_URL").unwrap_or_default();
    let url = match urls.iter().find_map(|url| parse_http_url(url)) {
        Some(url) => url.as_str().to_owned(),
        None => match public_url(env, 4567) {
            (url, Some(_)) => url,
            (_, None) => return None,
        },
    };
    Some(url.trim_end_matches('/').to_owned())
}

fn read_number(
    env: &Environment,
    variable: &'static str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, ConfigError> {
    let form = format!("a whole number from {} to {}", range.start(), range.end());
    match env.parse(variable, &form)? {
        None => Ok(default),
        Some(number) if range.contains(&number) => Ok(number),
        Some(_) => Err(env.error(variable, format!("expected {form}"))),
    }
}

#[cfg_attr(not(feature = "aws"), allow(unused_variables))]
fn read_links(
    env: &Environment,
    telemetry: &TelemetryConfig,
) -> Result<Vec<TraceLink>, ConfigError> {
    let mut links = Vec::new();
    for entry in env.list(LINKS).unwrap_or_default() {
        let link = entry.split_once('=').and_then(|(name, template)| {
            let link =
                TraceLink { name: name.trim().to_owned(), template: template.trim().to_owned() };
            let has_id =
                ["{trace_id}", "{xray_trace_id}"].iter().any(|id| link.template.contains(id));
            // A trace's id is not to choose whom one visits.
            let is_url = parse_http_url(&link.template)
                .is_some_and(|url| url.host_str().is_some_and(|host| !host.contains('{')));
            (has_id && is_url && !link.name.is_empty()).then_some(link)
        });
        links.push(link.ok_or_else(|| {
            let form = "expected entries such as Jaeger=http://localhost:16686/trace/{trace_id}, separated by commas";
            env.error_of(LINKS, &entry, form)
        })?);
    }
    #[cfg(feature = "aws")]
    links.extend(xray_link(&telemetry.xray));
    Ok(links)
}

/// The console of the region, where spans go to X-Ray.
#[cfg(feature = "aws")]
fn xray_link(xray: &XrayConfig) -> Option<TraceLink> {
    let region = xray.region.as_deref().filter(|_| xray.exports)?;
    Some(TraceLink {
        name: "X-Ray".to_owned(),
        template: format!(
            "https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#xray:traces/{{xray_trace_id}}"
        ),
    })
}

/// Can it be reached from this machine alone?
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
