//! Honeycomb: whose key it is, what it may do, and where to look (`GET /1/auth` of Honeycomb's API).

use std::collections::HashMap;
use std::io::Read;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::report::Report;
use crate::causes::root_cause;
use crate::config::Config;
use crate::config::otlp::{HONEYCOMB_DATASET_HEADER, HONEYCOMB_TEAM_HEADER, OtlpConfig};

/// The answer is some hundred bytes.
const LONGEST_BODY: u64 = 64 * 1024;

/// The answer, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Auth {
    pub(crate) team: Named,
    /// Without a name for a key of Honeycomb Classic.
    #[serde(default)]
    pub(crate) environment: Named,
    #[serde(default)]
    api_key_access: HashMap<String, bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) slug: String,
    name: String,
}

/// Asks whose the key is that goes to `receiver`, which is where the variable `endpoint` says.
pub(super) fn check(
    config: &Config,
    receiver: &OtlpConfig,
    endpoint: &str,
    client: &Client,
    report: &mut Report<'_>,
) {
    let Some(key) = receiver.headers.get(HONEYCOMB_TEAM_HEADER) else {
        report.failed("key", "there is none", "set HONEYCOMB_API_KEY");
        return;
    };
    let variable = match receiver.key_variable {
        Some(variable) if variable != "HONEYCOMB_API_KEY" => {
            format!("x-honeycomb-team in {variable}")
        }
        _ => "HONEYCOMB_API_KEY".to_owned(),
    };
    let answer = match ask(receiver, key, client) {
        Ok(answer) => answer,
        Err(error) => {
            let reason = format!("Honeycomb cannot be asked: {}", root_cause(&error.without_url()));
            report.failed("key", &reason, &format!("try again, or correct {endpoint}"));
            return;
        }
    };
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let change = format!(
                "correct {variable}; a key of the EU region wants the host api.eu1.honeycomb.io in {endpoint}"
            );
            report.failed("key", "Honeycomb does not know it", &change);
            return;
        }
        status => {
            let what = format!("Honeycomb answers {status} to the question whose it is");
            report.failed("key", &what, &format!("try again, or correct {endpoint}"));
            return;
        }
    }
    match read(answer) {
        Some(auth) => tell(config, receiver, &auth, &variable, report),
        None => {
            let what = "what answers is not Honeycomb's API";
            report.failed("key", what, &format!("correct {endpoint}"));
        }
    }
}

/// Asks whose the key is.
///
/// # Errors
/// Honeycomb cannot be reached.
pub(crate) fn ask(
    receiver: &OtlpConfig,
    key: &HeaderValue,
    client: &Client,
) -> reqwest::Result<Response> {
    let url = format!("{}/1/auth", receiver.endpoint.origin());
    client.get(url).header(HONEYCOMB_TEAM_HEADER, key).timeout(receiver.timeout).send()
}

/// The answer, if it is one of Honeycomb's API.
pub(crate) fn read(answer: Response) -> Option<Auth> {
    let mut body = Vec::new();
    answer.take(LONGEST_BODY).read_to_end(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn tell(
    config: &Config,
    receiver: &OtlpConfig,
    auth: &Auth,
    variable: &str,
    report: &mut Report<'_>,
) {
    let Auth { team, environment, api_key_access } = auth;
    let is_classic = environment.slug.is_empty();
    let of = if is_classic {
        format!("of team {}, Honeycomb Classic", team.name)
    } else {
        format!("of team {}, environment {}", team.name, environment.name)
    };
    if api_key_access.get("events") == Some(&false) {
        let change = format!(
            "let the key send events (Environment settings, API Keys), or put another into {variable}"
        );
        report.failed("key", &format!("{of}, but it may not send events"), &change);
        return;
    }
    report.ok("key", &of);
    let dataset = dataset(receiver, &config.telemetry.service_name, auth);
    if api_key_access.get("createDatasets") == Some(&false) {
        report.warning(&format!(
            "the key may not create datasets: without one named {dataset} spans are refused"
        ));
    }
    let address = dataset_address(receiver.endpoint.host(), auth, dataset);
    report.ok("dataset", &address);
}

/// The dataset that spans go to: a classic key's header names it, else the service does.
pub(crate) fn dataset<'a>(receiver: &'a OtlpConfig, service_name: &'a str, auth: &Auth) -> &'a str {
    let header = receiver.headers.get(HONEYCOMB_DATASET_HEADER);
    let named = header.and_then(|name| name.to_str().ok());
    named.filter(|_| auth.environment.slug.is_empty()).unwrap_or(service_name)
}

/// Where the dataset is shown: the pages of api.honeycomb.io are at ui.honeycomb.io, those of
/// api.eu1.honeycomb.io at ui.eu1.honeycomb.io.
pub(crate) fn dataset_address(api: &str, auth: &Auth, dataset: &str) -> String {
    let region = api.strip_prefix("api.").filter(|rest| rest.ends_with("honeycomb.io"));
    let region = region.unwrap_or("honeycomb.io");
    let within = match slug(&auth.environment.slug).as_str() {
        "" => String::new(),
        environment => format!("/environments/{environment}"),
    };
    format!("https://ui.{region}/{}{within}/datasets/{}", slug(&auth.team.slug), slug(dataset))
}

/// A dataset's name as it stands in an address.
fn slug(name: &str) -> String {
    let letter = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    name.to_lowercase().chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_shown_in_the_region_of_its_api() {
        let cases = [
            (
                "api.honeycomb.io",
                Some("test"),
                "https://ui.honeycomb.io/acme/environments/test/datasets/my-service",
            ),
            (
                "api.eu1.honeycomb.io",
                Some("test"),
                "https://ui.eu1.honeycomb.io/acme/environments/test/datasets/my-service",
            ),
            ("api.honeycomb.io", None, "https://ui.honeycomb.io/acme/datasets/my-service"),
            ("127.0.0.1", None, "https://ui.honeycomb.io/acme/datasets/my-service"),
            ("api.example", None, "https://ui.honeycomb.io/acme/datasets/my-service"),
        ];
        for (api, environment, address) in cases {
            let named = |slug: &str| Named { slug: slug.to_owned(), name: String::new() };
            let auth = Auth {
                team: named("acme"),
                environment: named(environment.unwrap_or_default()),
                api_key_access: HashMap::new(),
            };
            assert_eq!(dataset_address(api, &auth, "My service"), address);
        }
    }
}
