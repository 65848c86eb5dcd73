//! The same trace elsewhere: links from templates, and to Honeycomb, whose team and environment its API
//! tells to whom has the key. The key itself goes nowhere else, and is shown nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::TraceId;
use reqwest::blocking::{Client, Response};
use reqwest::header::HeaderMap;
use reqwest::redirect;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::otlp::OtlpConfig;
use crate::config::web::TraceLink;
use crate::config::{TelemetryConfig, WebConfig};
use crate::recent_traces::{Trace, Waterfall};

/// The header with the key.
const HONEYCOMB_TEAM: &str = "x-honeycomb-team";
/// How long Honeycomb may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// When a question that failed is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// How much around a trace Honeycomb searches, in seconds: clocks differ.
const MARGIN: u64 = 60;

/// A link to a trace.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    name: String,
    url: String,
}

/// The places where the traces can be looked at.
#[derive(Debug)]
pub(super) struct Links {
    templates: Vec<TraceLink>,
    honeycomb: Option<Arc<Honeycomb>>,
}

impl Links {
    /// Those of the configuration; Honeycomb is asked in the background.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn new(config: &WebConfig, telemetry: &TelemetryConfig) -> std::io::Result<Self> {
        let is_named = config.links.iter().any(|link| link.name.eq_ignore_ascii_case("honeycomb"));
        let honeycomb = telemetry
            .otlp
            .as_ref()
            .filter(|_| !is_named && !telemetry.disabled)
            .and_then(|otlp| Honeycomb::at(otlp, &telemetry.service_name))
            .map(Arc::new);
        let links = Self { templates: config.links.clone(), honeycomb };
        links.ask_honeycomb()?;
        Ok(links)
    }

    /// The links to `trace`.
    pub(super) fn of(&self, trace: &Trace, waterfall: &Waterfall<'_>) -> Vec<Link> {
        let seconds =
            |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let from = seconds(waterfall.start).saturating_sub(MARGIN);
        let to = seconds(waterfall.start + waterfall.duration) + MARGIN;
        let honeycomb = self.honeycomb.as_ref().and_then(|honeycomb| honeycomb.template());
        if honeycomb.is_none() {
            // It may have been out of reach.
            let _ = self.ask_honeycomb();
        }
        let link = |link: &TraceLink| Link {
            name: link.name.clone(),
            url: fill(&link.template, trace.id(), from, to),
        };
        honeycomb.iter().chain(&self.templates).map(link).collect()
    }

    /// On a thread of its own: nobody waits for it.
    fn ask_honeycomb(&self) -> std::io::Result<()> {
        let Some(honeycomb) = self.honeycomb.as_ref().filter(|honeycomb| honeycomb.is_due()) else {
            return Ok(());
        };
        let honeycomb = Arc::clone(honeycomb);
        std::thread::Builder::new()
            .name("honeycomb-link".to_owned())
            .spawn(move || honeycomb.ask())?;
        Ok(())
    }
}

fn fill(template: &str, id: TraceId, from: u64, to: u64) -> String {
    let id = id.to_string();
    // AWS's form: 1-, the first eight digits, the other ones.
    let (time, rest) = id.split_at(8);
    template
        .replace("{trace_id}", &id)
        .replace("{xray_trace_id}", &format!("1-{time}-{rest}"))
        .replace("{start}", &from.to_string())
        .replace("{end}", &to.to_string())
}

/// Honeycomb, and what it has told.
struct Honeycomb {
    auth: Url,
    headers: HeaderMap,
    dataset: String,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    template: Option<TraceLink>,
    asked: Option<Instant>,
}

impl std::fmt::Debug for Honeycomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the headers: the key is among them.
        f.debug_struct("Honeycomb").field("auth", &self.auth.as_str()).finish_non_exhaustive()
    }
}

/// The answer of `GET /1/auth`, as far as it is needed.
#[derive(Deserialize)]
struct Auth {
    team: Named,
    environment: Named,
}

#[derive(Deserialize)]
struct Named {
    /// Empty for the environment of a classic key.
    #[serde(default)]
    slug: String,
}

impl Honeycomb {
    /// `None` where the spans do not go there.
    fn at(otlp: &OtlpConfig, service_name: &str) -> Option<Self> {
        let key = otlp.headers.get(HONEYCOMB_TEAM)?;
        let mut auth = Url::parse(otlp.endpoint.as_str()).ok()?;
        auth.set_path("/1/auth");
        auth.set_query(None);
        let headers = std::iter::once((HONEYCOMB_TEAM.parse().ok()?, key.clone())).collect();
        let dataset = otlp.headers.get("x-honeycomb-dataset").and_then(|name| name.to_str().ok());
        let dataset = slug(dataset.unwrap_or(service_name));
        Some(Self { auth, headers, dataset, told: Mutex::default() })
    }

    fn template(&self) -> Option<TraceLink> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).template.clone()
    }

    /// Is it to be asked now? Who is told so asks.
    fn is_due(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            told.template.is_none() && told.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if is_due {
            told.asked = Some(Instant::now());
        }
        is_due
    }

    fn ask(&self) {
        let answer = self.get();
        if let Err(error) = &answer {
            tracing::info!(
                "Honeycomb does not say where its traces are, so the page has no links there: {error}"
            );
        }
        let template = answer.ok().map(|auth| self.template_for(&auth));
        self.told.lock().unwrap_or_else(PoisonError::into_inner).template = template;
    }

    fn get(&self) -> Result<Auth, Box<dyn std::error::Error>> {
        let builder = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none());
        let builder =
            if self.auth.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
        let request = builder.build()?.get(self.auth.clone()).headers(self.headers.clone());
        let answer = request.send().and_then(Response::error_for_status);
        let body = answer.and_then(Response::bytes).map_err(reqwest::Error::without_url)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// <https://docs.honeycomb.io/investigate/collaborate/share-trace/>
    fn template_for(&self, auth: &Auth) -> TraceLink {
        let region = self.auth.host_str().and_then(|host| host.strip_prefix("api."));
        let host = region.filter(|host| host.ends_with("honeycomb.io")).unwrap_or("honeycomb.io");
        let team = slug(&auth.team.slug);
        let environment = match auth.environment.slug.as_str() {
            "" => String::new(),
            environment => format!("/environments/{}", slug(environment)),
        };
        let dataset = &self.dataset;
        TraceLink {
            name: "Honeycomb".to_owned(),
            template: format!(
                "https://ui.{host}/{team}{environment}/datasets/{dataset}/trace?trace_id={{trace_id}}&trace_start_ts={{start}}&trace_end_ts={{end}}"
            ),
        }
    }
}

/// A name as Honeycomb writes it in addresses.
fn slug(name: &str) -> String {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    let name = name.trim().to_lowercase();
    name.chars().map(|c| if is_kept(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled() {
        let id = TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        let cases = [
            ("http://j/trace/{trace_id}", "http://j/trace/4bf92f3577b34da6a3ce929d0e0e4736"),
            ("http://x/#{xray_trace_id}", "http://x/#1-4bf92f35-77b34da6a3ce929d0e0e4736"),
            ("http://h/?t={start}-{end}", "http://h/?t=5-9"),
        ];
        for (template, filled) in cases {
            assert_eq!(fill(template, id, 5, 9), filled);
        }
    }

    #[test]
    fn honeycomb_links_follow_from_its_answer() {
        let honeycomb = |api: &str| Honeycomb {
            auth: Url::parse(api).unwrap(),
            headers: HeaderMap::new(),
            dataset: slug("My Service"),
            told: Mutex::default(),
        };
        let auth = |json| serde_json::from_str::<Auth>(json).unwrap();
        let answer =
            auth(r#"{"team":{"slug":"cruddur"},"environment":{"name":"Test","slug":"test"}}"#);
        let classic = auth(r#"{"team":{"slug":"cruddur"},"environment":{"name":"","slug":""}}"#);
        let rest = "datasets/my-service/trace?trace_id={trace_id}&trace_start_ts={start}&trace_end_ts={end}";
        let cases = [
            (
                "https://api.honeycomb.io/1/auth",
                &answer,
                "ui.honeycomb.io/cruddur/environments/test/",
            ),
            (
                "https://api.eu1.honeycomb.io/1/auth",
                &answer,
                "ui.eu1.honeycomb.io/cruddur/environments/test/",
            ),
            ("https://api.honeycomb.io/1/auth", &classic, "ui.honeycomb.io/cruddur/"),
            ("http://127.0.0.1:1/1/auth", &answer, "ui.honeycomb.io/cruddur/environments/test/"),
        ];
        for (api, auth, expected) in cases {
            let link = honeycomb(api).template_for(auth);
            assert_eq!(link.template, format!("https://{expected}{rest}"), "{api}");
        }
    }
}
