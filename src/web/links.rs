//! The same trace elsewhere: links from templates, and to Honeycomb, whose team and environment its API
//! tells to whom has the key. The key itself goes nowhere else, and is shown nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::TraceId;
use serde::Serialize;

use crate::check::honeycomb;
use crate::config::otlp::{HONEYCOMB_TEAM_HEADER, OtlpConfig};
use crate::config::web::TraceLink;
use crate::config::{TelemetryConfig, WebConfig};
use crate::recent_traces::{Trace, Waterfall};
use crate::telemetry::otlp_client;

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
#[derive(Debug)]
struct Honeycomb {
    receiver: OtlpConfig,
    service_name: String,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    template: Option<TraceLink>,
    asked: Option<Instant>,
}

impl Honeycomb {
    /// `None` where the spans do not go there.
    fn at(receiver: &OtlpConfig, service_name: &str) -> Option<Self> {
        receiver.headers.get(HONEYCOMB_TEAM_HEADER)?;
        let (receiver, service_name) = (receiver.clone(), service_name.to_owned());
        Some(Self { receiver, service_name, told: Mutex::default() })
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
        match self.ask_for_template() {
            Some(template) => {
                self.told.lock().unwrap_or_else(PoisonError::into_inner).template = Some(template);
            }
            None => tracing::info!(
                "Honeycomb does not say where its traces are, so the page has no links there; `backend-actix check` tells why"
            ),
        }
    }

    /// <https://docs.honeycomb.io/investigate/collaborate/share-trace/>
    fn ask_for_template(&self) -> Option<TraceLink> {
        let client = otlp_client(&self.receiver).ok()?;
        let key = self.receiver.headers.get(HONEYCOMB_TEAM_HEADER)?;
        let answer = honeycomb::ask(&self.receiver, key, &client).ok()?.error_for_status().ok()?;
        let auth = honeycomb::read(answer)?;
        let dataset = honeycomb::dataset(&self.receiver, &self.service_name, &auth);
        let address = honeycomb::dataset_address(self.receiver.endpoint.host(), &auth, dataset);
        let query = "trace_id={trace_id}&trace_start_ts={start}&trace_end_ts={end}";
        let template = format!("{address}/trace?{query}");
        Some(TraceLink { name: "Honeycomb".to_owned(), template })
    }
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
}
