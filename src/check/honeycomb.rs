//! Honeycomb: whose key it is, what it may do, and where to look (`GET /1/auth` of Honeycomb's API).

use std::collections::HashMap;
use std::io::Read;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde::Deserialize;

use super::report::Report;
use crate::config::Config;
use crate::config::otlp::{HONEYCOMB_DATASET_HEADER, HONEYCOMB_TEAM_HEADER, OtlpConfig};
use crate::http_client::root_cause;

/// The answer is some hundred bytes.
const LONGEST_BODY: u64 = 64 * 1024;

/// The answer, as far as it is read.
#[derive(Debug, Deserialize)]
struct Auth {
    team: Named,
    /// Without a name for a key of Honeycomb Classic.
    #[serde(default)]
    environment: Named,
    #[serde(default)]
    api_key_access: HashMap<String, bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    slug: String,
    name: String,
}

pub(super) fn check(
    config: &Config,
    receiver: &OtlpConfig,
    client: &Client,
    report: &mut Report<'_>,
) {
    let Some(key) = receiver.headers.get(HONEYCOMB_TEAM_HEADER) else {
        report.failed("key", "there is none", "set HONEYCOMB_API_KEY");
        return;
    };
    let variable = match config.source("OTEL_EXPORTER_OTLP_TRACES_HEADERS") {
        Some(variable) if variable != "HONEYCOMB_API_KEY" => {
            format!("x-honeycomb-team in {variable}")
        }
        _ => "HONEYCOMB_API_KEY".to_owned(),
    };
    let url = format!("{}/1/auth", receiver.endpoint.origin());
    let request = client.get(url).header(HONEYCOMB_TEAM_HEADER, key).timeout(receiver.timeout);
    let answer = match request.send() {
        Ok(answer) => answer,
        Err(error) => {
            let reason = format!("Honeycomb cannot be asked: {}", root_cause(&error.without_url()));
            report.failed("key", &reason, "try again, or correct HONEYCOMB_API_ENDPOINT");
            return;
        }
    };
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let change = format!(
                "correct {variable}; a key of the EU region wants HONEYCOMB_API_ENDPOINT=https://api.eu1.honeycomb.io"
            );
            report.failed("key", "Honeycomb does not know it", &change);
            return;
        }
        status => {
            let what = format!("Honeycomb answers {status} to the question whose it is");
            report.failed("key", &what, "try again, or correct HONEYCOMB_API_ENDPOINT");
            return;
        }
    }
    match read(answer) {
        Some(auth) => tell(config, receiver, &auth, &variable, report),
        None => {
            let what = "what answers is not Honeycomb's API";
            report.failed("key", what, "correct HONEYCOMB_API_ENDPOINT");
        }
    }
}

fn read(answer: Response) -> Option<Auth> {
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
    let dataset = receiver.headers.get(HONEYCOMB_DATASET_HEADER);
    let dataset = match dataset.and_then(|name| name.to_str().ok()).filter(|_| is_classic) {
        Some(dataset) => dataset,
        None => &config.telemetry.service_name,
    };
    if api_key_access.get("createDatasets") == Some(&false) {
        report.warning(&format!(
            "the key may not create datasets: without one named {dataset} spans are refused"
        ));
    }
    let environment = (!is_classic).then_some(environment.slug.as_str());
    let address = dataset_address(receiver.endpoint.host(), &team.slug, environment, dataset);
    report.ok("dataset", &address);
}

/// Where the dataset is shown: the pages of api.honeycomb.io are at ui.honeycomb.io, those of
/// api.eu1.honeycomb.io at ui.eu1.honeycomb.io.
fn dataset_address(api: &str, team: &str, environment: Option<&str>, dataset: &str) -> String {
    let region = api.strip_prefix("api.").filter(|rest| rest.ends_with("honeycomb.io"));
    let region = region.unwrap_or("honeycomb.io");
    let within = environment.map(|slug| format!("/environments/{slug}")).unwrap_or_default();
    format!("https://ui.{region}/{team}{within}/datasets/{}", slug(dataset))
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
            assert_eq!(dataset_address(api, "acme", environment, "My service"), address);
        }
    }
}
