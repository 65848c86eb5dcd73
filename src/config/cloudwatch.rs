//! The variables that say where log records go in Amazon CloudWatch Logs. Region, credentials and endpoint
//! are read by AWS's SDK itself, from variables and profiles.

use super::endpoint::parse_url;
use super::environment::{ConfigError, Environment};

const GROUP: &str = "CLOUDWATCH_LOG_GROUP";
const STREAM: &str = "CLOUDWATCH_LOG_STREAM";
/// Where the SDK is to find it, the one that wins first. It takes them as they are, and would only fail with
/// them at each call.
pub(crate) const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL"];
/// The longest name of a group or a stream, in characters.
pub(crate) const MAX_NAME: usize = 512;

/// Where log records go in CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudWatchConfig {
    /// `CLOUDWATCH_LOG_GROUP`: created when it is missing.
    pub group: String,
    /// `CLOUDWATCH_LOG_STREAM`: by default a name of this process.
    pub stream: Option<String>,
    /// Where AWS's SDK is to find it, if it must be told.
    pub endpoint: AwsEndpoint,
}

/// What the variables say of an endpoint of AWS. Of an empty one the SDK makes an address, and panics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AwsEndpoint {
    /// Whatever the SDK makes of variables and profiles.
    #[default]
    OfSdk,
    /// This URL: the other variable, which is empty, would win, or make the SDK panic.
    Url(String),
    /// AWS's own, whatever profiles say: one of them is empty, and the SDK cannot be told to pass over that
    /// one alone.
    OfAws,
}

impl CloudWatchConfig {
    /// Reads the variables. `asked_for` is what `OTEL_LOGS_EXPORTER` says of `cloudwatch`; where it says
    /// nothing, the group decides.
    ///
    /// # Errors
    /// A name that no group or stream may have, or an endpoint that is no URL.
    pub(super) fn read(
        env: &mut Environment,
        asked_for: Option<bool>,
    ) -> Result<Option<Self>, ConfigError> {
        let group = env.get(GROUP).map(str::to_owned);
        let stream = env.get(STREAM).map(str::to_owned);
        let endpoint = env.first(&ENDPOINTS).map(|(variable, url)| (variable, url.to_owned()));
        // CloudWatch Logs API reference, CreateLogGroup and CreateLogStream.
        let is_short = |name: &str| name.chars().count() <= MAX_NAME;
        let is_group = |name: &str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_/.#".contains(c);
            is_short(name) && name.chars().all(is_allowed) && !name.starts_with("aws/")
        };
        if group.as_deref().is_some_and(|name| !is_group(name)) {
            let expected = "expected the name of a log group: letters, digits and - _ / . #, at most 512, not beginning with aws/";
            return Err(env.error(GROUP, expected));
        }
        if stream.as_deref().is_some_and(|name| !is_short(name) || name.contains([':', '*'])) {
            let expected =
                "expected the name of a log stream: at most 512 characters, without : and *";
            return Err(env.error(STREAM, expected));
        }
        match (group, asked_for) {
            (_, Some(false)) => Ok(None),
            (Some(group), asked_for) => {
                let endpoint = match endpoint {
                    Some((variable, url)) => {
                        let expected =
                            "expected a URL such as http://localhost:5000, without credentials";
                        parse_url(env, variable, &url)
                            .map_err(|_| env.secret_error(variable, expected))?;
                        Some(url)
                    }
                    None => None,
                };
                let is_one_empty = ENDPOINTS.iter().any(|variable| env.is_empty(variable));
                let endpoint = match endpoint {
                    _ if !is_one_empty => AwsEndpoint::OfSdk,
                    Some(url) => AwsEndpoint::Url(url),
                    None => AwsEndpoint::OfAws,
                };
                if asked_for.is_none() {
                    env.decide("OTEL_LOGS_EXPORTER", GROUP);
                }
                Ok(Some(Self { group, stream, endpoint }))
            }
            (None, Some(true)) => {
                env.warn(format!(
                    "OTEL_LOGS_EXPORTER has cloudwatch, but {GROUP} is not set; ignored"
                ));
                Ok(None)
            }
            (None, None) => {
                if stream.is_some() {
                    env.warn(format!("{STREAM} is set, but {GROUP} is not; ignored"));
                }
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_first_that_is_not_empty() {
        let [own, general] = ENDPOINTS;
        let url = |url: &str| AwsEndpoint::Url(url.to_owned());
        let cases: [(&[(&str, &str)], AwsEndpoint); 7] = [
            (&[], AwsEndpoint::OfSdk),
            // With variables of its own, such as AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.
            (&[(general, "http://a")], AwsEndpoint::OfSdk),
            (&[(general, "http://a"), (own, "http://b")], AwsEndpoint::OfSdk),
            (&[(general, ""), (own, "http://b")], url("http://b")),
            (&[(general, "http://a"), (own, "")], url("http://a")),
            (&[(general, "")], AwsEndpoint::OfAws),
            (&[(own, " ")], AwsEndpoint::OfAws),
        ];
        for (vars, endpoint) in cases {
            let vars = [&[(GROUP, "g")], vars].concat();
            let owned = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let config = CloudWatchConfig::read(&mut Environment::new(owned.collect()), None);
            assert_eq!(config.unwrap().unwrap().endpoint, endpoint, "{vars:?}");
        }
    }
}
